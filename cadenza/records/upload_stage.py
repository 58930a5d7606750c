"""Rows of a lead file on their way into the tables: copied into temporary tables piece by piece, compared with the
campaigns and the suppressions all at once, and written. Everything in the caller's one transaction: a process that dies
leaves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from psycopg import AsyncConnection
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Rule
from cadenza.domain.identifiers import new_id
from cadenza.domain.lead_file import RowResult
from cadenza.domain.outcomes import CampaignState, LeadState
from cadenza.domain.row_problem import WARNINGS, RowCode, RowProblem
from cadenza.records.held_leads import wake_held
from cadenza.records.wrong_numbers import STAGED_PERSON

_TABLES = (
    "create temporary table staged_lead (row int, id text, phone text, lead jsonb, cells jsonb, verdict text, "
    "detail text) on commit drop",
    'create temporary table staged_problem (position bigserial, row int, "column" text, value text, code text, '
    "message text, fix text, cells jsonb) on commit drop",
)
_COPY_LEADS = "copy staged_lead (row, id, phone, lead, cells) from stdin"
_COPY_PROBLEMS = 'copy staged_problem (row, "column", value, code, message, fix, cells) from stdin'

_NUMBER_CELL = (
    "(select columns ->> cast(lead ->> 'phone_column' as int) from upload where id = :upload), "
    "left(cells ->> cast(lead ->> 'phone_column' as int), 200)"
)
"""Column and value, of a staged lead."""

STARTED = (CampaignState.PREPARING, CampaignState.RUNNING, CampaignState.PAUSED)
"""Campaigns whose leads are being called."""


@dataclass(frozen=True)
class StagedRows:
    """Rows of a file as the temporary tables take them. Made apart from the loop: it costs time."""

    leads: list[tuple[int, str, str, str, str]]
    problems: list[tuple[int, str, str, str, str, str, str | None]]


def staged(results: Sequence[RowResult], warnings: Sequence[RowProblem] = ()) -> StagedRows:
    """Pure. Leads get their ids here, in the file's order."""
    taken = [result for result in results if result.lead is not None]
    ids = sorted(new_id("ld") for _ in taken)  # leads are listed by id
    leads = [
        (result.row, lead_id, result.lead.phone, result.lead.model_dump_json(), _json(result.cells))
        for lead_id, result in zip(ids, taken, strict=True)
        if result.lead is not None
    ]
    problems = [_problem_row(warning, None) for warning in warnings]
    for result in results:
        for problem in result.problems:
            problems.append(_problem_row(problem, None if problem.code in WARNINGS else _json(result.cells)))
    return StagedRows(leads, problems)


def _problem_row(problem: RowProblem, cells: str | None) -> tuple[int, str, str, str, str, str, str | None]:
    return (problem.row, problem.column, problem.value, problem.code.value, problem.message, problem.fix, cells)


def _json(cells: Sequence[str]) -> str:
    """As a database can hold them: without NULs and halves of characters."""
    clean = [cell if cell.isascii() else cell.encode("utf-8", "replace").decode() for cell in cells]
    return orjson.dumps([cell.replace("\x00", "") for cell in clean]).decode()


async def open_stage(session: AsyncSession) -> None:
    for table in _TABLES:
        await session.execute(text(table))


async def stage_rows(session: AsyncSession, rows: StagedRows) -> None:
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, AsyncConnection)
    copies: tuple[tuple[str, Sequence[tuple[object, ...]]], ...] = (
        (_COPY_LEADS, rows.leads), (_COPY_PROBLEMS, rows.problems),
    )  # fmt: skip
    for statement, items in copies:
        if not items:
            continue
        async with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for item in items:
                await copy.write_row(item)


async def finish_stage(
    session: AsyncSession, campaign_id: str, upload_id: str, *, take_active: bool, dry_run: bool
) -> int:
    """Judge the staged leads, write those that may stay, and every finding in the file's order. Returns how many were
    taken, or would have been."""
    await session.execute(text("analyze staged_lead"))
    await _judge(session, campaign_id, take_active=take_active)
    if not dry_run:
        await _write_leads(session, campaign_id, upload_id)
    await _tell_verdicts(session, upload_id)
    await session.execute(
        text(
            'insert into row_error (upload_id, row, "column", value, code, message, fix, cells) '
            'select :upload, row, "column", value, code, message, fix, cells from staged_problem order by row, position'
        ),
        {"upload": upload_id},
    )
    accepted = await session.execute(text("select count(*) from staged_lead where verdict is null"))
    return int(accepted.scalar_one())


async def _judge(session: AsyncSession, campaign_id: str, *, take_active: bool) -> None:
    """The verdict on a row that is not taken; the strongest reason counts."""
    await session.execute(
        text("update staged_lead set verdict = :code from suppression where suppression.phone = staged_lead.phone"),
        {"code": RowCode.OPTED_OUT.value},
    )
    await session.execute(
        text(
            "update staged_lead set verdict = :code from wrong_number "  # noqa: S608
            "where wrong_number.phone = staged_lead.phone "
            f"and wrong_number.person = {STAGED_PERSON} and verdict is null"
        ),
        {"code": RowCode.WRONG_NUMBER.value},
    )
    await session.execute(
        text(
            "update staged_lead set verdict = :code from lead where lead.campaign_id = :campaign "
            "and lead.phone = staged_lead.phone and verdict is null"
        ),
        {"code": RowCode.DUPLICATE_IN_CAMPAIGN.value, "campaign": campaign_id},
    )
    await session.execute(
        text(
            """
            update staged_lead set detail = found.name, verdict = cast(:verdict as text)
            from (select lead.phone, min(campaign.name) as name
                  from lead join campaign on campaign.id = lead.campaign_id
                  where lead.campaign_id <> :campaign and campaign.state = any(:started) and lead.state <> :final
                    and exists (select 1 from staged_lead as mine where mine.phone = lead.phone)
                  group by lead.phone) as found
            where found.phone = staged_lead.phone and verdict is null
            """
        ),
        {
            "verdict": None if take_active else RowCode.DUPLICATE_IN_OTHER_CAMPAIGN.value,
            "campaign": campaign_id,
            "started": [state.value for state in STARTED],
            "final": LeadState.FINAL.value,
        },
    )


async def _write_leads(session: AsyncSession, campaign_id: str, upload_id: str) -> None:
    values = {"campaign": campaign_id, "upload": upload_id, "new": LeadState.NEW.value}
    await session.execute(_INSERT_LEADS, values)
    await session.execute(
        text(
            "update staged_lead set verdict = :code where verdict is null "
            "and not exists (select 1 from lead where lead.id = staged_lead.id)"
        ),
        {"code": RowCode.DUPLICATE_IN_CAMPAIGN.value},
    )
    await session.execute(_INSERT_OTHER_PHONES)
    await session.execute(_INSERT_CONSENTS, values)
    await session.execute(_INSERT_LATER_CONSENTS, values | {"known": RowCode.DUPLICATE_IN_CAMPAIGN.value})
    held = await session.execute(_HELD_FOR_CONSENT, {"rule": Rule.NO_CONSENT.value})
    await wake_held(session, [Rule.NO_CONSENT], phones=list(held.scalars()))


async def _tell_verdicts(session: AsyncSession, upload_id: str) -> None:
    """Each with the cell that the number was read from."""
    for code, (message, fix) in _WORDS.items():
        await session.execute(
            text(
                'insert into staged_problem (row, "column", value, code, message, fix, cells) '  # noqa: S608
                f"select row, {_NUMBER_CELL}, :code, :message || coalesce(detail, ''), :fix, cells from staged_lead "
                "where verdict = :code order by row"
            ),
            {"upload": upload_id, "code": code.value, "message": message, "fix": fix},
        )
    message, fix = _TAKEN_ALL_THE_SAME
    await session.execute(
        text(
            'insert into staged_problem (row, "column", value, code, message, fix) '  # noqa: S608
            f"select row, {_NUMBER_CELL}, :code, :message || detail, :fix from staged_lead "
            "where verdict is null and detail is not null order by row"
        ),
        {"upload": upload_id, "code": RowCode.ACTIVE_ELSEWHERE.value, "message": message, "fix": fix},
    )
    message, fix = _OTHER_NUMBER
    await session.execute(
        text(
            'insert into staged_problem (row, "column", value, code, message, fix) '
            "select staged_lead.row, '', suppression.phone, :code, :message, :fix from staged_lead "
            "cross join lateral jsonb_array_elements(lead -> 'other_phones') as other "
            "join suppression on suppression.phone = other ->> 'phone' "
            "where verdict is null and lead -> 'other_phones' <> '[]' order by staged_lead.row"
        ),
        {"code": RowCode.OTHER_NUMBER_OPTED_OUT.value, "message": message, "fix": fix},
    )


_WORDS: dict[RowCode, tuple[str, str]] = {
    RowCode.OPTED_OUT: (
        "This number asked not to be called; it is on the suppression list.",
        "Nothing to do: the number is not called by any campaign.",
    ),
    RowCode.WRONG_NUMBER: (
        "A call found that this person is not at this number.",
        "Find the person's right number. Other people at this number are taken.",
    ),
    RowCode.DUPLICATE_IN_CAMPAIGN: (
        "This number is in the campaign already, from an earlier upload.",
        "Nothing to do; the earlier lead stays as it is.",
    ),
    RowCode.DUPLICATE_IN_OTHER_CAMPAIGN: (
        "This number is being called by another campaign: ",
        "Wait until it is finished there, or upload with active_elsewhere=take.",
    ),
}
_TAKEN_ALL_THE_SAME = (
    "This number is being called by another campaign too: ",
    "Nothing to do if both campaigns may call the person.",
)
_OTHER_NUMBER = (
    "This further number asked not to be called; the lead was taken without it.",
    "Nothing to do: the number is not called by any campaign.",
)

_INSERT_LEADS = text(
    """
    insert into lead (id, campaign_id, upload_id, row, phone, phone_kind, extension, name, first_name, email, company,
                      country, zones, said_zone, address, language, custom, state, due_at, next_step, is_callback,
                      attempts_made, workflow_started, outcome_reason)
    select id, :campaign, :upload, row, phone, lead ->> 'phone_kind', lead ->> 'extension', lead ->> 'name',
           lead ->> 'first_name', lead ->> 'email', lead ->> 'company', lead ->> 'country', lead -> 'zones',
           lead ->> 'said_zone', lead -> 'address', lead ->> 'language', lead -> 'custom', :new, now(), 'first call',
           false, 0, false, ''
    from staged_lead where verdict is null order by row
    on conflict on constraint lead_campaign_phone do nothing
    """
)
_INSERT_OTHER_PHONES = text(
    """
    insert into other_phone (lead_id, position, phone, kind, extension, country, zones)
    select staged_lead.id, row_number() over (partition by staged_lead.id order by place), other ->> 'phone',
           other ->> 'kind', other ->> 'extension', other ->> 'country', other -> 'zones'
    from staged_lead cross join lateral jsonb_array_elements(lead -> 'other_phones') with ordinality as o(other, place)
    where verdict is null and lead -> 'other_phones' <> '[]'
      and not exists (select 1 from suppression where suppression.phone = other ->> 'phone')
    """
)
_INSERT_CONSENTS = text(
    """
    insert into consent (phone, kind, given_on, source, proof, lead_id, upload_id, row)
    select phone, stated ->> 'kind', cast(stated ->> 'given_on' as date), stated ->> 'source', stated ->> 'proof',
           id, :upload, row
    from staged_lead cross join lateral (select lead -> 'consent' as stated) as consent
    where verdict is null and stated <> 'null' order by row
    """
)
# A lead stays as it is when a later file has it again, but a consent that the file states is evidence all the same.
_INSERT_LATER_CONSENTS = text(
    """
    insert into consent (phone, kind, given_on, source, proof, lead_id, upload_id, row)
    select staged_lead.phone, stated ->> 'kind', cast(stated ->> 'given_on' as date), stated ->> 'source',
           stated ->> 'proof', lead.id, :upload, staged_lead.row
    from staged_lead
    cross join lateral (select staged_lead.lead -> 'consent' as stated) as consent
    join lead on lead.campaign_id = :campaign and lead.phone = staged_lead.phone
    where verdict = :known and stated <> 'null' and not exists (
        select 1 from consent as known where known.phone = staged_lead.phone and known.kind = stated ->> 'kind'
          and known.given_on is not distinct from cast(stated ->> 'given_on' as date)
          and known.source = stated ->> 'source' and known.proof = stated ->> 'proof')
    order by staged_lead.row
    """
)
_HELD_FOR_CONSENT = text(
    """
    select distinct staged_lead.phone from staged_lead join lead on lead.phone = staged_lead.phone
    where lead.held_rule = :rule and staged_lead.lead -> 'consent' <> 'null'
    """
)

"""Uploads of lead files: rows become leads, and what was wrong with the others is kept. Nothing is called by it."""

import hashlib
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.identifiers import new_id
from cadenza.domain.lead_file import LeadFile, LeadRow
from cadenza.domain.outcomes import LeadState
from cadenza.domain.row_problem import WARNINGS, RowCode, RowProblem
from cadenza.records.gate_facts import database_now
from cadenza.records.tables import Lead, RowError, Upload

_CHUNK = 1000


class UploadResult(BaseModel):
    """What an upload did. `problems` are empty where the same file had been taken before."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    rows: int
    accepted: int
    rejected: int
    is_repeat: bool = False
    problems: tuple[RowProblem, ...] = ()


def file_hash(data: bytes, default_country: str) -> str:
    """The same bytes read for another default country are another file."""
    return hashlib.sha256(default_country.encode() + b"\n" + data).hexdigest()


async def lock_uploads(session: AsyncSession, campaign_id: str) -> None:
    """One upload into a campaign at a time, so that the same file sent twice at once counts once."""
    await session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"upload:{campaign_id}"}
    )


async def find_upload(session: AsyncSession, campaign_id: str, sha256: str) -> UploadResult | None:
    query = select(Upload).where(Upload.campaign_id == campaign_id, Upload.sha256 == sha256).limit(1)
    upload = (await session.exec(query)).first()
    if upload is None:
        return None
    return UploadResult(
        upload_id=upload.id, rows=upload.rows, accepted=upload.accepted, rejected=upload.rejected, is_repeat=True
    )


async def save_upload(
    session: AsyncSession, campaign_id: str, file_name: str, sha256: str, lead_file: LeadFile
) -> UploadResult:
    """Store the file's leads and findings. Numbers that are in the campaign or suppressed become findings too."""
    upload = Upload(
        id=new_id("up"), campaign_id=campaign_id, file_name=file_name[:200], sha256=sha256, rows=lead_file.rows,
        accepted=0, rejected=0,
    )  # fmt: skip
    session.add(upload)
    await session.flush()
    suppressed = await _suppressed(session, [lead.phone for lead in lead_file.leads])
    wanted = [lead for lead in lead_file.leads if lead.phone not in suppressed]
    inserted: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        inserted |= await _insert(session, campaign_id, upload.id, wanted[start : start + _CHUNK])
    problems = [
        *lead_file.problems,
        *(_opted_out(lead) for lead in lead_file.leads if lead.phone in suppressed),
        *(_in_campaign(lead) for lead in wanted if lead.phone not in inserted),
    ]
    problems.sort(key=lambda problem: problem.row)
    await _store_problems(session, upload.id, problems)
    upload.accepted, upload.rejected = len(inserted), lead_file.rows - len(inserted)
    session.add(upload)
    await session.flush()
    return UploadResult(
        upload_id=upload.id,
        rows=upload.rows,
        accepted=upload.accepted,
        rejected=upload.rejected,
        problems=tuple(problems),
    )


async def get_upload(session: AsyncSession, upload_id: str) -> Upload | None:
    return await session.get(Upload, upload_id)


async def list_uploads(session: AsyncSession, campaign_id: str, *, before: str | None, limit: int) -> list[Upload]:
    """Newest first."""
    query = select(Upload).where(Upload.campaign_id == campaign_id).order_by(col(Upload.id).desc()).limit(limit)
    if before is not None:
        query = query.where(Upload.id < before)
    return list(await session.exec(query))


async def list_row_errors(
    session: AsyncSession, upload_id: str, *, after: int, limit: int, with_warnings: bool = True
) -> list[RowError]:
    """In the file's order. `after` is the last id of the page before."""
    query = (
        select(RowError)
        .where(RowError.upload_id == upload_id, col(RowError.id) > after)
        .order_by(col(RowError.id))
        .limit(limit)
    )
    if not with_warnings:
        query = query.where(col(RowError.code).not_in([code.value for code in WARNINGS]))
    return list(await session.exec(query))


async def _suppressed(session: AsyncSession, phones: Sequence[str]) -> set[str]:
    rows = await session.execute(
        text("select phone from suppression where phone = any(:phones)"), {"phones": list(phones)}
    )
    return set(rows.scalars())


async def _insert(session: AsyncSession, campaign_id: str, upload_id: str, leads: Sequence[LeadRow]) -> set[str]:
    """The numbers that were new to the campaign."""
    now = await database_now(session)
    blank = Lead(id="", campaign_id=campaign_id, upload_id=upload_id, phone="", due_at=now).model_dump(
        exclude={"created_at"}
    )
    ids = sorted(new_id("ld") for _ in leads)  # leads are listed by id: in the file's order
    rows = [
        {
            **blank,
            **lead.model_dump(exclude={"zones"}),
            "zones": list(lead.zones),
            "id": lead_id,
            "state": LeadState.NEW.value,
        }
        for lead_id, lead in zip(ids, leads, strict=True)
    ]
    statement = insert(Lead).values(rows).on_conflict_do_nothing(constraint="lead_campaign_phone")
    returned = await session.execute(statement.returning(col(Lead.phone)))
    return set(returned.scalars())


async def _store_problems(session: AsyncSession, upload_id: str, problems: Iterable[RowProblem]) -> None:
    session.add_all(RowError(upload_id=upload_id, **problem.model_dump(mode="json")) for problem in problems)
    await session.flush()


def _opted_out(lead: LeadRow) -> RowProblem:
    return RowProblem(
        row=lead.row,
        code=RowCode.OPTED_OUT,
        message="This number asked not to be called; it is on the suppression list.",
        fix="Nothing to do: the number is not called by any campaign.",
    )


def _in_campaign(lead: LeadRow) -> RowProblem:
    return RowProblem(
        row=lead.row,
        code=RowCode.DUPLICATE_IN_CAMPAIGN,
        message="This number is in the campaign already, from an earlier upload.",
        fix="Nothing to do; the earlier lead stays as it is.",
    )

"""The audit log: entries written in the transactions that they tell of, sealed into a chain behind them.

A chain needs one order, and one order held by every transaction would let only one work at a time. So transactions
only insert; `seal_entries`, one at a time by an advisory lock, gives what was committed its positions and hashes, in
the order in which it finds it. What is younger than the last sealing is in the log but not yet in the chain.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.audit_chain import BrokenChain, ChainCheck, Head, LoggedEntry, SealedEntry, entry_hash
from cadenza.domain.gate import GateDecision
from cadenza.records.compliance_tables import AuditEntry, AuditSeal
from cadenza.records.database import Database
from cadenza.records.number_hash import number_hash
from cadenza.records.tables import Lead

SEALED_AT_ONCE = 2000
_LATE = "1 hour"
"""An entry may be committed so much later than it was written, and is sealed all the same."""
LATE_SECONDS = 120
"""An entry that is older and not in the chain: nobody seals, or somebody wrote it past the sealing."""
_LOCK = 7_405_118_305
_READ_AT_ONCE = 2000
_ENTRY = "id, at, kind, who, why, campaign_id, lead_id, attempt_id, number_hash, details"


async def note_change(
    session: AsyncSession,
    kind: str,
    *,
    who: str,
    why: str = "",
    phone: str | None = None,
    campaign_id: str | None = None,
    lead_id: str | None = None,
    attempt_id: str | None = None,
    **details: Any,
) -> None:
    """Log in the caller's transaction. `details` hold no name and no number; `phone` is logged as its keyed hash."""
    session.add(
        AuditEntry(
            kind=kind,
            who=who,
            why=why,
            campaign_id=campaign_id,
            lead_id=lead_id,
            attempt_id=attempt_id,
            number_hash=number_hash(phone) if phone else None,
            details=details,
        )
    )
    await session.flush()


async def note_decision(
    session: AsyncSession, stage: str, decision: GateDecision, *, lead_id: str, attempt_id: str | None = None
) -> None:
    """Log what the gate said, yes or no. `stage`: admission, before_post or answer."""
    await note_decisions(session, stage, [(lead_id, attempt_id, decision)])


async def note_decisions(
    session: AsyncSession, stage: str, decisions: Iterable[tuple[str, str | None, GateDecision]]
) -> None:
    """As `note_decision`, of many leads at once: `(lead, attempt, decision)` each."""
    rows = [
        {
            "kind": "gate.allowed" if decision.allowed else "gate.refused",
            "why": decision.reason,
            "lead_id": lead_id,
            "attempt_id": attempt_id,
            "details": decision_details(stage, decision),
        }
        for lead_id, attempt_id, decision in decisions
    ]
    if rows:
        await session.execute(_NOTE_DECISIONS, {"rows": orjson.dumps(rows).decode()})


def decision_details(stage: str, decision: GateDecision) -> dict[str, Any]:
    """What is logged of a decision beside its reason; the source of its rule is found by the version of the rules."""
    if decision.allowed:  # the most frequent, and what a tick has most of: not through pydantic
        return {"stage": stage, "rules_version": decision.rules_version}
    known = decision.model_dump(mode="json", exclude_defaults=True, exclude={"reason", "source"})
    return {"stage": stage, **known}


_NOTE_DECISIONS = text(
    """
    insert into audit_entry (kind, who, why, lead_id, attempt_id, details)
    select kind, 'gate', why, lead_id, attempt_id, details
    from jsonb_to_recordset(cast(:rows as jsonb))
         as decision (kind text, why text, lead_id text, attempt_id text, details jsonb)
    """
)


async def seal_entries(session: AsyncSession, *, everything: bool = False) -> Head | None:
    """Seal what is not sealed yet, in batches; the head of the chain, or None if another process seals just now.

    `everything` looks at all entries, however old, and waits for its turn.
    """
    lock = "pg_advisory_xact_lock" if everything else "pg_try_advisory_xact_lock"
    locked = (await session.execute(text(f"select {lock}(:key)"), {"key": _LOCK})).scalar_one()
    if not everything and not locked:
        return None
    head = await read_head(session)
    while entries := await _unsealed(session, head, everything=everything):
        rows = []
        for entry in entries:
            head = Head(head.position + 1, entry_hash(entry, head.position + 1, head.hash))
            rows.append({"position": head.position, "entry": entry.id, "hash": head.hash})
        await session.execute(
            text("insert into audit_seal (position, entry_id, hash) values (:position, :entry, :hash)"), rows
        )
        if len(entries) < SEALED_AT_ONCE:
            break
    return head


async def read_head(session: AsyncSession) -> Head:
    row = (await session.execute(text("select position, hash from audit_seal order by position desc limit 1"))).first()
    return Head(row.position, row.hash) if row else Head()


async def verify_chain(session: AsyncSession, noted: Head | None = None) -> tuple[Head, BrokenChain | None]:
    """Go through the whole chain in bounded memory: its head, and the first place that is not as it was written."""
    check = ChainCheck(noted)
    while check.broken is None:
        rows = await session.execute(
            text(
                f"""
                select position, entry_id, hash, {_ENTRY} from audit_seal left join audit_entry on id = entry_id
                where position > :after order by position limit :most
                """  # noqa: S608
            ),
            {"after": check.head.position, "most": _READ_AT_ONCE},
        )
        found = rows.mappings().all()
        for row in found:
            check.take(row["position"], row["hash"], _logged(row) if row["id"] is not None else None, row["entry_id"])
        if len(found) < _READ_AT_ONCE:
            break
    return check.head, check.end() or await _past_the_sealing(session, check.head)


async def list_audit(
    session: AsyncSession,
    *,
    kind: str | None = None,
    who: str | None = None,
    campaign_id: str | None = None,
    lead_id: str | None = None,
    phone: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[tuple[AuditEntry, AuditSeal | None]]:
    """Newest first, with the seals of those that are sealed. `kind` may be the beginning of one (`campaign.`); a
    campaign's are also those of its leads."""
    query = (
        select(AuditEntry, AuditSeal)
        .join(AuditSeal, col(AuditSeal.entry_id) == col(AuditEntry.id), isouter=True)
        .order_by(col(AuditEntry.id).desc())
        .limit(limit)
    )
    if campaign_id is not None:
        its_leads = select(Lead.id).where(Lead.campaign_id == campaign_id)
        query = query.where(or_(col(AuditEntry.campaign_id) == campaign_id, col(AuditEntry.lead_id).in_(its_leads)))
    wanted = {AuditEntry.who: who, AuditEntry.lead_id: lead_id}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if kind is not None:
        query = query.where(col(AuditEntry.kind).startswith(kind, autoescape=True))
    if phone is not None:
        query = query.where(AuditEntry.number_hash == number_hash(phone))
    if since is not None:
        query = query.where(col(AuditEntry.at) >= since)
    if until is not None:
        query = query.where(col(AuditEntry.at) < until)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    return [(entry, seal) for entry, seal in await session.exec(query)]


async def exported_chain(database: Database) -> AsyncIterator[SealedEntry]:
    """The chain from its first position on, for an export."""
    after = 0
    while True:
        async with database.transaction() as session:
            rows = await session.execute(
                text(
                    f"""
                    select position, hash, {_ENTRY} from audit_seal join audit_entry on id = entry_id
                    where position > :after order by position limit :most
                    """  # noqa: S608
                ),
                {"after": after, "most": _READ_AT_ONCE},
            )
            found = [SealedEntry.model_validate(dict(row)) for row in rows.mappings()]
        for entry in found:
            yield entry
        if len(found) < _READ_AT_ONCE:
            return
        after = found[-1].position


async def _unsealed(session: AsyncSession, head: Head, *, everything: bool) -> list[LoggedEntry]:
    rows = await session.execute(
        text(
            f"""
            with last as (select at from audit_entry join audit_seal on entry_id = id where position = :head)
            select {_ENTRY} from audit_entry
            where not exists (select 1 from audit_seal where entry_id = audit_entry.id)
              and (:everything or at > coalesce((select last.at from last), '-infinity') - interval '{_LATE}')
            order by id limit :most
            """  # noqa: S608
        ),
        {"head": head.position, "most": SEALED_AT_ONCE, "everything": everything},
    )
    return [_logged(row) for row in rows.mappings()]


async def _past_the_sealing(session: AsyncSession, head: Head) -> BrokenChain | None:
    row = (
        await session.execute(
            text(
                "select id from audit_entry where at < clock_timestamp() - make_interval(secs => :late) "
                "and not exists (select 1 from audit_seal where entry_id = audit_entry.id) order by id limit 1"
            ),
            {"late": LATE_SECONDS},
        )
    ).first()
    if row is None:
        return None
    return BrokenChain(head.position + 1, row.id, "the entry is old and was never sealed")


def _logged(row: Any) -> LoggedEntry:
    return LoggedEntry.model_validate({name: row[name] for name in LoggedEntry.model_fields})

"""Numbers that are never called again. A suppression acts on every campaign in the transaction that writes it.

`suppression` holds who is suppressed now; `suppression_event` everybody who asked for it, and who lifted it. Neither
knows of leads: they outlive them.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import LeadOutcome
from cadenza.domain.suppression import SuppressionAction, SuppressionSource, lifted_by_reply
from cadenza.records.audit import note_change
from cadenza.records.compliance_tables import SuppressionEvent


async def suppress_number(
    session: AsyncSession,
    phone: str,
    *,
    reason: str,
    source: str,
    who: str = "callee",
    attempt_id: str | None = None,
    reference: str = "",
) -> bool:
    """Suppress `phone` (E.164) and ask every unfinished lead with it to close. True if it was not suppressed before.

    `source` is one of SuppressionSource, `reference` the message or list that it came from. What is admitted or rings
    is called off by the dialer's next tick; the gate before the POST and at the answer refuses at once.
    """
    new = await suppress_numbers(
        session,
        [phone],
        reason=reason,
        source=source,
        who=who,
        attempt_id=attempt_id,
        reference=reference or attempt_id or "",
    )
    await note_change(
        session,
        "suppression.added",
        who=who,
        why=reason,
        phone=phone,
        attempt_id=attempt_id,
        source=source,
        was_suppressed=not new,
    )
    return bool(new)


async def suppress_numbers(
    session: AsyncSession,
    phones: Sequence[str],
    *,
    reason: str,
    source: str,
    who: str,
    reference: str,
    attempt_id: str | None = None,
) -> set[str]:
    """The same for many, in one statement each; the caller logs it. Returns those that were not suppressed before."""
    values = {
        "phones": sorted(set(phones)),  # one order everywhere: no two transactions wait for each other
        "reason": reason,
        "source": source,
        "who": who,
        "attempt": attempt_id,
        "reference": reference,
        "suppressed": SuppressionAction.SUPPRESSED.value,
        "lifted": SuppressionAction.LIFTED.value,
        "outcome": LeadOutcome.SUPPRESSED.value,
    }
    rows = await session.execute(_SUPPRESS, values)
    await session.execute(_CLOSE_LEADS, values)
    return set(rows.scalars())


# The update of what is there already changes nothing: it waits for a lift that is under way, and outlives it.
_SUPPRESS = text(
    """
    with written as (
        insert into suppression (phone, reason, source, attempt_id, who)
        select phone, cast(:reason as text), cast(:source as text), cast(:attempt as text), cast(:who as text)
        from unnest(cast(:phones as text[])) as phone order by phone
        on conflict (phone) do update set reason = suppression.reason
        returning phone, xmax = 0 as is_new),
    told as (
        insert into suppression_event (phone, action, source, reason, who, reference)
        select phone, cast(:suppressed as text), cast(:source as text), cast(:reason as text), cast(:who as text),
               cast(:reference as text)
        from written where is_new or not exists (
            select 1 from suppression_event as before
            where before.phone = written.phone and before.source = :source and before.action = :suppressed
              and before.id > coalesce((select max(id) from suppression_event as lift
                                        where lift.phone = written.phone and lift.action = :lifted), 0)))
    select phone from written where is_new
    """
)
_CLOSE_LEADS = text(
    "update lead set close_as = :outcome where phone = any(:phones) and state <> 'final' "
    "and close_as is distinct from :outcome"
)


async def lift_suppression(
    session: AsyncSession, phone: str, *, reason: str, who: str, source: SuppressionSource, reference: str = ""
) -> bool:
    """Let the number be called again, by leads uploaded or opened from now on: closed leads stay closed. False if it
    was not suppressed."""
    lifted = await session.execute(text("delete from suppression where phone = :phone"), {"phone": phone})
    if not lifted.rowcount:  # type: ignore[attr-defined]
        return False
    session.add(
        SuppressionEvent(
            phone=phone,
            action=SuppressionAction.LIFTED.value,
            source=source.value,
            reason=reason,
            who=who,
            reference=reference,
        )
    )
    await note_change(session, "suppression.lifted", who=who, why=reason, phone=phone, source=source.value)
    return True


async def lift_by_reply(session: AsyncSession, phone: str, *, reference: str) -> bool:
    """START: lift what was asked for by reply only. True if it was lifted."""
    held = await session.execute(text("select 1 from suppression where phone = :phone for update"), {"phone": phone})
    if held.first() is None or not lifted_by_reply(await sources_of(session, phone)):
        return False
    return await lift_suppression(
        session, phone, reason="START by reply", who="callee", source=SuppressionSource.REPLY, reference=reference
    )


async def sources_of(session: AsyncSession, phone: str) -> set[str]:
    """Everything by which the number was suppressed since its suppression was last lifted."""
    sources: set[str] = set()
    for event in await list_suppression_events(session, phone):
        if event.action == SuppressionAction.LIFTED:
            break
        sources.add(event.source)
    return sources


async def list_suppression_events(session: AsyncSession, phone: str) -> list[SuppressionEvent]:
    """Who asked for it and who lifted it, newest first."""
    query = select(SuppressionEvent).where(SuppressionEvent.phone == phone).order_by(col(SuppressionEvent.id).desc())
    return list(await session.exec(query))


async def is_suppressed(session: AsyncSession, phone: str) -> bool:
    found = await session.execute(text("select 1 from suppression where phone = :phone"), {"phone": phone})
    return found.first() is not None

"""Transfers as they stand. What is dialled is claimed here first, once: whoever asks later gets nothing to dial.

Every change is a compare-and-set on the state, so that late, repeated and reordered words change nothing.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.transfers import TransferState, TransferTarget, outcome_of_transfers
from cadenza.records.call_context import finish_conversation
from cadenza.records.call_tables import Transfer


async def ask_for_transfer(session: AsyncSession, attempt_id: str, position: int, target: TransferTarget) -> None:
    """Note what the agent is about to announce. Noted again (the bridge died meanwhile), it stays as it is."""
    await session.execute(
        text(
            "insert into transfer (attempt_id, position, target_id, phone, state, visit) "
            "values (:attempt, :position, :target, :phone, 'asked', '') on conflict do nothing"
        ),
        {"attempt": attempt_id, "position": position, "target": target.id, "phone": target.phone},
    )


async def release_to_transfer(session: AsyncSession, attempt_id: str) -> bool:
    """The announcement was heard: what the carrier asks for next is the dialling. False: there is none to be made."""
    return await _move(session, attempt_id, TransferState.ASKED, TransferState.READY)


async def call_off_transfer(session: AsyncSession, attempt_id: str) -> bool:
    """The callee changed their mind. False: it was dialled already, or there is none."""
    return await _move(session, attempt_id, TransferState.ASKED, TransferState.CALLED_OFF)


async def claim_dial(session: AsyncSession, attempt_id: str, visit: str, *, not_taken: bool = False) -> Transfer | None:
    """The transfer that the carrier is to make now, and nobody else will be given. None: nothing is to be dialled.

    `visit` names the carrier's request; asked again under the same name, it is the same answer on its way.
    `not_taken`: the carrier says that it did not get the answer before.
    """
    found = await latest_transfer(session, attempt_id, lock=True)
    if found is None:
        return None
    again = found.state == TransferState.DIALLING and (found.visit == visit or not_taken)
    if found.state != TransferState.READY and not again:
        return None
    if await _is_suppressed(session, found.phone):
        await _end(session, attempt_id, found.position, TransferState.FAILED)
        return None
    await session.execute(
        text(
            "update transfer set state = 'dialling', visit = :visit, dialled_at = coalesce(dialled_at, now()) "
            "where attempt_id = :attempt and position = :position"
        ),
        {"attempt": attempt_id, "position": found.position, "visit": visit},
    )
    return found


async def give_up_dial(session: AsyncSession, attempt_id: str) -> None:
    """The carrier asks what comes next, and never told of the target that it was given: it is not given one twice."""
    await _move(session, attempt_id, TransferState.DIALLING, TransferState.UNKNOWN)
    await _move(session, attempt_id, TransferState.ANSWERED, TransferState.COMPLETED)


async def note_target_answered(session: AsyncSession, attempt_id: str, position: int, call_sid: str) -> None:
    """The target took the call."""
    await session.execute(
        text(
            "update transfer set answered_at = coalesce(answered_at, now()), dial_call_sid = :sid, "
            "state = case when state = 'dialling' then 'answered' else state end "
            "where attempt_id = :attempt and position = :position and state in ('dialling', 'answered', 'completed')"
        ),
        {"attempt": attempt_id, "position": position, "sid": call_sid},
    )


async def end_transfer(
    session: AsyncSession, attempt_id: str, position: int, state: TransferState, call_sid: str, seconds: int | None
) -> None:
    """The carrier's last word on a target that it dialled. One who took the call ends the conversation with us."""
    ended = await _end(session, attempt_id, position, state, call_sid, seconds)
    if ended and state is TransferState.COMPLETED:
        await finish_conversation(session, attempt_id, AttemptOutcome.TRANSFERRED)


async def list_transfers(session: AsyncSession, attempt_id: str) -> list[Transfer]:
    """Oldest first."""
    query = select(Transfer).where(Transfer.attempt_id == attempt_id).order_by(col(Transfer.position))
    return list(await session.exec(query))


async def latest_transfer(session: AsyncSession, attempt_id: str, *, lock: bool = False) -> Transfer | None:
    query = select(Transfer).where(Transfer.attempt_id == attempt_id).order_by(col(Transfer.position).desc()).limit(1)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(query)).first()


async def word_of_transfers(session: AsyncSession, attempt_id: str) -> AttemptOutcome | None:
    """What stands for a bridge's last word where none was said: the line went over to the carrier for good."""
    return outcome_of_transfers([TransferState(one.state) for one in await list_transfers(session, attempt_id)])


async def suppressed_among(session: AsyncSession, phones: Sequence[str]) -> set[str]:
    """Those of the numbers that must not be rung."""
    rows = await session.execute(
        text("select phone from suppression where phone = any(:phones)"), {"phones": list(phones)}
    )
    return set(rows.scalars())


async def _is_suppressed(session: AsyncSession, phone: str) -> bool:
    return bool(await suppressed_among(session, [phone]))


async def _move(session: AsyncSession, attempt_id: str, before: TransferState, after: TransferState) -> bool:
    moved = await session.execute(
        text("update transfer set state = :after where attempt_id = :attempt and state = :before returning position"),
        {"attempt": attempt_id, "before": before.value, "after": after.value},
    )
    return moved.first() is not None


async def _end(
    session: AsyncSession,
    attempt_id: str,
    position: int,
    state: TransferState,
    call_sid: str = "",
    seconds: int | None = None,
) -> bool:
    ended = await session.execute(
        text(
            "update transfer set state = cast(:state as text), ended_at = now(), talked_seconds = :seconds, "
            "dial_call_sid = coalesce(dial_call_sid, :sid), "
            "answered_at = coalesce(answered_at, case when cast(:state as text) = 'completed' then now() end) "
            "where attempt_id = :attempt and position = :position and ended_at is null "
            "and state in ('ready', 'dialling', 'answered', 'unknown', 'completed') returning position"
        ),
        {"state": state.value, "sid": call_sid or None, "seconds": seconds, "attempt": attempt_id,
         "position": position},
    )  # fmt: skip
    return ended.first() is not None

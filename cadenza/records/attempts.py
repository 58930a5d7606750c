"""The life of an attempt in SQL: claimed once, submitted once, told by the carrier, finished once.

Every change is a compare-and-set on the state, so that late, repeated and reordered words change nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate, GateDecision, GateFacts, Rule
from cadenza.domain.messages import CallProgressed
from cadenza.domain.outcomes import (
    ATTEMPT_EDGES,
    AnsweredBy,
    AttemptOutcome,
    AttemptState,
    CallStatus,
    LeadOutcome,
)
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.tally import EndedAttempt, Tally, tally_of
from cadenza.records.audit import note_decision
from cadenza.records.database import lock_row
from cadenza.records.events import answer_received_at
from cadenza.records.gate_facts import database_now, read_gate_facts, store_refusal
from cadenza.records.tables import Attempt, Campaign


class UnknownAttempt(Exception):
    """There is no attempt with this id."""


CLAIM_HOLDS = timedelta(seconds=1.5)
"""The gates were asked at the claim. A pause, a cancel or an opt-out acts within two seconds, so a request that could
not be sent by then (a frozen process, a starved machine) is not sent under that claim."""


@dataclass(frozen=True)
class Submission:
    """What the carrier is asked for. Holds a number: never log it."""

    attempt_id: str
    lead_id: str
    campaign_id: str
    to: str
    from_number: str
    policy: CampaignPolicy
    good_for: timedelta
    """From the claim on: the request may not be sent later."""
    is_recorded: bool = True


async def get_attempt(session: AsyncSession, attempt_id: str, *, lock: bool = False) -> Attempt:
    """The attempt, locked for this transaction if asked. Raises UnknownAttempt."""
    attempt = await (lock_row(session, Attempt, attempt_id) if lock else session.get(Attempt, attempt_id))
    if attempt is None:
        raise UnknownAttempt(attempt_id)
    return attempt


async def claim_for_submission(session: AsyncSession, attempt_id: str, gate: Gate) -> Submission | GateDecision:
    """Take the attempt for the one POST: reserved -> submitting, inside its lease, all gates checked again.

    A refusal is stored and the attempt becomes `refused`; a second claim finds it taken and is refused too.
    """
    attempt = await get_attempt(session, attempt_id, lock=True)
    now = await database_now(session)
    if attempt.state != AttemptState.RESERVED:
        return GateDecision(rule=Rule.NOT_RESERVED, reason=f"the attempt is already {attempt.state}")
    is_recorded = False
    if now >= attempt.lease_until:
        decision = GateDecision(rule=Rule.LEASE_LAPSED, reason="the admission came too late", next_at=now)
    else:
        facts = await _facts_of(session, attempt, gate)
        decision, is_recorded = gate.check(facts, now), gate.may_record(facts)
    if not decision.allowed:
        attempt.state = AttemptState.REFUSED
        attempt.refusal_rule = decision.rule.value if decision.rule else None
        attempt.outcome_reason = decision.reason
        session.add(attempt)
        await store_refusal(session, attempt.lead_id, "before_post", decision, attempt_id=attempt_id)
        return decision
    attempt.state = AttemptState.SUBMITTING
    attempt.submitted_at = now
    session.add(attempt)
    await note_decision(session, "before_post", decision, lead_id=attempt.lead_id, attempt_id=attempt_id)
    campaign = await session.get_one(Campaign, attempt.campaign_id)
    await session.flush()
    return Submission(
        attempt_id=attempt_id,
        lead_id=attempt.lead_id,
        campaign_id=attempt.campaign_id,
        to=attempt.phone,
        from_number=attempt.from_number,
        policy=CampaignPolicy.model_validate(campaign.policy),
        good_for=min(attempt.lease_until - now, CLAIM_HOLDS),
        is_recorded=is_recorded,
    )


async def record_placed(session: AsyncSession, attempt_id: str, call_sid: str) -> None:
    """The carrier took the call. A callback may have said so, and more, before."""
    attempt = await get_attempt(session, attempt_id, lock=True)
    _bind(attempt, call_sid)
    advance(attempt, AttemptState.PLACED)
    session.add(attempt)
    await session.flush()


async def record_rejected(
    session: AsyncSession, attempt_id: str, code: str, reason: str, *, is_fault: bool = False
) -> None:
    """The carrier refused outright: nobody was rung. `is_fault`: it could not even be reached."""
    await _refuse(session, attempt_id, f"carrier_{code}", reason, Tally.CARRIER_FAULT if is_fault else None)


async def record_too_late(session: AsyncSession, attempt_id: str, reason: str) -> None:
    """It was claimed in time, and then its lease ended before anything was sent: nobody was rung."""
    await _refuse(session, attempt_id, Rule.LEASE_LAPSED.value, reason)


async def mark_doubtful(session: AsyncSession, attempt_id: str) -> None:
    """It is not known whether the POST placed a call. There is no way back to reserved."""
    attempt = await get_attempt(session, attempt_id, lock=True)
    advance(attempt, AttemptState.DOUBTFUL)
    session.add(attempt)
    await session.flush()


async def apply_call_status(session: AsyncSession, progress: CallProgressed) -> bool:
    """Take the carrier's word. False if it is about another call or attempt than we know."""
    attempt = await lock_row(session, Attempt, progress.attempt_id)
    if attempt is None or not _bind(attempt, progress.call_sid):
        return False
    if progress.sequence > attempt.sequence or progress.status.is_terminal:
        attempt.sequence = max(attempt.sequence, progress.sequence)
        if not _is_over(attempt):
            attempt.carrier_status = progress.status.value
    state = _STATE_FOR.get(progress.status, AttemptState.ENDED)
    at = progress.at or await database_now(session)
    if state is AttemptState.RINGING and attempt.ringing_at is None:
        attempt.ringing_at = at
    if state is AttemptState.IN_PROGRESS and attempt.answered_at is None:
        attempt.answered_at = at
    if progress.status.is_terminal:
        attempt.ended_at = attempt.ended_at or at
        attempt.sip_code = attempt.sip_code or progress.sip_code
        if progress.duration_seconds is not None:
            attempt.duration_seconds = progress.duration_seconds
        if progress.status is CallStatus.COMPLETED:
            attempt.answered_at = attempt.answered_at or at  # the word of the answer may come later, or never
        # The state stays with the workflow: the line is freed when the outcome is recorded.
    else:
        advance(attempt, state)
    if count_what_rang(attempt):
        attempt.tally = await read_tally(session, attempt)
    session.add(attempt)
    await session.flush()
    return True


async def record_dialled(session: AsyncSession, attempt_id: str, at: datetime) -> None:
    """The carrier has dialled the number: from then on it may have rung, whether or not we were told."""
    attempt = await get_attempt(session, attempt_id, lock=True)
    attempt.ringing_at = attempt.ringing_at or at
    session.add(attempt)
    await session.flush()


async def admit_answer(
    session: AsyncSession, attempt_id: str, call_sid: str, gate: Gate, answered_by: AnsweredBy | None = None
) -> GateDecision:
    """The last gate: may this answered call go on? Refuses a second call for one attempt, and whom the rules protect.

    Judged is the moment at which the telephone rang: who picks up seconds after the closing hour was not called late. A
    pause lets a call that rings go on: hanging up on a person who answered helps nobody.
    """
    attempt = await lock_row(session, Attempt, attempt_id)
    if attempt is None:
        return GateDecision(rule=Rule.NOT_RESERVED, reason="no such attempt", is_final=True)
    if not _bind(attempt, call_sid):
        decision = GateDecision(rule=Rule.OTHER_CALL, reason="the attempt belongs to another call")
        await store_refusal(session, attempt.lead_id, "answer", decision, attempt_id=attempt_id)
        return decision
    facts = (await _facts_of(session, attempt, gate)).without_switches()
    decision = gate.check(facts, attempt.ringing_at or await database_now(session))
    if not decision.allowed:
        await store_refusal(session, attempt.lead_id, "answer", decision, attempt_id=attempt_id)
        return decision
    if attempt.outcome is not None:
        return GateDecision(rule=Rule.NOT_RESERVED, reason="the attempt is over")
    advance(attempt, AttemptState.IN_PROGRESS)
    attempt.answered_at = attempt.answered_at or await database_now(session)
    if answered_by is not None:
        attempt.answered_by = answered_by.value
    session.add(attempt)
    await note_decision(session, "answer", decision, lead_id=attempt.lead_id, attempt_id=attempt_id)
    return decision


async def record_answered_by(session: AsyncSession, attempt_id: str, answered_by: AnsweredBy) -> None:
    """Keep the latest verdict on who answered; `unknown` never overwrites a finding."""
    await session.execute(
        text(
            "update attempt set answered_by = :verdict where id = :attempt "
            "and (answered_by is null or :verdict <> 'unknown')"
        ),
        {"attempt": attempt_id, "verdict": answered_by.value},
    )


async def claim_voicemail(session: AsyncSession, attempt_id: str) -> bool:
    """True once for each lead that is not suppressed: only the attempt that gets True may play the message, once."""
    claimed = await session.execute(
        text(
            """
            update lead set voicemail_attempt_id = :attempt
            where id = (select lead_id from attempt where id = :attempt) and voicemail_attempt_id is null
              and close_as is distinct from :suppressed
            returning id
            """
        ),
        {"attempt": attempt_id, "suppressed": LeadOutcome.SUPPRESSED.value},
    )
    return claimed.first() is not None


async def record_voicemail_played(session: AsyncSession, attempt_id: str) -> None:
    """The carrier played the message to its end."""
    await session.execute(
        text("update attempt set voicemail_played_at = coalesce(voicemail_played_at, now()) where id = :attempt"),
        {"attempt": attempt_id},
    )


_STATE_FOR = {
    CallStatus.QUEUED: AttemptState.PLACED,
    CallStatus.INITIATED: AttemptState.PLACED,
    CallStatus.RINGING: AttemptState.RINGING,
    CallStatus.IN_PROGRESS: AttemptState.IN_PROGRESS,
}


async def _facts_of(session: AsyncSession, attempt: Attempt, gate: Gate) -> GateFacts:
    """For the attempt itself: it is no call that was made before."""
    return (await read_gate_facts(session, [attempt.lead_id], gate, except_attempt=attempt.id))[attempt.lead_id]


async def read_tally(session: AsyncSession, attempt: Attempt) -> Tally | None:
    """How the attempt counts for the breakers, measured on the database's clock where it has the instants."""
    answered_at = await answer_received_at(session, attempt.id) if attempt.answered_at is not None else None
    assert attempt.outcome is not None and attempt.ended_at is not None
    return tally_of(
        EndedAttempt(
            outcome=AttemptOutcome(attempt.outcome),
            ended_at=attempt.ended_at,
            answered_at=answered_at or attempt.answered_at,
            answered_by=AnsweredBy(attempt.answered_by) if attempt.answered_by else None,
            agent_heard_at=attempt.agent_heard_at,
            agent_heard=attempt.agent_heard_at is not None or attempt.disclosure_heard,
        )
    )


async def _refuse(session: AsyncSession, attempt_id: str, rule: str, reason: str, tally: Tally | None = None) -> None:
    attempt = await get_attempt(session, attempt_id, lock=True)
    if advance(attempt, AttemptState.REFUSED):
        attempt.refusal_rule, attempt.outcome_reason = rule, reason
        attempt.tally = tally.value if tally else None
    session.add(attempt)
    await session.flush()


def _bind(attempt: Attempt, call_sid: str) -> bool:
    """Tie the attempt to the first call that names it; False if it is tied to another."""
    if not call_sid:
        return True
    if attempt.call_sid is None:
        attempt.call_sid = call_sid
    return attempt.call_sid == call_sid


def advance(attempt: Attempt, to: AttemptState) -> bool:
    """Follow an edge of the state table; anything else is old news and changes nothing."""
    if to not in ATTEMPT_EDGES[AttemptState(attempt.state)]:
        return False
    attempt.state = to.value
    return True


def count_what_rang(attempt: Attempt) -> bool:
    """A call that rang was not withdrawn, and one that was answered reached somebody, whatever its workflow knew and
    however late the word comes: it counts. True if that changed the outcome."""
    called_off = attempt.outcome in {AttemptOutcome.WITHDRAWN, AttemptOutcome.NO_ANSWER}
    if called_off and attempt.answered_at:
        attempt.outcome, attempt.outcome_reason = AttemptOutcome.UNKNOWN.value, "called off as it was answered"
    elif attempt.outcome == AttemptOutcome.WITHDRAWN and attempt.ringing_at:
        attempt.outcome, attempt.outcome_reason = AttemptOutcome.NO_ANSWER.value, "called off while it was ringing"
    else:
        return False
    return True


def _is_over(attempt: Attempt) -> bool:
    return attempt.carrier_status is not None and CallStatus(attempt.carrier_status).is_terminal

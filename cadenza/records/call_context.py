"""What the voice bridge must know when a media stream begins; and what it writes about the call."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.policy import BookingPlan, CampaignPolicy
from cadenza.domain.retry import Opening
from cadenza.domain.script import Script
from cadenza.records.gate_facts import read_gate_facts


@dataclass(frozen=True, slots=True)
class CallContext:
    """One attempt with its lead and campaign. Holds personal data: never log it."""

    attempt_id: str
    attempt_number: int
    attempt_state: str
    campaign_id: str
    lead_id: str
    phone: str
    caller_id: str
    leaves_voicemail: bool
    call_sid: str | None
    conversation_over: bool
    conversation_outcome: str | None
    disclosure_heard: bool
    callback_at: datetime | None
    answered_by: str | None
    first_name: str
    name: str
    company: str
    email: str
    zones: list[str]
    custom: dict[str, Any]
    script: Script
    policy: CampaignPolicy
    booking: BookingPlan | None
    opening: Opening  # the gate's: when a callback may be promised for
    is_callback: bool = False
    conversation_started_at: datetime | None = None
    now: datetime | None = None
    usage: dict[str, float] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The callee's time zone, for speech; the first of those it may be in."""
        return self.zones[0] if self.zones else "UTC"


_LOAD = text(
    """
    select a.id, a.number, a.state, a.campaign_id, a.lead_id, a.phone, a.from_number, a.leaves_voicemail, a.call_sid,
           a.conversation_over, a.conversation_outcome, a.disclosure_heard, a.callback_at, a.answered_by,
           l.first_name, l.name, l.company, l.email, l.zones, l.custom, l.is_callback,
           c.script, c.policy, c.booking, now() as now,
           a.listening_seconds, a.tokens, a.characters_spoken,
           (select min(t.started_at) from turn t where t.attempt_id = a.id) as conversation_started_at
    from attempt a join lead l on l.id = a.lead_id join campaign c on c.id = a.campaign_id
    where a.id = :attempt
    """
)


async def load_call(session: AsyncSession, attempt_id: str, gate: Gate) -> CallContext | None:
    """The attempt's context, or None if there is no such attempt."""
    row = (await session.execute(_LOAD, {"attempt": attempt_id})).mappings().first()
    if row is None:
        return None
    facts = (await read_gate_facts(session, [row["lead_id"]], gate))[row["lead_id"]].without_switches()
    return CallContext(
        attempt_id=row["id"],
        attempt_number=row["number"],
        attempt_state=row["state"],
        campaign_id=row["campaign_id"],
        lead_id=row["lead_id"],
        phone=row["phone"],
        caller_id=row["from_number"],
        leaves_voicemail=row["leaves_voicemail"],
        call_sid=row["call_sid"],
        conversation_over=row["conversation_over"],
        conversation_outcome=row["conversation_outcome"],
        disclosure_heard=row["disclosure_heard"],
        callback_at=row["callback_at"],
        answered_by=row["answered_by"],
        first_name=row["first_name"],
        name=row["name"],
        company=row["company"],
        email=row["email"],
        zones=list(row["zones"] or []),
        custom=dict(row["custom"] or {}),
        script=Script.model_validate(row["script"]),
        policy=CampaignPolicy.model_validate(row["policy"]),
        booking=BookingPlan.model_validate(row["booking"]) if row["booking"] else None,
        opening=lambda earliest: gate.next_planned(facts, earliest),
        is_callback=row["is_callback"],
        conversation_started_at=row["conversation_started_at"],
        now=row["now"],
        usage={
            "listening_seconds": row["listening_seconds"],
            "tokens": row["tokens"],
            "characters_spoken": row["characters_spoken"],
        },
    )


async def claim_call(session: AsyncSession, attempt_id: str, bridge_id: str) -> int | None:
    """Note which bridge has the call. Returns the claim's number: each stream of a call has a higher one. None: the
    conversation is over. Claim first and read then: an earlier stream may be about to close the call."""
    claimed = await session.execute(
        text(
            "update attempt set bridge_id = :bridge, stream_claims = stream_claims + 1 "
            "where id = :attempt and not conversation_over returning stream_claims"
        ),
        {"attempt": attempt_id, "bridge": bridge_id},
    )
    number: int | None = claimed.scalar_one_or_none()
    return number


async def note_disclosure_heard(session: AsyncSession, attempt_id: str) -> None:
    """The callee heard the disclosure to its end."""
    await session.execute(
        text("update attempt set disclosure_heard = true where id = :attempt"), {"attempt": attempt_id}
    )


async def note_agent_heard(session: AsyncSession, attempt_id: str, seconds_ago: float) -> None:
    """The callee heard the agent's first sound. Only the first word of it counts."""
    await session.execute(
        text(
            "update attempt set agent_heard_at = clock_timestamp() - make_interval(secs => :ago) "
            "where id = :attempt and agent_heard_at is null"
        ),
        {"attempt": attempt_id, "ago": seconds_ago},
    )


async def note_callback(session: AsyncSession, attempt_id: str, callback_at: datetime) -> None:
    """A callback was promised for `callback_at` (aware)."""
    await session.execute(
        text("update attempt set callback_at = :at where id = :attempt"), {"attempt": attempt_id, "at": callback_at}
    )


async def add_usage(
    session: AsyncSession, attempt_id: str, *, listening_seconds: float, tokens: int, characters_spoken: int
) -> None:
    """Add what one stream of the call used; a resumed call adds to what it used before."""
    await session.execute(
        text(
            "update attempt set listening_seconds = listening_seconds + :seconds, tokens = tokens + :tokens, "
            "characters_spoken = characters_spoken + :characters where id = :attempt"
        ),
        {
            "attempt": attempt_id,
            "seconds": listening_seconds,
            "tokens": tokens,
            "characters": characters_spoken,
        },
    )


async def finish_conversation(session: AsyncSession, attempt_id: str, outcome: AttemptOutcome) -> bool:
    """Write the bridge's word on the call, once: from now on the verb after <Connect> hangs up.

    False if the conversation was finished before; what was written first stays.
    """
    done = await session.execute(
        text(
            "update attempt set conversation_outcome = :outcome, conversation_over = true "
            "where id = :attempt and not conversation_over"
        ),
        {"attempt": attempt_id, "outcome": outcome.value},
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


async def finish_unless_claimed(session: AsyncSession, attempt_id: str, outcome: AttemptOutcome, claim: int) -> bool:
    """The same for a stream that broke, with `claim` as its number. False: the last word is a later stream's."""
    latest = await session.execute(
        text("select stream_claims from attempt where id = :attempt for update"), {"attempt": attempt_id}
    )
    if latest.scalar_one() > claim:
        return False
    await finish_conversation(session, attempt_id, outcome)
    return True

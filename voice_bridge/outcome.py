"""How a conversation ended: decided from what was done and heard, never from the model's opinion. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cadenza.domain.outcomes import AttemptOutcome
from voice_bridge.turn_decisions import EndReason


class LeaveReason(StrEnum):
    """Why the agent gave up on the goal (tool leave_it)."""

    NOT_INTERESTED = "not_interested"
    WRONG_NUMBER = "wrong_number"
    GATEKEEPER = "gatekeeper"
    NOT_NOW = "not_now"


@dataclass(slots=True)
class CallFacts:
    """What happened, collected during the call."""

    booked: bool = False
    opted_out: bool = False
    callback_at: datetime | None = None
    leave_reason: LeaveReason | None = None
    machine: bool = False
    screened: bool = False  # a screening assistant had the line
    person_joined: bool = False  # somebody spoke who is neither a machine nor a screening assistant
    callee_turns: int = 0
    slots_offered: bool = False
    transfer_asked: bool = False
    end_reason: EndReason | None = None  # None: the other side hung up


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: AttemptOutcome
    reason: str


def decide_outcome(facts: CallFacts) -> Verdict:
    """The attempt's outcome. What binds us most comes first."""
    if facts.opted_out:
        return Verdict(AttemptOutcome.OPTED_OUT, "asked not to be called again")
    if facts.booked:
        return Verdict(AttemptOutcome.BOOKED, "an appointment was booked")
    if facts.callback_at is not None:
        return Verdict(AttemptOutcome.CALLBACK_PROMISED, "a callback was promised")
    if facts.leave_reason is not None:
        return _LEFT[facts.leave_reason]
    if facts.machine:
        return Verdict(AttemptOutcome.MACHINE, "a machine answered")
    if facts.screened and not facts.person_joined:
        return Verdict(AttemptOutcome.SCREENED, "a screening assistant answered, nobody joined")
    if facts.end_reason is EndReason.TROUBLE:
        return Verdict(AttemptOutcome.FAILED, "a technical fault of ours ended the talk")
    if facts.transfer_asked:
        return Verdict(AttemptOutcome.INTERESTED, "wanted to talk to a person, and was not connected")
    if facts.callee_turns == 0:
        if facts.end_reason is None:
            return Verdict(AttemptOutcome.HUNG_UP, "hung up without a word")
        return Verdict(AttemptOutcome.SILENT, "nobody spoke")
    if facts.slots_offered:
        return Verdict(AttemptOutcome.INTERESTED, "times were offered, none was taken")
    if facts.end_reason is None:
        return Verdict(AttemptOutcome.HUNG_UP, "hung up before there was a result")
    return Verdict(AttemptOutcome.HUNG_UP, f"the talk ended without a result ({facts.end_reason.value})")


_LEFT = {
    LeaveReason.NOT_INTERESTED: Verdict(AttemptOutcome.NOT_INTERESTED, "is not interested"),
    LeaveReason.WRONG_NUMBER: Verdict(AttemptOutcome.WRONG_NUMBER, "wrong number"),
    LeaveReason.GATEKEEPER: Verdict(AttemptOutcome.GATEKEEPER, "somebody else answered for the person"),
    LeaveReason.NOT_NOW: Verdict(AttemptOutcome.HUNG_UP, "no time, and no callback was agreed"),
}

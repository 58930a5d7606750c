"""What a tool's result sounds like. Spoken as it stands, without asking the model again: a second sooner, and no word
of it can be made up. Sentences that are always the same were rendered before, and one of them comes first: the voice
has time for the others meanwhile. English only; in other languages the model puts the result into words. Pure.
"""

from collections.abc import Sequence

from cadenza.domain.messages import OfferedSlot
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.standard_lines import ALL_RIGHT, ANYTHING_ELSE, HAS_GONE, THEN, WHICH, WOULD_THAT


def speaks_results(policy: CampaignPolicy) -> bool:
    """Whether the bridge has words for results in this campaign's language."""
    return policy.language.lower().startswith("en")


def found(slots: Sequence[OfferedSlot]) -> str:
    """The open times that were asked for."""
    return f"{ALL_RIGHT} {offer(slots)}" if slots else ""


def offer(slots: Sequence[OfferedSlot]) -> str:
    """The open times, as a question."""
    if not slots:
        return ""
    if len(slots) == 1:
        return f"I have {slots[0].spoken}. {WOULD_THAT}"
    times = ", ".join(slot.spoken for slot in slots[:-1])
    return f"I have {times} or {slots[-1].spoken}. {WHICH}"


def taken(slots: Sequence[OfferedSlot]) -> str:
    """The slot is gone; the others."""
    return f"{HAS_GONE} {offer(slots)}" if slots else ""


def scheduled(when: str) -> str:
    """The promise of a call."""
    return f"{ALL_RIGHT} I'll call you {when}. {THEN}"


def connecting(label: str) -> str:
    """The announcement of a transfer."""
    return f"I'm connecting you to {label} now. One moment, please."


def booked(when: str, rep: str = "") -> str:
    """Said only after the calendar has confirmed."""
    person = f" You'll be speaking with {rep}." if rep else ""
    return f"{confirmed(when)}{person} {ANYTHING_ELSE}"


def confirmed(when: str) -> str:
    """The beginning of it, which can be rendered while the callee makes up their mind."""
    return f"You're booked for {when}."

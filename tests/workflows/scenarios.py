"""Lives of leads that are kept as histories: the code of today must be able to replay every one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from activities.call_models import PlacedCall
from cadenza.domain.call_result import Submission
from cadenza.domain.messages import BookAppointment, CloseLead, OfferSlots, VoicemailPlayed
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, LeadOutcome, MessageSource
from tests.workflows.stage import CAMPAIGN, LeadOnStage, doubtful

RETRY = timedelta(hours=4, minutes=1)


async def three_attempts(lead: LeadOnStage) -> None:
    """Nobody, nobody, then a machine that gets the message: the life of most leads."""
    for _ in range(2):
        await lead.call(CallStatus.NO_ANSWER)
        await lead.asleep()
        await lead.skip(RETRY)
    await lead.call(AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("drop_voicemail")
    await lead.hear(VoicemailPlayed(attempt_id=lead.attempt), CallStatus.COMPLETED)


async def nobody_three_times(lead: LeadOnStage) -> None:
    """Three attempts that ring out."""
    for attempt in range(3):
        await lead.call(CallStatus.NO_ANSWER)
        if attempt < 2:
            await lead.asleep()
            await lead.skip(RETRY)


async def booked_in_the_call(lead: LeadOnStage) -> None:
    """A person, two slots, an appointment."""
    await lead.call(CallStatus.IN_PROGRESS, lead.answered_by(AnsweredBy.HUMAN, MessageSource.BRIDGE))
    await lead.leads.offer_slots(CAMPAIGN, lead.id, f"{lead.attempt}-1", OfferSlots(attempt_id=lead.attempt))
    wish = BookAppointment(attempt_id=lead.attempt, slot_token="s1")
    await lead.leads.book_appointment(CAMPAIGN, lead.id, f"{lead.attempt}-2", wish)
    await lead.hear(lead.ended(AttemptOutcome.BOOKED), CallStatus.COMPLETED)


async def doubtful_then_closed(lead: LeadOnStage) -> None:
    """A lost reply, a call that was not there, and a campaign cancelled while the lead slept."""
    lead.script.place = [doubtful()]
    lead.script.reconcile = [PlacedCall(submission=Submission.NOT_FOUND)]
    await lead.admit()
    await lead.asleep()
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))


async def silent_bridge(lead: LeadOnStage) -> None:
    """No word from anybody: the carrier is asked, then the record."""
    await lead.admit()
    await lead.on_the_line()
    await lead.skip(timedelta(seconds=60))
    await lead.asked_for("fetch_call")
    await lead.hear(CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    await lead.asleep()
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))


async def refused_then_machine(lead: LeadOnStage) -> None:
    """A rule said no; then a machine is hung up on, and the lead sleeps."""
    lead.script.place = [PlacedCall(submission=Submission.REFUSED, reason="outside the calling hours")]
    await lead.admit()
    await lead.asked_for("record_outcome")
    await lead.call(AnsweredBy.MACHINE_START)
    await lead.asleep()
    await asyncio.sleep(0.1)
    await lead.hear(CloseLead(outcome=LeadOutcome.SUPPRESSED, reason="suppressed"))


SCENARIOS: dict[str, Callable[[LeadOnStage], Awaitable[None]]] = {
    scenario.__name__: scenario
    for scenario in (
        three_attempts,
        nobody_three_times,
        booked_in_the_call,
        doubtful_then_closed,
        silent_bridge,
        refused_then_machine,
    )
}

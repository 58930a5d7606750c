"""Whole lives: attempts, sleeps and what wakes a lead. The first three are the ones whose events are counted."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.exceptions import ApplicationError

from activities.call_models import PlacedCall
from cadenza.domain.call_result import Submission
from cadenza.domain.messages import BookAppointment, CallbackPromised, OfferSlots, OptedOut, VoicemailPlayed
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus
from tests.support.temporal import LONG_HISTORY
from tests.workflows.scenarios.registry import CANCELLED, closed_while_asleep, lead_scenario
from tests.workflows.stage import CAMPAIGN, LeadOnStage

RETRY = timedelta(hours=4, minutes=1)


async def rings_out(lead: LeadOnStage) -> None:
    await lead.admit()
    await lead.settled()
    await lead.hear(CallStatus.NO_ANSWER)


@lead_scenario
async def nobody_three_times(lead: LeadOnStage) -> None:
    """Three attempts that ring out."""
    for attempt in range(3):
        if attempt:
            await lead.settled()
            await lead.skip(RETRY)
        await rings_out(lead)


@lead_scenario
async def machine_then_nobody_then_voicemail(lead: LeadOnStage) -> None:
    """A machine is hung up on, nobody, then a machine that gets the message after its beep."""
    await lead.admit()
    await lead.settled()
    await lead.hear(AnsweredBy.MACHINE_START)
    await lead.settled()
    await lead.hear(CallStatus.COMPLETED)  # after our hanging up was answered: the lead sleeps already
    await lead.settled()
    await lead.skip(RETRY)
    await rings_out(lead)
    await lead.settled()
    await lead.skip(RETRY)
    await lead.admit(leaves_voicemail=True)
    await lead.settled()
    await lead.hear(AnsweredBy.MACHINE_START)
    await lead.settled()
    await lead.hear(AnsweredBy.MACHINE_END_BEEP)
    await lead.settled()
    await lead.hear(AttemptOutcome.MACHINE)
    await lead.settled()
    await lead.hear(VoicemailPlayed(attempt_id=lead.attempt))
    await lead.settled()
    await lead.hear(CallStatus.COMPLETED)


@lead_scenario
async def booked_in_the_call(lead: LeadOnStage) -> None:
    """A person, two slots, an appointment, and a customer's system that hears of it."""
    lead.script.has_webhook = True
    await lead.admit()
    await lead.settled()
    await lead.hear(AnsweredBy.HUMAN)
    await lead.settled()
    await lead.leads.offer_slots(CAMPAIGN, lead.id, f"{lead.attempt}-1", OfferSlots(attempt_id=lead.attempt))
    wish = BookAppointment(attempt_id=lead.attempt, slot_token="s1")
    await lead.leads.book_appointment(CAMPAIGN, lead.id, f"{lead.attempt}-2", wish)
    await lead.hear(AttemptOutcome.BOOKED)
    await lead.settled()
    await lead.hear(CallStatus.COMPLETED)


@lead_scenario
async def talked_to_and_not_interested(lead: LeadOnStage) -> None:
    """The shortest life of a lead that somebody answered for."""
    await lead.admit()
    await lead.settled()
    await lead.hear(AnsweredBy.HUMAN)
    await lead.settled()
    await lead.hear(AttemptOutcome.NOT_INTERESTED)
    await lead.settled()
    await lead.hear(CallStatus.COMPLETED)


@lead_scenario
async def callback_promised(lead: LeadOnStage) -> None:
    """They named a time, told at once in case the bridge dies; the call at that time is the last."""
    await lead.call(CallStatus.IN_PROGRESS)
    at = datetime.now(UTC) + timedelta(hours=26)
    await lead.hear(CallbackPromised(attempt_id=lead.attempt, callback_at=at))
    promised = lead.ended(AttemptOutcome.CALLBACK_PROMISED, callback_at=at)
    await lead.hear(promised, CallStatus.COMPLETED)
    await lead.asleep()
    await lead.skip(timedelta(hours=26))
    await lead.call(CallStatus.IN_PROGRESS, AttemptOutcome.INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def opted_out_in_the_call(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.HUMAN)
    await lead.hear(OptedOut(attempt_id=lead.attempt), AttemptOutcome.OPTED_OUT, CallStatus.COMPLETED)


@lead_scenario
async def opted_out_after_the_call(lead: LeadOnStage) -> None:
    """The word arrives when the attempt is over: the lead ends in its sleep."""
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.hear(OptedOut(attempt_id=lead.attempt))


@lead_scenario
async def cancelled_campaign_while_asleep(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


@lead_scenario
async def cancelled_campaign_while_calling(lead: LeadOnStage) -> None:
    """The call ends in its own time, and the lead with it."""
    await lead.call(CallStatus.RINGING)
    await lead.hear(CANCELLED, CallStatus.NO_ANSWER)


@lead_scenario
async def overslept(lead: LeadOnStage) -> None:
    """Nobody called it for an hour after its time: it says that it is due, and waits on."""
    await lead.call(CallStatus.BUSY)
    await lead.asleep()
    await lead.skip(timedelta(hours=2))
    await lead.due()
    await lead.call(CallStatus.IN_PROGRESS, AttemptOutcome.WRONG_NUMBER, CallStatus.COMPLETED)


@lead_scenario
async def refused_by_a_rule(lead: LeadOnStage) -> None:
    """Outside its hours at the last moment: due again at once; the next admission is the one that counts."""
    lead.script.place = [PlacedCall(submission=Submission.REFUSED, reason="outside the calling hours")]
    await lead.admit()
    await lead.due()
    await lead.call(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


@lead_scenario
async def admitted_again_before_it_was_asleep(lead: LeadOnStage) -> None:
    """The next admission comes while the outcome is being recorded: no sleep begins."""
    lead.script.hold = {"record_outcome": asyncio.Event()}
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asked_for("record_outcome")
    await lead.admit()
    lead.script.hold["record_outcome"].set()
    await lead.asked_for("place_call", 2)
    await lead.on_the_line()
    await lead.hear(CallStatus.BUSY)
    await closed_while_asleep(lead)


@lead_scenario
async def late_and_foreign_words(lead: LeadOnStage) -> None:
    """Repeated admissions, words about an attempt that is over and about one that never was: nothing changes."""
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.leads.admit(CAMPAIGN, lead.id, lead.admission(1))
    await lead.hear(CallStatus.COMPLETED, AttemptOutcome.BOOKED)
    await lead.hear(lead.ended(AttemptOutcome.BOOKED).model_copy(update={"attempt_id": f"{lead.id}-9"}))
    await closed_while_asleep(lead)


@lead_scenario
async def greeting_not_rendered(lead: LeadOnStage) -> None:
    lead.script.audio = ApplicationError("no quota", type="speech_refused", non_retryable=True)
    await lead.call(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


@lead_scenario
async def history_grown_long(lead: LeadOnStage) -> None:
    """So many late words that the lead sleeps on in a new run, and is called from there."""
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await grow_long(lead)
    await lead.call(CallStatus.IN_PROGRESS, AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def closed_at_a_long_history(lead: LeadOnStage) -> None:
    """It is to go on in a new run, but first the summary of its call is written; meanwhile it is closed."""
    lead.script.hold = {"summarise_call": asyncio.Event()}
    await lead.call(CallStatus.IN_PROGRESS, AttemptOutcome.GATEKEEPER, CallStatus.COMPLETED)
    await lead.asleep()
    await asyncio.gather(*(lead.hear(AttemptOutcome.BOOKED) for _ in range(LONG_HISTORY)))
    await lead.settled(activities=1)
    await lead.hear(CANCELLED)
    lead.script.hold["summarise_call"].set()


async def grow_long(lead: LeadOnStage) -> None:
    first = (await lead.handle.describe()).run_id
    while (await lead.handle.describe()).run_id == first:
        await asyncio.gather(*(lead.hear(AttemptOutcome.BOOKED) for _ in range(20)))

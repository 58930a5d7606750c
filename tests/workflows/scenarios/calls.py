"""What one attempt can meet: at the POST, on the line, with a machine, and where nobody says anything."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.call_models import AttemptRecord, CarrierWord, DropResult, PlacedCall
from cadenza.domain.call_result import Submission
from cadenza.domain.messages import VoicemailPlayed, WithdrawCall
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, MessageSource
from tests.workflows.scenarios.registry import LEADS, closed_while_asleep, lead_scenario
from tests.workflows.stage import LeadOnStage, doubtful

FOR_GOOD = ApplicationError("away", type="unreachable", non_retryable=True)


# At the POST


def _unplaced(submission: Submission, *, ends: bool = False) -> Callable[[LeadOnStage], Coroutine[Any, Any, None]]:
    async def play(lead: LeadOnStage) -> None:
        lead.script.place = [PlacedCall(submission=submission)]
        await lead.admit()
        if not ends:
            await closed_while_asleep(lead)

    return play


LEADS["invalid_number_at_the_post"] = _unplaced(Submission.BAD_NUMBER, ends=True)
LEADS["carrier_fault"] = _unplaced(Submission.FAULT)


def _without_a_call(submission: Submission) -> Callable[[LeadOnStage], Coroutine[Any, Any, None]]:
    """Nothing was sent: due again at once."""

    async def play(lead: LeadOnStage) -> None:
        lead.script.place = [PlacedCall(submission=submission)]
        await lead.admit()
        await lead.until(lambda seen: seen.attempt_id is None)
        await lead.call(CallStatus.NO_ANSWER)
        await closed_while_asleep(lead)

    return play


LEADS["lease_lapsed"] = _without_a_call(Submission.LAPSED)
LEADS["lapsed_in_sql"] = _without_a_call(Submission.LAPSED_IN_SQL)
LEADS["call_not_taken"] = _without_a_call(Submission.NOT_TAKEN)


@lead_scenario
async def doubtful_and_found(lead: LeadOnStage) -> None:
    lead.script.place = [doubtful()]
    await lead.call(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


@lead_scenario
async def doubtful_and_not_found(lead: LeadOnStage) -> None:
    lead.script.place = [doubtful()]
    lead.script.reconcile = [PlacedCall(submission=Submission.NOT_FOUND)]
    await lead.admit()
    await closed_while_asleep(lead)


@lead_scenario
async def doubtful_and_never_known(lead: LeadOnStage) -> None:
    lead.script.place, lead.script.reconcile = [doubtful()], [FOR_GOOD]
    await lead.admit()
    await closed_while_asleep(lead)


@lead_scenario
async def doubtful_until_a_callback_came(lead: LeadOnStage) -> None:
    """The call itself says that it exists, before the carrier's list does."""
    lead.script.place = [doubtful()]
    lead.script.hold = {"reconcile_call": asyncio.Event()}
    await lead.admit()
    await lead.asked_for("reconcile_call")
    await lead.hear(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


# On the line


@lead_scenario
async def busy(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.BUSY)
    await closed_while_asleep(lead)


@lead_scenario
async def number_not_in_service(lead: LeadOnStage) -> None:
    await lead.call()
    await lead.hear(lead.status(CallStatus.FAILED, sip_code=404))


@lead_scenario
async def withdrawn_before_it_rang(lead: LeadOnStage) -> None:
    lead.script.hang_up = [CarrierWord(status=CallStatus.CANCELED, call_sid="CA1")]
    await lead.call()
    await lead.hear(WithdrawCall(attempt_id=lead.attempt, reason="campaign paused"))
    await lead.due()
    await lead.call(CallStatus.NO_ANSWER)
    await closed_while_asleep(lead)


@lead_scenario
async def answered_while_it_was_withdrawn(lead: LeadOnStage) -> None:
    lead.script.hang_up = [CarrierWord(status=CallStatus.IN_PROGRESS, call_sid="CA1")]
    await lead.call()
    await lead.hear(WithdrawCall(attempt_id=lead.attempt, reason="campaign paused"))
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def all_words_before_the_carriers_yes(lead: LeadOnStage) -> None:
    lead.script.hold = {"place_call": asyncio.Event()}
    await lead.admit()
    await lead.asked_for("place_call")
    await lead.hear(CallStatus.COMPLETED, AttemptOutcome.NOT_INTERESTED, CallStatus.RINGING)
    lead.script.hold["place_call"].set()


# With a machine


@lead_scenario
async def carrier_takes_a_person_for_a_machine(lead: LeadOnStage) -> None:
    await lead.call(leaves_voicemail=True)
    await lead.hear(lead.answered_by(AnsweredBy.MACHINE_START, MessageSource.CARRIER))
    await lead.until(lambda seen: "greeting" in seen.step)
    await lead.hear(AnsweredBy.HUMAN)
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def machine_by_the_carriers_word_alone(lead: LeadOnStage) -> None:
    """The bridge has eight seconds to say otherwise."""
    await lead.call()
    await lead.hear(lead.answered_by(AnsweredBy.MACHINE_START, MessageSource.CARRIER))
    await lead.until(lambda seen: "greeting" in seen.step)
    await lead.skip(timedelta(seconds=9))
    await closed_while_asleep(lead)


@lead_scenario
async def greeting_that_never_ends(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_START, leaves_voicemail=True)
    await lead.until(lambda seen: "greeting" in seen.step)
    await lead.skip(timedelta(seconds=41))
    await lead.asked_for("drop_voicemail")
    await lead.hear(VoicemailPlayed(attempt_id=lead.attempt), CallStatus.COMPLETED)


@lead_scenario
async def voicemail_not_allowed(lead: LeadOnStage) -> None:
    lead.script.drop = DropResult.NOT_ALLOWED
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await closed_while_asleep(lead)


@lead_scenario
async def voicemail_in_doubt_and_not_proven(lead: LeadOnStage) -> None:
    """Nobody knows whether the message was dropped, and nobody heard its end."""
    lead.script.drop = FOR_GOOD
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("drop_voicemail")
    await lead.hear(CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    await closed_while_asleep(lead)


@lead_scenario
async def voicemail_proven_in_sql(lead: LeadOnStage) -> None:
    lead.script.record = AttemptRecord(voicemail_played=True, carrier_status=CallStatus.COMPLETED)
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("drop_voicemail")
    await lead.hear(CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))


# Where nobody says anything


@lead_scenario
async def no_callback_at_all(lead: LeadOnStage) -> None:
    """The ringing time is over: the carrier is asked, and knows."""
    lead.script.carrier = [CarrierWord(status=CallStatus.NO_ANSWER, call_sid="CA1")]
    await lead.call()
    await lead.skip(timedelta(seconds=60))
    await closed_while_asleep(lead)


@lead_scenario
async def bridge_without_a_word(lead: LeadOnStage) -> None:
    """What the bridge wrote is read in SQL."""
    lead.script.record = AttemptRecord(conversation_outcome=AttemptOutcome.INTERESTED)
    await lead.call(CallStatus.IN_PROGRESS, CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))


@lead_scenario
async def call_that_outlives_its_limit(lead: LeadOnStage) -> None:
    """Asked about, hung up on, and then over."""
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.skip(timedelta(seconds=635))
    await lead.asked_for("fetch_call")
    await lead.skip(timedelta(seconds=21))
    await lead.asked_for("hang_up")
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    await closed_while_asleep(lead)


@lead_scenario
async def carrier_that_does_not_answer(lead: LeadOnStage) -> None:
    """Asked and told to hang up, again and again: at last the call is given up as unknown."""
    lead.script.carrier, lead.script.hang_up = [FOR_GOOD] * 20, [FOR_GOOD] * 20
    await lead.call()
    await lead.skip(timedelta(seconds=60))
    while not (await lead.now()).step.startswith("asleep"):
        await lead.settled()
        await lead.skip(timedelta(seconds=21))
    await closed_while_asleep(lead)

"""The story of a lead, path by path: what is done, what is recorded, and how it ends."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.exceptions import ApplicationError

from activities.call_models import AttemptRecord, CarrierWord, DropResult, PlacedCall
from cadenza.domain.call_result import Submission
from cadenza.domain.messages import CloseLead, OptedOut, VoicemailPlayed, WithdrawCall
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, LeadOutcome, MessageSource
from cadenza.domain.policy import CampaignPolicy
from cadenza.temporal.search_attributes import ATTEMPT_COUNT, CAMPAIGN_ID, LEAD_OUTCOME, LEAD_STATE, NEXT_CALL_AT
from tests.workflows.stage import POLICY, LeadOnStage, doubtful

pytestmark = [
    pytest.mark.servers,
    pytest.mark.no_cover,
    pytest.mark.computes(25),
]  # the replayed histories run the same lines

NewLead = Callable[..., LeadOnStage]
RETRY = timedelta(hours=4, minutes=1)


async def test_a_talk_that_ends_in_a_booking_ends_the_lead(new_lead: NewLead) -> None:
    lead = new_lead(has_webhook=True)
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.HUMAN)
    await lead.hear(AttemptOutcome.BOOKED, CallStatus.COMPLETED)
    result = await lead.result()
    assert result.outcome is LeadOutcome.BOOKED
    assert lead.script.asked == [
        "prepare_lead_audio", "place_call", "record_outcome", "summarise_call", "notify_webhook",
    ]  # fmt: skip


async def test_two_retries_then_a_voicemail_after_the_beep(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.skip(RETRY)
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_START)
    await lead.asked_for("hang_up")
    await lead.asleep()
    assert lead.script.voicemails == 0, "earlier attempts leave nothing"
    await lead.skip(RETRY)
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_START, leaves_voicemail=True)
    await lead.until(lambda seen: "greeting" in seen.step)
    assert lead.script.voicemails == 0, "not before the beep"
    await lead.hear(AnsweredBy.MACHINE_END_BEEP)
    await lead.asked_for("drop_voicemail")
    # The message replaced the media stream, so the bridge says its word while the message plays.
    await lead.hear(AttemptOutcome.MACHINE)
    await lead.hear(VoicemailPlayed(attempt_id=lead.attempt), CallStatus.COMPLETED)
    result = await lead.result()
    assert result.outcome is LeadOutcome.VOICEMAIL_LEFT
    assert result.attempts == 3
    assert lead.script.voicemails == 1
    assert [past.outcome for past in lead.script.finished] == [
        AttemptOutcome.NO_ANSWER, AttemptOutcome.MACHINE, AttemptOutcome.VOICEMAIL_LEFT,
    ]  # fmt: skip


async def test_the_message_is_dropped_once_however_often_the_beep_is_reported(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS, leaves_voicemail=True)
    beep = lead.answered_by(AnsweredBy.MACHINE_END_BEEP, MessageSource.CARRIER)
    await lead.hear(AnsweredBy.MACHINE_END_SILENCE, beep, beep, AnsweredBy.MACHINE_END_BEEP)
    played = VoicemailPlayed(attempt_id=lead.attempt)
    await lead.hear(played, played, CallStatus.COMPLETED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.VOICEMAIL_LEFT
    assert lead.script.asked.count("drop_voicemail") == 1


async def test_a_greeting_that_never_ends_gets_its_message_after_forty_seconds(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_START, leaves_voicemail=True)
    await lead.until(lambda seen: "greeting" in seen.step)
    await lead.skip(timedelta(seconds=41))
    await lead.asked_for("drop_voicemail")
    await lead.hear(VoicemailPlayed(attempt_id=lead.attempt), CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.VOICEMAIL_LEFT


async def test_a_person_after_all_is_left_to_the_bridge(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS, leaves_voicemail=True)
    await lead.hear(lead.answered_by(AnsweredBy.MACHINE_START, MessageSource.CARRIER))
    await lead.until(lambda seen: "greeting" in seen.step)
    await lead.hear(AnsweredBy.HUMAN)
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.hear(lead.answered_by(AnsweredBy.MACHINE_END_SILENCE, MessageSource.CARRIER))
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.INTERESTED
    assert "drop_voicemail" not in lead.script.asked
    assert not lead.script.ends


async def test_a_lead_that_has_had_its_message_gets_no_second_one(new_lead: NewLead) -> None:
    lead = new_lead(drop=DropResult.NOT_ALLOWED, policy=CampaignPolicy(**{**POLICY.model_dump(), "max_attempts": 1}))
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("hang_up")
    assert (await lead.result()).outcome is LeadOutcome.MACHINE
    assert lead.script.voicemails == 0


async def test_a_message_that_was_cut_off_is_not_called_left(new_lead: NewLead) -> None:
    lead = new_lead(policy=CampaignPolicy(**{**POLICY.model_dump(), "max_attempts": 1}))
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("drop_voicemail")
    await lead.hear(CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    assert (await lead.result()).outcome is LeadOutcome.MACHINE


async def test_the_proof_of_the_message_may_stand_in_sql_only(new_lead: NewLead) -> None:
    lead = new_lead(record=AttemptRecord(voicemail_played=True))
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.MACHINE_END_BEEP, leaves_voicemail=True)
    await lead.asked_for("drop_voicemail")
    await lead.hear(CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    assert (await lead.result()).outcome is LeadOutcome.VOICEMAIL_LEFT


async def test_a_busy_line_is_tried_again_after_minutes(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.BUSY)
    asleep = await lead.asleep()
    assert lead.script.finished[0].outcome is AttemptOutcome.BUSY
    assert asleep.next_at is not None
    assert asleep.next_at - datetime.now(UTC) < timedelta(minutes=21)
    await lead.skip(timedelta(minutes=21))
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
    result = await lead.result()
    assert (result.outcome, result.attempts) == (LeadOutcome.NOT_INTERESTED, 2)


async def test_a_lead_that_nobody_calls_long_after_its_time_says_that_it_is_due_and_waits_on(new_lead: NewLead) -> None:
    """Admission knows the time from PostgreSQL; the timer is for the case that it lost it."""
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.skip(RETRY + timedelta(minutes=58))
    assert (await lead.asleep()).next_at is not None
    await lead.skip(timedelta(minutes=3))
    await lead.due()
    assert lead.script.asked[-1] == "report_due"
    await lead.call(CallStatus.BUSY)
    await lead.asleep()
    assert lead.script.asked.count("report_due") == 1


async def test_only_a_campaign_with_a_webhook_tells_of_the_end(new_lead: NewLead) -> None:
    silent, telling = new_lead(), new_lead(has_webhook=True)
    for lead in (silent, telling):
        await lead.call(CallStatus.NO_ANSWER)
        await lead.asleep()
        await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))
        await lead.result()
    assert "notify_webhook" not in silent.script.asked
    assert telling.script.asked[-1] == "notify_webhook"


async def test_a_webhook_that_is_away_is_told_again(new_lead: NewLead) -> None:
    lead = new_lead(has_webhook=True, webhook=[ApplicationError("away", type="webhook_unreachable")])
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
    await lead.result()
    assert lead.script.asked.count("notify_webhook") == 2


@pytest.mark.parametrize(
    ("placed", "attempt", "final"),
    [
        (Submission.BAD_NUMBER, AttemptOutcome.INVALID_NUMBER, LeadOutcome.INVALID_NUMBER),
        (Submission.FAULT, AttemptOutcome.FAILED, None),
    ],
)
async def test_a_call_that_the_carrier_refuses(
    new_lead: NewLead, placed: Submission, attempt: AttemptOutcome, final: LeadOutcome | None
) -> None:
    lead = new_lead(place=[PlacedCall(submission=placed)])
    await lead.admit()
    if final is None:
        await lead.asleep()
    else:
        assert (await lead.result()).outcome is final
    assert [past.outcome for past in lead.script.finished] == [attempt]


async def test_a_number_that_is_not_in_service_is_never_tried_again(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(lead.status(CallStatus.FAILED, sip_code=404).model_copy(update={"attempt_id": f"{lead.id}-1"}))
    assert (await lead.result()).outcome is LeadOutcome.INVALID_NUMBER


async def test_a_doubtful_post_that_rang_is_followed_and_not_repeated(new_lead: NewLead) -> None:
    lead = new_lead(place=[doubtful()], reconcile=[ApplicationError("too early", type="still_doubtful")])
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.NOT_INTERESTED
    assert lead.script.asked.count("place_call") == 1


async def test_a_callback_settles_a_doubt_before_the_carrier_does(new_lead: NewLead) -> None:
    never = [ApplicationError("too early", type="still_doubtful") for _ in range(100)]
    lead = new_lead(place=[doubtful()], reconcile=never)
    await lead.admit()
    await lead.asked_for("reconcile_call")
    await lead.hear(CallStatus.NO_ANSWER)
    await lead.asleep()
    assert lead.script.finished[0].outcome is AttemptOutcome.NO_ANSWER


async def test_a_doubtful_post_that_was_lost_is_a_carrier_fault(new_lead: NewLead) -> None:
    lead = new_lead(place=[doubtful()], reconcile=[PlacedCall(submission=Submission.NOT_FOUND)])
    await lead.admit()
    await lead.asleep()
    assert lead.script.finished[0].outcome is AttemptOutcome.FAILED
    assert (await lead.now()).attempts == 0


async def test_a_doubt_that_cannot_be_settled_counts_as_an_attempt(new_lead: NewLead) -> None:
    final = ApplicationError("gone", type="unknown_attempt", non_retryable=True)
    lead = new_lead(place=[doubtful()], reconcile=[final])
    await lead.admit()
    await lead.asleep()
    assert lead.script.finished[0].outcome is AttemptOutcome.UNKNOWN


async def test_a_refused_attempt_waits_for_the_next_admission(new_lead: NewLead) -> None:
    lead = new_lead(place=[PlacedCall(submission=Submission.REFUSED, reason="outside the calling hours")])
    await lead.admit()
    await lead.asked_for("record_outcome")
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.WRONG_NUMBER, CallStatus.COMPLETED)
    result = await lead.result()
    assert (result.outcome, result.attempts) == (LeadOutcome.WRONG_NUMBER, 1)
    assert lead.script.finished[0].reason == "outside the calling hours"


async def test_a_reservation_that_the_dialer_took_back_is_not_recorded_again(new_lead: NewLead) -> None:
    lead = new_lead(place=[PlacedCall(submission=Submission.LAPSED_IN_SQL)])
    await lead.admit()
    await lead.asked_for("place_call")
    await lead.until(lambda seen: seen.attempt_id is None)
    assert "record_outcome" not in lead.script.asked
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    assert [past.attempt_id for past in lead.script.finished] == [f"{lead.id}-2"]


async def test_a_withdrawn_call_is_called_off_before_it_rings_and_does_not_count(new_lead: NewLead) -> None:
    lead = new_lead(hang_up=[CarrierWord(status=CallStatus.CANCELED, call_sid="CA1")])
    await lead.admit()
    await lead.on_the_line()
    await lead.hear(WithdrawCall(attempt_id=lead.attempt, reason="campaign paused"))
    await lead.asked_for("record_outcome")
    assert lead.script.ends[0].only_before_answer
    assert lead.script.finished[0].outcome is AttemptOutcome.WITHDRAWN


async def test_a_call_that_rings_is_not_withdrawn(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.RINGING)
    await lead.hear(WithdrawCall(attempt_id=lead.attempt, reason="campaign paused"), CallStatus.NO_ANSWER)
    await lead.asleep()
    assert not lead.script.ends
    assert lead.script.finished[0].outcome is AttemptOutcome.NO_ANSWER


async def test_a_call_that_rings_is_called_off_where_its_number_was_suppressed(new_lead: NewLead) -> None:
    lead = new_lead(hang_up=[CarrierWord(status=CallStatus.CANCELED, call_sid="CA1")])
    await lead.call(CallStatus.RINGING)
    await lead.hear(
        WithdrawCall(attempt_id=lead.attempt, reason="suppressed", even_ringing=True),
        CloseLead(outcome=LeadOutcome.SUPPRESSED, reason="lead is suppressed"),
    )
    assert (await lead.result()).outcome is LeadOutcome.SUPPRESSED
    assert (lead.script.ends[0].only_before_answer, lead.script.ends[0].even_ringing) == (True, True)
    assert lead.script.finished[0].outcome is AttemptOutcome.NO_ANSWER


async def test_a_person_who_answered_while_the_call_was_being_withdrawn_is_talked_to(new_lead: NewLead) -> None:
    lead = new_lead(hang_up=[CarrierWord(status=CallStatus.IN_PROGRESS, call_sid="CA1")])
    await lead.admit()
    await lead.on_the_line()
    await lead.hear(WithdrawCall(attempt_id=lead.attempt, reason="campaign paused"))
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.INTERESTED


async def test_a_sleeping_lead_is_closed_at_once(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))
    result = await lead.result()
    assert result.outcome is LeadOutcome.CANCELLED
    assert "finish_lead" in lead.script.asked
    assert "report_due" not in lead.script.asked


async def test_a_lead_closed_during_a_call_ends_after_it(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.RINGING)
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"), CallStatus.NO_ANSWER)
    assert (await lead.result()).outcome is LeadOutcome.CANCELLED
    assert lead.script.finished[0].outcome is AttemptOutcome.NO_ANSWER


async def test_a_result_of_the_call_is_better_than_being_closed(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))
    await lead.hear(AttemptOutcome.BOOKED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.BOOKED


async def test_an_opt_out_during_the_call_outranks_everything(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS, AnsweredBy.HUMAN)
    await lead.hear(OptedOut(attempt_id=lead.attempt), AttemptOutcome.INTERESTED, CallStatus.COMPLETED)
    assert (await lead.result()).outcome is LeadOutcome.OPTED_OUT


async def test_an_opt_out_that_arrives_late_ends_the_sleep(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.hear(OptedOut(attempt_id=lead.attempt))
    assert (await lead.result()).outcome is LeadOutcome.OPTED_OUT


async def test_a_promised_callback_sets_the_time_of_the_next_call(new_lead: NewLead) -> None:
    lead = new_lead()
    at = datetime.now(UTC) + timedelta(hours=26)
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(lead.ended(AttemptOutcome.CALLBACK_PROMISED, callback_at=at), CallStatus.COMPLETED)
    asleep = await lead.asleep()
    assert asleep.next_at is not None
    assert abs(asleep.next_at - at) < timedelta(seconds=1)


async def test_all_words_may_come_before_the_carrier_s_reply(new_lead: NewLead) -> None:
    lead = new_lead(hold={"place_call": asyncio.Event()})
    await lead.admit()
    await lead.asked_for("place_call")
    await lead.hear(CallStatus.COMPLETED, AttemptOutcome.NOT_INTERESTED, CallStatus.RINGING)
    lead.script.hold["place_call"].set()
    assert (await lead.result()).outcome is LeadOutcome.NOT_INTERESTED


async def test_words_about_other_attempts_change_nothing(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    first = lead.attempt
    await lead.asleep()
    await lead.hear(AttemptOutcome.BOOKED, CallStatus.COMPLETED)  # late, about the first call
    await lead.skip(RETRY)
    await lead.call(CallStatus.RINGING)
    late = lead.status(CallStatus.COMPLETED).model_copy(update={"attempt_id": first})
    unknown = lead.ended(AttemptOutcome.BOOKED).model_copy(update={"attempt_id": f"{lead.id}-9"})
    await lead.hear(late, unknown)
    assert (await lead.now()).attempt_id == lead.attempt
    await lead.hear(CallStatus.BUSY)
    await lead.asleep()
    assert [past.outcome for past in lead.script.finished] == [AttemptOutcome.NO_ANSWER, AttemptOutcome.BUSY]


async def test_a_repeated_admission_calls_once(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.admit()
    await lead.on_the_line()
    await lead.leads.admit("cp_test", lead.id, lead.admission(1))
    await lead.hear(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.leads.admit("cp_test", lead.id, lead.admission(1))
    await asyncio.sleep(0.3)
    assert lead.script.asked.count("place_call") == 1


async def test_without_any_callback_the_carrier_is_asked(new_lead: NewLead) -> None:
    lead = new_lead(carrier=[CarrierWord(status=CallStatus.NO_ANSWER, call_sid="CA1")])
    await lead.admit()
    await lead.on_the_line()
    await lead.skip(timedelta(seconds=60))
    await lead.asleep()
    assert lead.script.asked.count("fetch_call") == 1
    assert lead.script.finished[0].outcome is AttemptOutcome.NO_ANSWER


async def test_a_call_that_outlives_its_limit_is_ended(new_lead: NewLead) -> None:
    lead = new_lead(record=AttemptRecord(conversation_outcome=AttemptOutcome.INTERESTED))
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.until(lambda seen: "talking" in seen.step)
    await lead.skip(timedelta(seconds=635))
    await lead.asked_for("fetch_call")
    await lead.skip(timedelta(seconds=21))
    await lead.asked_for("hang_up")
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    assert (await lead.result()).outcome is LeadOutcome.INTERESTED


async def test_a_silent_bridge_is_read_from_its_record(new_lead: NewLead) -> None:
    at = datetime.now(UTC) + timedelta(hours=3)
    lead = new_lead(record=AttemptRecord(conversation_outcome=AttemptOutcome.CALLBACK_PROMISED, callback_at=at))
    await lead.call(CallStatus.IN_PROGRESS, CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    await lead.asleep()
    assert lead.script.finished[0].callback_at == at


async def test_an_answered_call_without_any_word_is_unknown_and_tried_again(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.IN_PROGRESS, CallStatus.COMPLETED)
    await lead.until(lambda seen: "closing" in seen.step)
    await lead.skip(timedelta(seconds=10))
    await lead.asleep()
    assert lead.script.finished[0].outcome is AttemptOutcome.UNKNOWN


async def test_a_greeting_that_could_not_be_rendered_holds_nobody_up(new_lead: NewLead) -> None:
    lead = new_lead(audio=ApplicationError("no quota", non_retryable=True))
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    assert lead.script.asked[:2] == ["prepare_lead_audio", "place_call"]


WORDS = (CallStatus.COMPLETED, AttemptOutcome.NOT_INTERESTED, AnsweredBy.HUMAN)


@pytest.mark.parametrize("order", [*permutations(range(3)), (2, 2, 1, 1, 0, 0)], ids=str)
async def test_words_in_any_order_and_number_give_one_outcome(new_lead: NewLead, order: tuple[int, ...]) -> None:
    lead = new_lead()
    await lead.admit()
    for index in order:
        await lead.hear(WORDS[index])
    assert (await lead.result()).outcome is LeadOutcome.NOT_INTERESTED
    assert len(lead.script.finished) == 1


async def test_people_see_where_a_lead_is_and_nothing_personal(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    asleep = await lead.asleep()
    seen = await lead.handle.describe()
    found = seen.typed_search_attributes
    assert (found[CAMPAIGN_ID], found[LEAD_STATE], found[ATTEMPT_COUNT]) == ("cp_test", "waiting", 1)
    assert asleep.next_at is not None
    assert abs(found[NEXT_CALL_AT] - asleep.next_at) < timedelta(milliseconds=1)
    metadata = await lead.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "asleep until" in metadata.current_details
    assert "attempt 1: no answer" in metadata.current_details
    await lead.hear(CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled"))
    await lead.result()
    ended = (await lead.handle.describe()).typed_search_attributes
    assert (ended[LEAD_STATE], ended[LEAD_OUTCOME], ended.get(NEXT_CALL_AT)) == ("final", "cancelled", None)


async def test_a_lead_that_is_called_again_is_seen_as_calling(new_lead: NewLead) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    await lead.admit()
    async with asyncio.timeout(10):
        while (await lead.handle.describe()).typed_search_attributes[LEAD_STATE] != "calling":
            await asyncio.sleep(0.05)

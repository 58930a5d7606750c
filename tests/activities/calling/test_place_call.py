"""The one POST: sent once, with everything that later matches what comes back; refused before it is sent or after."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.exceptions import ApplicationError

from activities.call_models import AttemptRef, PlacedCall
from cadenza.domain.call_result import Submission
from cadenza.domain.gate import Gate, Rule
from cadenza.domain.outcomes import AttemptState
from cadenza.domain.tally import Tally
from cadenza.records.suppressions import suppress_number
from tests.activities.calling.conftest import Desk
from tests.rehearsal.twilio.conftest import System, eventually
from tests.support.gates import CAMPAIGN_RULES

pytestmark = [pytest.mark.servers, pytest.mark.waits(20)]


async def place(desk: Desk, attempt: str) -> PlacedCall:
    return await desk.calling.place_call(AttemptRef(attempt_id=attempt))


async def reconcile(desk: Desk, attempt: str) -> PlacedCall:
    return await desk.calling.reconcile_call(AttemptRef(attempt_id=attempt))


async def test_a_call_is_placed_and_bound_to_its_attempt(desk: Desk, system: System) -> None:
    attempt = await desk.reserve(ring_seconds=33, max_call_seconds=99)
    placed = await place(desk, attempt)
    assert placed.submission is Submission.PLACED
    stored = await desk.attempt(attempt)
    assert (stored.state, stored.call_sid) == (AttemptState.PLACED, placed.call_sid)
    [call] = desk.calls
    request = call.request
    assert (request.timeout, request.time_limit) == (33, 99)
    assert set(request.status_events) == {"initiated", "ringing", "answered", "completed"}
    assert request.fallback is not None and f"/webhooks/twilio/fallback?attempt={attempt}" in request.fallback.url
    await eventually(lambda: system.of("/webhooks/twilio/answer"))
    statuses = await eventually(lambda: system.of("/webhooks/twilio/status"))
    assert statuses[0]["CallSid"] == placed.call_sid
    assert all(valid for _, _, valid in system.hooks)


@pytest.mark.parametrize(("voicemail", "mode"), [("never", "Enable"), ("first_machine", "DetectMessageEnd")])
async def test_the_end_of_a_greeting_is_waited_for_only_where_a_message_is_left(
    desk: Desk, voicemail: str, mode: str
) -> None:
    await place(desk, await desk.reserve(voicemail=voicemail))
    assert desk.calls[0].request.detection.mode.value == mode


async def test_detection_and_recording_can_be_switched_off(desk: Desk) -> None:
    await place(desk, await desk.reserve(detect_machines=False, record_calls=False))
    assert desk.calls[0].request.detection is None
    assert desk.calls[0].request.recording is None


async def test_what_the_gate_says_of_recording_is_what_the_carrier_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await desk.reserve()
    monkeypatch.setattr(Gate, "may_record", lambda gate, facts: False)
    await place(desk, attempt)
    assert desk.calls[0].request.recording is None


async def test_a_second_try_never_rings_again(desk: Desk) -> None:
    attempt = await desk.reserve()
    await place(desk, attempt)
    with pytest.raises(ApplicationError) as failure:
        await place(desk, attempt)
    assert failure.value.type == "doubtful"
    assert len(desk.calls) == 1
    assert (await reconcile(desk, attempt)).submission is Submission.PLACED


async def test_many_tries_at_once_ring_once(desk: Desk) -> None:
    attempt = await desk.reserve()
    await asyncio.gather(*(place(desk, attempt) for _ in range(6)), return_exceptions=True)
    assert len(desk.calls) == 1


async def test_a_process_that_stood_still_between_claim_and_request_sends_nothing(desk: Desk) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set lease_until = now() + interval '1 second' where id = :id", id=attempt)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as busy:
        busy.submit(time.sleep, 2.0)
        loop.set_default_executor(busy)  # the request waits for its thread, as it would in a frozen process
        placed = await place(desk, attempt)
        loop.set_default_executor(ThreadPoolExecutor())
    assert (placed.submission, placed.rule) == (Submission.LAPSED, Rule.LEASE_LAPSED)
    stored = await desk.attempt(attempt)
    assert (stored.state, stored.refusal_rule) == (AttemptState.REFUSED, Rule.LEASE_LAPSED)
    assert desk.calls == []


@pytest.mark.parametrize("effect", ["lose_reply", "stall_after_placing", "error_500_after_placing"])
async def test_a_lost_reply_is_found_in_the_list_and_rings_once(desk: Desk, effect: str) -> None:
    attempt = await desk.reserve("48")
    desk.fault(operation="create_call", effect=effect, seconds=0.1 if effect == "lose_reply" else 2.5)
    with pytest.raises(ApplicationError) as failure:
        await place(desk, attempt)
    assert failure.value.type == "doubtful"
    assert (await desk.attempt(attempt)).state == AttemptState.DOUBTFUL
    found = await reconcile(desk, attempt)
    assert found.submission is Submission.PLACED
    assert found.call_sid == desk.calls[0].sid
    assert len(desk.calls) == 1
    assert (await desk.attempt(attempt)).state == AttemptState.PLACED


async def test_a_lost_reply_is_settled_by_the_first_callback_without_the_list(desk: Desk) -> None:
    attempt = await desk.reserve("48")
    desk.fault(operation="create_call", effect="lose_reply", seconds=0.1)
    desk.fault(operation="list_calls", effect="status:503", count=None)
    with pytest.raises(ApplicationError):
        await place(desk, attempt)
    await desk.rows.run("update attempt set call_sid = 'CAfromcallback' where id = :id", id=attempt)
    assert (await reconcile(desk, attempt)).call_sid == "CAfromcallback"


async def test_a_request_that_never_arrived_is_not_found_once_the_lease_is_over(desk: Desk) -> None:
    attempt = await desk.reserve()
    desk.fault(operation="create_call", effect="cut_socket")
    with pytest.raises(ApplicationError):
        await place(desk, attempt)
    with pytest.raises(ApplicationError) as early:
        await reconcile(desk, attempt)
    assert early.value.type == "still_doubtful", "the list may show it later"
    await desk.rows.run("update attempt set lease_until = now() - interval '5 seconds'")
    assert (await reconcile(desk, attempt)).submission is Submission.NOT_FOUND
    assert not desk.calls


async def test_a_call_of_another_attempt_is_not_taken_for_ours(desk: Desk) -> None:
    first = await desk.reserve("48")
    placed = await place(desk, first)
    await desk.rows.run("update attempt set state = 'ended', outcome = 'no_answer' where id = :id", id=first)
    second = await desk.reserve("48")
    desk.fault(operation="create_call", effect="cut_socket")
    with pytest.raises(ApplicationError):
        await place(desk, second)
    await desk.rows.run("update attempt set lease_until = now() - interval '5 seconds'")
    found = await reconcile(desk, second)
    assert found.submission is Submission.NOT_FOUND, f"not {placed.call_sid}"


async def test_a_carrier_that_does_not_answer_keeps_the_doubt(desk: Desk) -> None:
    attempt = await desk.reserve("48")
    desk.fault(operation="create_call", effect="lose_reply", seconds=0.1)
    desk.fault(operation="list_calls", effect="status:503", count=1)
    with pytest.raises(ApplicationError):
        await place(desk, attempt)
    await desk.rows.run("update attempt set lease_until = now() - interval '5 seconds'")
    with pytest.raises(ApplicationError) as doubt:
        await reconcile(desk, attempt)
    assert doubt.value.type == "still_doubtful"
    assert (await reconcile(desk, attempt)).submission is Submission.PLACED


@pytest.mark.parametrize(
    ("code", "submission", "paused"),
    [
        ("21211", Submission.BAD_NUMBER, False),
        ("21214", Submission.FAULT, False),
        ("20003", Submission.NOT_TAKEN, True),
        ("21210", Submission.NOT_TAKEN, True),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(desk: Desk, code: str, submission: Submission, paused: bool) -> None:
    attempt = await desk.reserve()
    desk.fault(operation="create_call", effect=f"refuse:{code}")
    assert (await place(desk, attempt)).submission is submission
    stored = await desk.attempt(attempt)
    assert (stored.state, stored.refusal_rule) == (AttemptState.REFUSED, f"carrier_{code}")
    [account] = await desk.rows.run("select paused_reason, paused_rule from account")
    assert (account.paused_reason is not None) == paused
    assert account.paused_rule == ("carrier_refuses" if paused else None)
    assert not desk.calls


@pytest.mark.parametrize(("code", "stops"), [("21210", "campaign"), ("20003", "account")])
async def test_a_campaigns_own_caller_id_that_is_refused_stops_that_campaign_only(
    desk: Desk, code: str, stops: str
) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set from_number = '+13125550101'")
    desk.fault(operation="create_call", effect=f"refuse:{code}")
    await place(desk, attempt)
    [row] = await desk.rows.run(
        "select account.paused_rule as account, campaign.paused_rule as campaign, state, state_reason "
        "from account, campaign"
    )
    stopped = {name for name in ("account", "campaign") if getattr(row, name) == "carrier_refuses"}
    assert stopped == {stops}
    if stops == "campaign":
        assert (row.state, row.state_reason) == ("paused", f"the carrier refuses our calls (code {code})")


@pytest.mark.parametrize("left", [True, False])
async def test_a_refused_number_of_a_pool_rests_and_only_the_last_one_stops_its_campaign(
    desk: Desk, left: bool
) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set from_number = '+13125550101'")
    for phone in ("+13125550101", "+13125550102")[: 1 + left]:
        await desk.rows.run(
            "insert into caller_id (phone, account_id, state, daily_cap, rest_reason) "
            "select :phone, id, 'active', 9, '' from account",
            phone=phone,
        )
    desk.fault(operation="create_call", effect="refuse:21210")
    await place(desk, attempt)
    [row] = await desk.rows.run(
        "select rests_until > now() as rests, rest_rule, campaign.state from caller_id, campaign "
        "where phone = '+13125550101'"
    )
    assert (row.rests, row.rest_rule) == (True, "carrier_refuses")
    assert row.state == ("running" if left else "paused")


@pytest.mark.parametrize("effect", ["rate_limit", "refuse:10004"])
async def test_too_many_calls_hold_the_account_back_for_a_while(desk: Desk, effect: str) -> None:
    attempt = await desk.reserve()
    desk.fault(operation="create_call", effect=effect)
    assert (await place(desk, attempt)).submission is Submission.NOT_TAKEN
    [account] = await desk.rows.run("select tokens, paused_reason from account")
    assert account.tokens < 0
    assert account.paused_reason is None
    assert (await desk.attempt(attempt)).tally is None, "our haste is not the carrier's fault"


async def test_a_carrier_that_cannot_be_reached_was_sent_nothing(desk: Desk, free_port: int) -> None:
    from activities.calling import CallingActivities
    from activities.carrier import Carrier

    settings = desk.settings.model_copy(update={"twilio_base_url": f"http://127.0.0.1:{free_port}"})
    attempt = await desk.reserve()
    calling = CallingActivities(settings, desk.rows.database, Carrier(settings), CAMPAIGN_RULES)
    placed = await calling.place_call(AttemptRef(attempt_id=attempt))
    assert placed.submission is Submission.NOT_TAKEN
    assert (await desk.attempt(attempt)).tally == Tally.CARRIER_FAULT


async def test_after_the_lease_nothing_is_sent(desk: Desk) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set lease_until = now()")
    placed = await place(desk, attempt)
    assert (placed.submission, placed.rule) == (Submission.LAPSED, Rule.LEASE_LAPSED)
    assert not desk.calls


async def test_a_number_that_opted_out_after_the_admission_is_not_rung(desk: Desk) -> None:
    attempt = await desk.reserve()
    async with desk.rows.database.transaction() as session:
        stored = await desk.attempt(attempt)
        await suppress_number(session, stored.phone, reason="asked", source="call")
    placed = await place(desk, attempt)
    assert (placed.submission, placed.rule) == (Submission.REFUSED, Rule.SUPPRESSED)
    assert not desk.calls
    assert await desk.rows.run("select 1 from gate_refusal where stage = 'before_post'")


async def test_a_reservation_nobody_claimed_is_given_back_after_its_lease(desk: Desk) -> None:
    attempt = await desk.reserve()
    with pytest.raises(ApplicationError):
        await reconcile(desk, attempt)
    await desk.rows.run("update attempt set lease_until = now()")
    assert (await reconcile(desk, attempt)).submission is Submission.LAPSED


async def test_a_reservation_that_the_dialer_took_back_is_told_apart(desk: Desk) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set state = 'lapsed', outcome = 'lapsed'")
    assert (await place(desk, attempt)).submission is Submission.LAPSED_IN_SQL
    assert (await reconcile(desk, attempt)).submission is Submission.LAPSED_IN_SQL

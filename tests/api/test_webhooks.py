"""Twilio's webhooks: signed, stored once, applied in any order, never lost."""

import itertools
from xml.etree import ElementTree

import pytest
from twilio.request_validator import RequestValidator

from api.routes.twilio import MAX_RECONNECTS
from api.webhooks.events import EventKind, fingerprint, kept_fields, read_event
from cadenza.domain.messages import CallProgressed
from cadenza.domain.stream_token import verify_token
from cadenza.records.tables import Attempt
from tests.api.conftest import CALL_SID, PUBLIC_URL, Api

pytestmark = pytest.mark.computes(20)


@pytest.fixture
async def attempt(api: Api) -> Attempt:
    campaign = await api.campaign()
    await api.upload(campaign)
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    return await api.attempt(campaign)


def test_the_validator_agrees_with_the_published_vectors() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert RequestValidator("12345").validate(url, fields, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


@pytest.mark.parametrize(
    "name", ["answer", "status", "machine", "recording", "stream", "after-stream", "fallback", "voicemail-played"]
)
async def test_unsigned_and_wrongly_signed_requests_are_refused_and_leave_nothing(
    api: Api, attempt: Attempt, name: str
) -> None:
    unsigned = await api.webhook(name, attempt.id, sign=False, CallSid=CALL_SID)
    wrong = await api.http.post(
        f"/webhooks/twilio/{name}?attempt={attempt.id}",
        data={"CallSid": CALL_SID},
        headers={"X-Twilio-Signature": RequestValidator("other").compute_signature(PUBLIC_URL, {})},
    )
    for answer in (unsigned, wrong):
        assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    assert await api.value("select count(*) from call_event where attempt_id = :id", id=attempt.id) == 0


async def test_a_signature_for_another_attempt_does_not_pass(api: Api, attempt: Attempt) -> None:
    fields = {"CallSid": CALL_SID, "CallStatus": "completed"}
    signed_for = f"{PUBLIC_URL}/webhooks/twilio/status?attempt=other"
    answer = await api.http.post(
        f"/webhooks/twilio/status?attempt={attempt.id}",
        data=fields,
        headers={"X-Twilio-Signature": RequestValidator("12345").compute_signature(signed_for, fields)},
    )
    assert answer.status_code == 403


async def test_empty_and_non_ascii_values_are_part_of_the_signature(api: Api, attempt: Attempt) -> None:
    answer = await api.webhook(
        "status", attempt.id, CallSid=CALL_SID, CallStatus="ringing", SequenceNumber="1", CallerName="", ToCity="ZÜRICH"
    )
    assert answer.status_code == 204


async def test_an_answered_call_is_connected_to_a_bridge(api: Api, attempt: Attempt) -> None:
    answer = await api.webhook("answer", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    response = ElementTree.fromstring(answer.text)
    assert [verb.tag for verb in response] == ["Connect", "Redirect"]
    stream = response[0][0]
    assert stream.get("url") == "wss://bridge.example.com/media"
    assert stream.get("statusCallback") == f"{PUBLIC_URL}/webhooks/twilio/stream?attempt={attempt.id}"
    parameters = {parameter.get("name"): parameter.get("value") or "" for parameter in stream}
    assert parameters["attempt"] == attempt.id
    secret = api.settings.signing_secret.get_secret_value()
    verify_token(secret, f"stream:{attempt.id}", parameters["token"], 0)
    assert response[1].text == f"{PUBLIC_URL}/webhooks/twilio/after-stream?attempt={attempt.id}"
    assert await api.value("select state from attempt where id = :id", id=attempt.id) == "in_progress"


async def test_a_repeated_answer_gets_the_same_instructions(api: Api, attempt: Attempt) -> None:
    answers = [await api.webhook("answer", attempt.id, CallSid=CALL_SID) for _ in range(2)]
    assert all("<Connect>" in answer.text for answer in answers)
    assert await api.value("select count(*) from call_event where attempt_id = :id", id=attempt.id) == 1


async def test_a_second_call_for_the_attempt_is_hung_up(api: Api, attempt: Attempt) -> None:
    answer = await api.webhook("answer", attempt.id, CallSid="CA" + "9" * 32)
    assert "<Hangup" in answer.text
    assert "Connect" not in answer.text
    assert await api.value("select rule from gate_refusal where attempt_id = :id", id=attempt.id) == "other_call"


async def test_who_opted_out_meanwhile_is_not_talked_to(api: Api, attempt: Attempt) -> None:
    await api.execute(
        "insert into suppression (phone, reason, source) values (:phone, 'test', 'api') on conflict do nothing",
        phone=attempt.phone,
    )
    try:
        assert "<Hangup" in (await api.webhook("answer", attempt.id, CallSid=CALL_SID)).text
        refusals = (await api.http.get("/v1/gate-refusals", params={"lead": attempt.lead_id})).json()["items"]
        assert [(refusal["rule"], refusal["stage"]) for refusal in refusals] == [("suppressed", "answer")]
    finally:
        await api.execute("delete from suppression where phone = :phone", phone=attempt.phone)


async def test_an_unknown_attempt_is_stored_and_hung_up(api: Api) -> None:
    answer = await api.webhook("answer", "ld_nobody-1", CallSid=CALL_SID)
    assert (answer.status_code, "<Hangup" in answer.text) == (200, True)
    assert (await api.webhook("status", "ld_nobody-1", CallSid=CALL_SID, CallStatus="ringing")).status_code == 204
    stored = "select count(*) from call_event where attempt_id = 'ld_nobody-1' and delivered_at is not null"
    assert await api.value(stored) == 2


STATUSES = [
    {"CallStatus": "initiated", "SequenceNumber": "0"},
    {"CallStatus": "ringing", "SequenceNumber": "1"},
    {"CallStatus": "in-progress", "SequenceNumber": "2"},
    {"CallStatus": "completed", "SequenceNumber": "3", "CallDuration": "42", "SipResponseCode": "200"},
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_status_callbacks_may_come_in_any_order_and_twice(
    api: Api, attempt: Attempt, order: tuple[int, ...]
) -> None:
    for index in (*order, order[0]):
        fields = {
            "CallSid": CALL_SID,
            "Timestamp": f"Fri, 20 Nov 2026 15:00:{10 + index:02d} +0000",
            **STATUSES[index],
        }
        assert (await api.webhook("status", attempt.id, **fields)).status_code == 204
    row = await api.value(
        "select concat_ws('|', carrier_status, duration_seconds, sip_code, extract(second from answered_at)::int, "
        "extract(second from ended_at)::int, ringing_at is not null) from attempt where id = :id",
        id=attempt.id,
    )
    assert row == "completed|42|200|12|13|t" or order.index(3) < order.index(2)
    assert row.startswith("completed|42|200|")
    assert await api.value("select count(*) from call_event where attempt_id = :id", id=attempt.id) == 4


async def test_events_wait_in_the_database_while_temporal_is_away(api: Api, attempt: Attempt) -> None:
    await api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="busy", SequenceNumber="1")
    await api.context.delivery.stop(5)
    waiting = "select count(*) from call_event where attempt_id = :id and delivered_at is null"
    assert await api.value(waiting, id=attempt.id) == 1
    assert await api.value("select carrier_status from attempt where id = :id", id=attempt.id) == "busy"


async def test_numbers_and_places_of_the_callee_are_not_stored_a_second_time(api: Api, attempt: Attempt) -> None:
    await api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="ringing", To=attempt.phone, ToCity="NEW YORK")
    payload = str(await api.value("select payload from call_event where attempt_id = :id", id=attempt.id))
    assert attempt.phone not in payload
    assert "NEW YORK" not in payload


async def test_the_machine_verdict_is_kept(api: Api, attempt: Attempt) -> None:
    await api.webhook("machine", attempt.id, CallSid=CALL_SID, AnsweredBy="machine_end_beep")
    assert await api.value("select answered_by from attempt where id = :id", id=attempt.id) == "machine_end_beep"


async def test_a_played_voicemail_is_noted_once_and_hung_up(api: Api, attempt: Attempt) -> None:
    for _ in range(2):
        answer = await api.webhook("voicemail-played", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")
        assert "<Hangup" in answer.text
    assert await api.value("select voicemail_played_at is not null from attempt where id = :id", id=attempt.id)
    assert await api.value("select count(*) from call_event where attempt_id = :id", id=attempt.id) == 1


async def test_a_finished_recording_is_noted_once(api: Api, attempt: Attempt) -> None:
    fields = {
        "CallSid": CALL_SID,
        "RecordingSid": "RE" + attempt.id[-12:],
        "RecordingUrl": "https://api.twilio.com/recording",
        "RecordingStatus": "completed",
        "RecordingDuration": "41",
        "RecordingChannels": "2",
    }
    for _ in range(2):
        assert (await api.webhook("recording", attempt.id, **fields)).status_code == 204
    assert await api.value("select duration_seconds from recording where attempt_id = :id", id=attempt.id) == 41


async def test_a_recording_that_is_absent_is_nothing_to_fetch(api: Api, attempt: Attempt) -> None:
    await api.webhook("recording", attempt.id, RecordingSid="RE2", RecordingStatus="absent", RecordingUrl="https://x")
    assert await api.value("select count(*) from recording where attempt_id = :id", id=attempt.id) == 0


async def test_a_stream_that_broke_is_connected_again_and_given_up_after_some_times(api: Api, attempt: Attempt) -> None:
    answers = [
        (await api.webhook("after-stream", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")).text
        for _ in range(MAX_RECONNECTS + 1)
    ]
    assert all("<Connect>" in answer for answer in answers[:-1])
    assert "<Pause" not in answers[0]
    assert "<Pause" in answers[1]
    assert "<Hangup" in answers[-1]


@pytest.mark.parametrize("missed", ["answer", "after-stream"])
async def test_who_got_no_document_gets_it_from_the_fallback(api: Api, attempt: Attempt, missed: str) -> None:
    fields = {"CallSid": CALL_SID, "ErrorCode": "11200", "ErrorUrl": f"{PUBLIC_URL}/webhooks/twilio/{missed}?attempt=x"}
    assert "<Connect>" in (await api.webhook("fallback", attempt.id, **fields)).text
    await api.execute("update lead set close_as = 'suppressed' where id = :id", id=attempt.lead_id)
    await api.execute("update attempt set conversation_over = true where id = :id", id=attempt.id)
    assert "<Hangup" in (await api.webhook("fallback", attempt.id, **fields)).text, "the same gates as there"


@pytest.mark.parametrize("url", ["", f"{PUBLIC_URL}/webhooks/twilio/voicemail-played?attempt=x", "http://[nonsense"])
async def test_a_fallback_for_nothing_that_goes_on_hangs_up(api: Api, attempt: Attempt, url: str) -> None:
    assert "<Hangup" in (await api.webhook("fallback", attempt.id, CallSid=CALL_SID, ErrorUrl=url)).text


@pytest.mark.parametrize(("seconds_ago", "waits"), [(2, True), (4, False)])
async def test_only_a_stream_that_no_bridge_kept_makes_the_callee_wait(
    api: Api, attempt: Attempt, seconds_ago: int, waits: bool
) -> None:
    await api.webhook("after-stream", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")
    await api.execute(f"update call_event set received_at = received_at - interval '{seconds_ago} seconds'")
    answer = await api.webhook("after-stream", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")
    assert ("<Pause" in answer.text) is waits


async def test_a_long_call_may_outlive_any_number_of_bridges(api: Api, attempt: Attempt) -> None:
    for _ in range(3 * MAX_RECONNECTS):
        answer = await api.webhook("after-stream", attempt.id, CallSid=CALL_SID, CallStatus="in-progress")
        assert "<Connect>" in answer.text
        assert "<Pause" not in answer.text, "a bridge had the call since: nobody waits for the deaths before"
        await api.execute("update call_event set received_at = received_at - interval '10 seconds'")


@pytest.mark.parametrize(
    "change",
    [
        "update attempt set conversation_over = true where id = :id",
        "update attempt set outcome = 'booked' where id = :id",
        "update lead set voicemail_attempt_id = :id where id = (select lead_id from attempt where id = :id)",
    ],
)
async def test_a_stream_that_ended_for_good_is_hung_up(api: Api, attempt: Attempt, change: str) -> None:
    await api.execute(change, id=attempt.id)
    assert "<Hangup" in (await api.webhook("after-stream", attempt.id, CallSid=CALL_SID)).text


async def test_a_body_that_is_no_form_is_refused(api: Api, attempt: Attempt) -> None:
    answer = await api.http.post(f"/webhooks/twilio/status?attempt={attempt.id}", content=b"\xff\xfe\x00")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "payload",
    [
        {"CallStatus": "sleeping"},
        {},
        {"CallStatus": "completed", "SequenceNumber": "x", "Timestamp": "yesterday", "SipResponseCode": "²"},
    ],
)
def test_strange_fields_never_break_the_reading(payload: dict[str, str]) -> None:
    event = read_event("status", "ld_1-1", CALL_SID, payload)
    assert event is None or isinstance(event, CallProgressed)


def test_repeats_have_one_fingerprint_and_different_news_another() -> None:
    one = {"CallSid": "CA1", "SequenceNumber": "1", "CallStatus": "ringing", "Timestamp": "a"}
    assert fingerprint(EventKind.STATUS, "a-1", one) == fingerprint(EventKind.STATUS, "a-1", {**one, "Timestamp": "b"})
    assert fingerprint(EventKind.STATUS, "a-1", one) != fingerprint(EventKind.STATUS, "a-2", one)
    assert fingerprint(EventKind.STATUS, "a-1", one) != fingerprint(EventKind.MACHINE, "a-1", one)
    assert "\x00" not in kept_fields(EventKind.STATUS, {"CallSid": "C\x00A"})["CallSid"]


async def test_a_broken_stream_is_looked_after_and_others_are_not(api: Api, attempt: Attempt) -> None:
    asked: list[tuple[str, str]] = []

    async def rescue(attempt_id: str, stream_sid: str) -> None:
        asked.append((attempt_id, stream_sid))

    api.context.orchestration.rescue = rescue  # type: ignore[method-assign]
    for event in ("stream-started", "stream-error", "stream-error", "stream-stopped"):
        answer = await api.webhook("stream", attempt.id, CallSid=CALL_SID, StreamSid="MZ1", StreamEvent=event)
        assert answer.status_code == 204
    await api.context.delivery.stop(5)
    assert asked == [(attempt.id, "MZ1")]
    waiting = "select count(*) from call_event where attempt_id = :id and delivered_at is null"
    assert await api.value(waiting, id=attempt.id) == 0

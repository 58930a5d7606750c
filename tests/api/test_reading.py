"""Leads, calls, transcripts, recordings, suppressions, appointments and audio over HTTP."""

import io
import wave
from datetime import UTC, datetime, timedelta

import pytest

from api.wav import mulaw_wav
from cadenza.domain.stream_token import sign_token
from cadenza.records.booking_span import booking_span
from cadenza.records.booking_tables import Booking, Rep
from cadenza.records.call_notes import notes_of
from cadenza.records.call_tables import Recording, Turn
from cadenza.records.tables import RenderedAudio
from tests.api.conftest import CSV, REP, Api, new_id, unique_phone

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


async def test_leads_are_paged_without_repeats_or_gaps(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, "phone\n" + "".join(f"{unique_phone(n)}\n" for n in range(10, 17)))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        params = {"campaign": campaign, "limit": "3", **({"after": cursor} if cursor else {})}
        page = (await api.http.get("/v1/leads", params=params)).json()
        seen += [lead["phone"] for lead in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [unique_phone(n) for n in range(10, 17)]


async def test_leads_are_filtered_by_state_outcome_and_number(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    await api.execute(
        "update lead set state = 'final', outcome = 'booked' where campaign_id = :id and first_name = 'Ada'",
        id=campaign,
    )

    async def names(**filters: str) -> list[str]:
        answer = await api.http.get("/v1/leads", params={"campaign": campaign, **filters})
        return [lead["first_name"] for lead in answer.json()["items"]]

    assert await names(state="final") == ["Ada"]
    assert await names(state="new") == ["Ben"]
    assert await names(outcome="booked") == ["Ada"]
    assert await names(phone="(617) 555-0136") == ["Ben"]
    assert (await api.http.get("/v1/leads", params={"state": "lost"})).status_code == 422
    assert (await api.http.get("/v1/leads", params={"phone": "12"})).json()["code"] == "bad_phone"


async def test_a_lead_shows_its_calls_its_next_step_and_why_it_was_not_called(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign, state="ended", outcome="no_answer")
    await api.execute(
        "insert into gate_refusal (lead_id, stage, rule, reason) "
        "values (:lead, 'admission', 'outside_hours', 'closed')",
        lead=attempt.lead_id,
    )
    body = (await api.http.get(f"/v1/leads/{attempt.lead_id}")).json()
    assert [call["outcome"] for call in body["calls"]] == ["no_answer"]
    assert body["next_step"] == "first call"
    assert [refusal["rule"] for refusal in body["refusals"]] == ["outside_hours"]
    assert body["is_suppressed"] is False
    assert (await api.http.get("/v1/leads/ld_nothing")).json()["code"] == "not_found"


async def test_a_call_shows_latency_and_cost(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(
        campaign,
        state="ended",
        outcome="booked",
        answered_at=NOW,
        ended_at=NOW + timedelta(seconds=61),
        duration_seconds=61,
        listening_seconds=60.0,
        tokens=1_000_000,
        characters_spoken=2000,
    )
    async with api.database.transaction() as session:
        for position, heard in enumerate((700, 900, 1100), start=1):
            latency = {"transcript": 100, "first_token": 400, "first_sentence": 450, "first_voice": 590}
            latency |= {"first_audio": 600, "heard": heard}
            session.add(Turn(attempt_id=attempt.id, position=position, speaker="agent", text="Hi", latency=latency))
        session.add(Turn(attempt_id=attempt.id, position=4, speaker="callee", text="Who is this?"))
    body = (await api.http.get(f"/v1/calls/{attempt.id}")).json()
    assert body["cost"] == {
        "telephony": 0.028,
        "machine_detection": 0.0075,
        "listening": 0.0075,
        "thinking": 0.6,
        "speaking": 0.1,
        "total": 0.743,
    }
    stages = {stage["stage"]: stage for stage in body["reply_latency"]}
    assert list(stages) == ["transcript", "first_token", "first_sentence", "first_voice", "first_audio", "heard"]
    assert (stages["heard"]["count"], stages["heard"]["p50"]) == (3, 900.0)
    assert [stage["took_p50"] for stage in stages.values()] == [100, 300, 50, 140, 10, 300]
    assert (stages["heard"]["took_p50"], stages["heard"]["took_p95"]) == (300.0, 480.0)
    assert (await api.http.get(f"/v1/campaigns/{campaign}/report")).json()["reply_time"] == {
        "count": 3, "p50": 900.0, "p95": 1080.0, "goal_p50": 900.0, "goal_p95": 1500.0, "met": False,
    }  # fmt: skip
    turns = (await api.http.get(f"/v1/calls/{attempt.id}/transcript")).json()["turns"]
    assert [turn["speaker"] for turn in turns] == ["agent", "agent", "agent", "callee"]
    listed = (await api.http.get("/v1/calls", params={"campaign": campaign, "outcome": "booked"})).json()
    assert [call["id"] for call in listed["items"]] == [attempt.id]


async def test_a_recording_can_be_played_from_the_middle(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign)
    path = f"/v1/calls/{attempt.id}/recording"
    assert (await api.http.get(path)).json()["code"] == "no_recording"
    sid = new_id("RE")
    async with api.database.transaction() as session:
        session.add(Recording(sid=sid, attempt_id=attempt.id, source_url="x", duration_seconds=1))
    assert "still on its way" in (await api.http.get(path)).json()["detail"]
    folder = api.settings.data_dir / "recordings"
    folder.mkdir(parents=True)
    content = mulaw_wav(bytes(8000))
    (folder / "one.wav").write_bytes(content)
    await api.execute("update recording set path = 'recordings/one.wav' where sid = :sid", sid=sid)
    whole = await api.http.get(path)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/wav", content)
    part = await api.http.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    await api.execute("update recording set path = '../../etc/passwd' where sid = :sid", sid=sid)
    assert (await api.http.get(path)).status_code == 404


async def test_suppressing_acts_at_once(api: Api) -> None:
    campaign = await api.campaign()
    phone = unique_phone(91)
    await api.upload(campaign, f"phone\n{phone}\n")
    first = await api.http.post("/v1/suppressions", json={"phone": "(212) 555-0191", "reason": "asked by e-mail"})
    assert (first.status_code, first.json()["phone"]) == (201, phone)
    assert (await api.http.post("/v1/suppressions", json={"phone": phone})).status_code == 200
    assert await api.value("select close_as from lead where campaign_id = :id", id=campaign) == "suppressed"
    listed = (await api.http.get("/v1/suppressions", params={"phone": phone})).json()["items"]
    assert [(item["source"], item["reason"]) for item in listed] == [("api", "asked by e-mail")]
    assert await api.value("select count(*) from suppression where phone = :phone", phone=phone) == 1


async def test_appointments_name_the_rep_and_the_time(api: Api) -> None:
    campaign = await api.campaign(reps=[REP])
    await api.upload(campaign)
    attempt = await api.attempt(campaign)
    booking_id = new_id("bk")
    async with api.database.transaction() as session:
        rep = await session.get_one(Rep, str((await api.http.get(f"/v1/campaigns/{campaign}")).json()["reps"][0]["id"]))
        for state, offset in (("confirmed", 0), ("released", 1)):
            starts, ends = NOW + timedelta(days=4, hours=offset), NOW + timedelta(days=4, hours=offset, minutes=30)
            session.add(
                Booking(
                    id=booking_id if state == "confirmed" else new_id("bk"),
                    campaign_id=campaign,
                    lead_id=attempt.lead_id,
                    attempt_id=attempt.id,
                    rep_id=rep.id,
                    calendar_ref=rep.calendar_ref,
                    provider=rep.provider,
                    starts_at=starts,
                    ends_at=ends,
                    span=booking_span(rep.calendar_ref, starts, ends),
                    state=state,
                )
            )
    found = (await api.http.get("/v1/appointments", params={"campaign": campaign})).json()["items"]
    assert [(item["id"], item["rep"], item["starts_at"], item["state"]) for item in found] == [
        (booking_id, "Dana Reyes", "2026-11-24T15:00:00Z", "confirmed")
    ]
    report = (await api.http.get(f"/v1/campaigns/{campaign}/report")).json()
    assert [item["id"] for item in report["appointments"]] == [booking_id]


async def test_audio_is_served_to_the_bearer_of_its_link_only(api: Api) -> None:
    key, other = "a" * 64, "b" * 64
    async with api.database.transaction() as session:
        session.add(RenderedAudio(key=key, voice_id="v", text="t", audio=b"\xff" * 801))
    secret = api.settings.signing_secret.get_secret_value()
    future = int(datetime.now(UTC).timestamp()) + 60
    api.http.headers.pop("Authorization")
    answer = await api.http.get(f"/audio/{key}.wav", params={"token": sign_token(secret, f"audio:{key}", future)})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content[:4] == b"RIFF"
    for subject, expires in ((f"audio:{other}", future), (f"stream:{key}", future), (f"audio:{key}", 1)):
        refused = await api.http.get(f"/audio/{key}.wav", params={"token": sign_token(secret, subject, expires)})
        assert (refused.status_code, refused.json()["code"]) == (403, "bad_token")
    absent = await api.http.get(f"/audio/{other}.wav", params={"token": sign_token(secret, f"audio:{other}", future)})
    assert absent.status_code == 404
    assert (await api.http.get("/audio/../secret.wav")).status_code == 404


@pytest.mark.parametrize("length", [0, 1, 160, 8001])
def test_the_wav_header_states_mu_law_and_the_true_length(length: int) -> None:
    content = mulaw_wav(b"\xff" * length)
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert content[20:22] == b"\x07\x00"
    data = content.index(b"data")
    assert int.from_bytes(content[data + 4 : data + 8], "little") == length
    with pytest.raises(wave.Error, match="unknown format: 7"):  # the standard library reads PCM only
        wave.Wave_read(io.BytesIO(content))


async def test_progress_and_report_add_up(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, CSV + "Cleo,312-555-0100\nNora,\n")
    ids = [lead["id"] for lead in (await api.http.get("/v1/leads", params={"campaign": campaign})).json()["items"]]
    await api.execute("update lead set state = 'final', outcome = 'booked', due_at = null where id = :id", id=ids[0])
    made = {"submitted_at": NOW, "answered_at": NOW, "duration_seconds": 40}
    await api.attempt(campaign, lead_id=ids[0], number=1, state="ended", outcome="callback_promised", **made)
    await api.attempt(campaign, lead_id=ids[0], number=2, state="ended", outcome="booked", **made)
    await api.attempt(
        campaign, lead_id=ids[1], number=1, state="ended", outcome="voicemail_left", voicemail_played_at=NOW, **made
    )
    await api.attempt(campaign, lead_id=ids[1], number=2, state="refused", outcome="refused")
    await api.attempt(campaign, lead_id=ids[2], number=1, state="ringing", submitted_at=NOW)
    progress = (await api.http.get(f"/v1/campaigns/{campaign}/progress")).json()
    assert (progress["leads"], progress["finished"]) == (3, 1)
    assert progress["outcomes"] == {"booked": 1}
    assert [call["state"] for call in progress["under_way"]] == ["ringing"]
    assert progress["next_due"]["lead_id"] in ids[1:]
    for hour, rung in ((9, 29), (18, 30)):
        await api.execute(
            "insert into answer_hour (campaign_id, weekday, hour, rung, answered) values (:id, 2, :hour, :rung, 3)",
            id=campaign, hour=hour, rung=rung,
        )  # fmt: skip
    report = (await api.http.get(f"/v1/campaigns/{campaign}/report")).json()
    [cell] = report["answer_hours"]["hours"]
    assert (cell["weekday"], cell["hour"], cell["rung"], cell["share"]) == (2, 18, 30, 0.1)
    assert list(report["answer_hours"]["parts"]) == ["evening"]
    assert report["attempts"]["dials"] == 3
    assert report["attempts"]["answered"] == 3
    assert report["attempts"]["retries"] == 1
    assert report["attempts"]["callbacks"] == 1
    assert report["attempts"]["under_way"] == 1
    assert report["rates"]["human"] == {"count": 2, "of": 3, "of_what": "dials", "share": 0.6667}
    assert report["rates"]["booked"] == {"count": 1, "of": 2, "of_what": "conversations", "share": 0.5}
    assert report["voicemails"] == {"left": 1, "leads": 0}
    assert report["uploads"]["rejected"] == 1
    assert report["uploads"]["findings"][0]["code"] == "missing_phone"
    assert report["uploads"]["findings"][0]["rows"] == [5]
    assert report["cost"]["telephony_minutes"] == 3
    assert report["cost"]["per_dial"] == pytest.approx(report["cost"]["total"]["total"] / 3, abs=0.0001)
    assert report["unfinished"] == 2
    assert {lead["lead_id"] for lead in report["without_final_outcome"]} == set(ids[1:])


async def test_the_report_of_an_empty_campaign_divides_nothing_by_nothing(api: Api) -> None:
    report = (await api.http.get(f"/v1/campaigns/{await api.campaign()}/report")).json()
    assert report["rates"]["answered"]["share"] is None
    assert report["cost"]["per_appointment"] is None
    assert report["reply_latency"] == []
    assert report["reply_time"]["met"] is None


# --- Facts for a running call ----------------------------------------------------------------------------------------


async def test_a_running_call_takes_facts(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign, state="in_progress")
    answer = await api.http.post(f"/v1/calls/{attempt.id}/context", json={"text": " Setup is free today. "})
    assert answer.status_code == 202 and answer.json()["call_id"] == attempt.id
    async with api.database.transaction() as session:
        assert [note.text for note in await notes_of(session, [attempt.id])] == ["Setup is free today."]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"state": "ended"}, "call_over"), ({"state": "in_progress", "conversation_over": True}, "call_over")],
)
async def test_a_call_that_is_over_takes_none(api: Api, change: dict[str, object], code: str) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign, **change)
    answer = await api.http.post(f"/v1/calls/{attempt.id}/context", json={"text": "Hello."})
    assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_a_call_takes_twenty_facts_at_most(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign, state="in_progress")
    answers = [
        (await api.http.post(f"/v1/calls/{attempt.id}/context", json={"text": f"Fact {number}."})).status_code
        for number in range(21)
    ]
    assert answers == [202] * 20 + [409]


@pytest.mark.parametrize("body", [{}, {"text": "  "}, {"text": "x" * 1001}, {"text": 3}, {"text": "a", "now": True}])
async def test_a_fact_is_a_text_of_some_length(api: Api, body: dict[str, object]) -> None:
    answer = await api.http.post("/v1/calls/at_1/context", json=body)
    assert answer.status_code == 422 and answer.json()["errors"]


async def test_an_unknown_call_takes_no_fact(api: Api) -> None:
    assert (await api.http.post("/v1/calls/at_1/context", json={"text": "Hello."})).json()["code"] == "not_found"


async def test_calls_with_promises_that_nobody_approved_are_listed_and_counted(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    promise = {"quote": "You save half.", "why": "not among the approved claims", "found_by": "rule"}
    times = {"submitted_at": NOW, "answered_at": NOW, "ended_at": NOW}
    bold = await api.attempt(campaign, state="ended", outcome="booked", unapproved_promises=[promise], **times)
    honest = await api.attempt(campaign, number=2, state="ended", outcome="booked", **times)

    async def listed(flagged: str) -> list[str]:
        params = {"campaign": campaign, "unapproved_promises": flagged}
        return [call["id"] for call in (await api.http.get("/v1/calls", params=params)).json()["items"]]

    assert (await listed("true"), await listed("false")) == ([bold.id], [honest.id])
    assert (await api.http.get(f"/v1/calls/{bold.id}")).json()["unapproved_promises"] == [promise]
    report = (await api.http.get(f"/v1/campaigns/{campaign}/report")).json()
    assert report["attempts"]["unapproved_promises"] == 1

"""A whole campaign with every process: each character comes to its own outcome, and the world confirms it."""

from collections import Counter

import pytest

from tests.end_to_end.conftest import Rehearsal, rehearsal

EXPECTED = {
    "00": "booked", "01": "booked", "10": "booked", "15": "booked", "18": "not_interested", "23": "opted_out",
    "25": "wrong_number", "27": "gatekeeper", "29": "booked", "32": "silent", "34": "hung_up", "36": "voicemail_left",
    "46": "screened", "48": "no_answer", "54": "busy", "57": "invalid_number", "60": "booked", "65": "booked",
    "75": "booked",
}  # fmt: skip

pytestmark = [pytest.mark.end_to_end, pytest.mark.servers, pytest.mark.waits(130), pytest.mark.timeout(420)]


async def test_every_character_comes_to_its_outcome_and_the_world_confirms_it() -> None:
    async with rehearsal(CALLS_PER_SECOND="2") as world:
        numbers = [f"+1212555{'01'}{nn}" for nn in EXPECTED]
        campaign = await world.campaign(numbers, max_attempts=2)
        await world.call("post", f"/v1/campaigns/{campaign}/start")
        report = await world.until_over(campaign, 300)
        outcomes = await world.outcomes(campaign)
        others = [ending for ending, outcome in outcomes.items() if outcome != EXPECTED[ending]]
        assert outcomes == EXPECTED, await world.story(campaign, others)
        await _nobody_was_rung_twice_for_an_attempt(world, campaign)
        await _calendars_agree(world, report)
        await _one_message_was_left(world)
        await _what_was_said_was_heard(world, campaign)
        assert report["unfinished"] == 0
        assert report["reply_latency"]
        suppressed = (await world.call("get", "/v1/suppressions"))["items"]
        assert [one["phone"] for one in suppressed] == ["+12125550123"]


async def _nobody_was_rung_twice_for_an_attempt(world: Rehearsal, campaign: str) -> None:
    placed = Counter(event["to"] for event in await world.truth("placed"))
    calls = (await world.call("get", "/v1/calls", campaign=campaign, limit=200))["items"]
    sids = [call["call_sid"] for call in calls if call["call_sid"]]
    assert len(sids) == len(set(sids)) == sum(placed.values())
    assert max(placed.values()) <= 2 + 2  # two attempts, and two forgiven carrier faults at most


async def _calendars_agree(world: Rehearsal, report: dict[str, object]) -> None:
    appointments = report["appointments"]
    assert isinstance(appointments, list)
    confirmed = [one for one in appointments if one["state"] == "confirmed"]
    made = await world.truth("booking_made")
    assert len(confirmed) == len(made) == len(await world.truth("booking_heard"))
    assert len({(one["rep_id"], one["starts_at"]) for one in confirmed}) == len(confirmed)
    shares = Counter(one["rep"] for one in confirmed)
    assert len(shares) >= 2, f"the rotation used one rep only: {shares}"


async def _one_message_was_left(world: Rehearsal) -> None:
    messages = [event for event in await world.truth("voicemail") if event["text"]]
    assert len(messages) == 1
    assert messages[0]["text"].endswith("Goodbye.")


async def _what_was_said_was_heard(world: Rehearsal, campaign: str) -> None:
    """The agent's lines in the transcript of a booked call are what the person's ear picked up."""
    calls = (await world.call("get", "/v1/calls", campaign=campaign, limit=200))["items"]
    booked = next(call for call in calls if call["outcome"] == "booked")
    transcript = (await world.call("get", f"/v1/calls/{booked['id']}/transcript"))["turns"]
    spoken = " ".join(turn["text"] for turn in transcript if turn["speaker"] == "agent")
    heard = " ".join(event["text"] for event in await world.truth("heard") if event["call_sid"] == booked["call_sid"])
    assert _words(spoken) == _words(heard)


def _words(text: str) -> list[str]:
    return ["".join(letter for letter in word.lower() if letter.isalnum()) for word in text.split()]

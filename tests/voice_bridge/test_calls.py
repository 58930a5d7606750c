"""Whole calls: the bridge talks with the people of the rehearsal world, over the vendors' real wire protocols.

Every character comes to its outcome; the calls run at the same time, as in life.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cadenza.domain.messages import (
    BookAppointment,
    CallbackPromised,
    ConversationEnded,
    MachineDetected,
    OfferSlots,
    OptedOut,
)
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, MessageSource
from cadenza.records.call_tables import Turn
from tests.voice_bridge.rehearsed import Rehearsed, rehearsed

pytestmark = [pytest.mark.servers, pytest.mark.conversation, pytest.mark.waits(70)]

CHARACTERS = {
    "01": AttemptOutcome.BOOKED,
    "10": AttemptOutcome.BOOKED,
    "15": AttemptOutcome.CALLBACK_PROMISED,
    "18": AttemptOutcome.NOT_INTERESTED,
    "23": AttemptOutcome.OPTED_OUT,
    "25": AttemptOutcome.WRONG_NUMBER,
    "27": AttemptOutcome.GATEKEEPER,
    "29": AttemptOutcome.BOOKED,
    "32": AttemptOutcome.SILENT,
    "34": AttemptOutcome.HUNG_UP,
    "36": AttemptOutcome.MACHINE,
    "46": AttemptOutcome.SCREENED,
    "47": AttemptOutcome.BOOKED,
    "70": AttemptOutcome.CALLBACK_PROMISED,
    "75": AttemptOutcome.BOOKED,
}


class Calls:
    """What became of each character's call."""

    def __init__(self, world: Rehearsed) -> None:
        self.world = world
        self.attempts: dict[str, str] = {}
        self.sids: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}
        self.turns: dict[str, list[Turn]] = {}

    async def make(self, ending: str) -> None:
        attempt = self.attempts[ending] = await self.world.lead(ending)
        self.sids[ending] = await self.world.dial(attempt)
        self.outcomes[ending] = await self.world.outcome(attempt, 150)

    def told(self, ending: str, kind: type[Any]) -> list[Any]:
        return [message for message in self.world.leads.of(kind) if message.attempt_id == self.attempts[ending]]

    def agent(self, ending: str) -> str:
        return " | ".join(turn.text for turn in self.turns[ending] if turn.speaker == "agent")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calls(module_laid_out_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Calls]:
    data_dir: Path = tmp_path_factory.mktemp("calls")
    async with rehearsed(module_laid_out_url, data_dir) as world:
        await world.render()
        made = Calls(world)
        await asyncio.gather(*(made.make(ending) for ending in CHARACTERS))
        await asyncio.sleep(1.0)  # the last signals and rows
        for ending, attempt in made.attempts.items():
            made.turns[ending] = await world.turns(attempt)
        yield made


@pytest.mark.parametrize(("ending", "outcome"), CHARACTERS.items())
async def test_every_character_comes_to_its_outcome(calls: Calls, ending: str, outcome: AttemptOutcome) -> None:
    assert calls.outcomes[ending] == outcome, await calls.world.transcript(calls.attempts[ending])
    ended = calls.told(ending, ConversationEnded)
    assert [message.outcome for message in ended] == [outcome]


async def test_the_disclosure_is_heard_and_noted(calls: Calls) -> None:
    for ending in ("01", "29", "32"):
        assert (await calls.world.attempt(calls.attempts[ending])).disclosure_heard
    assert not (await calls.world.attempt(calls.attempts["34"])).disclosure_heard


async def test_the_journal_holds_what_the_person_heard(calls: Calls) -> None:
    heard = " ".join(await calls.world.heard(calls.sids["01"]))
    said = " ".join(turn.text for turn in calls.turns["01"] if turn.speaker == "agent")
    assert said == heard


async def test_an_interrupted_greeting_is_journalled_as_far_as_it_was_heard(calls: Calls) -> None:
    first = next(turn for turn in calls.turns["29"] if turn.speaker == "agent")
    assert first.interrupted
    assert first.generated.startswith(first.text) and 0 < len(first.text) < len(first.generated)
    heard = " ".join(await calls.world.heard(calls.sids["29"]))
    assert heard.startswith(first.text)
    again = [turn for turn in calls.turns["29"] if turn.speaker == "agent"][1]
    assert "AI assistant" in again.text and "recorded" in again.text


async def test_every_reply_has_its_latency_in_stages(calls: Calls) -> None:
    replies = [turn for turn in calls.turns["01"] if turn.speaker == "agent"][1:]
    assert replies
    for turn in replies:
        assert turn.latency is not None and "first_token" in turn.latency, await calls.world.transcript(
            calls.attempts["01"]
        )
        stages = turn.latency
        assert 0 < stages["transcript"] <= stages["first_token"] <= stages["first_audio"] <= stages["heard"] < 6000
        assert stages["first_token"] <= stages["first_sentence"]


async def test_a_reply_that_begins_with_nothing_rendered_has_the_voices_first_byte(calls: Calls) -> None:
    latencies = [turn.latency for turns in calls.turns.values() for turn in turns if turn.latency]
    spoken = [latency for latency in latencies if "first_voice" in latency]
    assert spoken and all(latency["first_voice"] <= latency["first_audio"] for latency in spoken)


async def test_booking_goes_through_the_leads_workflow_with_stable_update_ids(calls: Calls) -> None:
    attempt = calls.attempts["01"]
    updates = [(name, message) for name, message in calls.world.leads.updates if message.attempt_id == attempt]
    assert [type(message) for _, message in updates] == [OfferSlots, BookAppointment]
    assert all(name.startswith(f"{attempt}-") for name, _ in updates)
    tools = [turn for turn in calls.turns["01"] if turn.speaker == "tool"]
    assert [turn.tool for turn in tools][:2] == ["offer_slots", "book_appointment"]
    assert tools[1].payload is not None and tools[1].payload["result"]["status"] == "booked"


async def test_the_confirmation_is_rendered_while_the_callee_makes_up_their_mind(calls: Calls) -> None:
    confirmation = next(turn for turn in calls.turns["01"] if turn.text.startswith("You're booked for "))
    assert confirmation.latency is not None and "first_voice" not in confirmation.latency


async def test_an_opt_out_suppresses_the_number_and_tells_the_workflow(calls: Calls) -> None:
    assert calls.told("23", OptedOut)
    phone = (await calls.world.attempt(calls.attempts["23"])).phone
    assert await calls.world.run("select 1 from suppression where phone = :phone", phone=phone)


async def test_a_promised_callback_is_written_and_told_at_once(calls: Calls) -> None:
    attempt = await calls.world.attempt(calls.attempts["15"])
    promised = calls.told("15", CallbackPromised)
    assert attempt.callback_at is not None and promised[0].callback_at == attempt.callback_at
    ended = calls.told("15", ConversationEnded)[0]
    assert ended.callback_at == attempt.callback_at


async def test_tomorrow_at_three_is_the_callees_three(calls: Calls) -> None:
    from zoneinfo import ZoneInfo

    attempt = await calls.world.attempt(calls.attempts["70"])
    assert attempt.callback_at is not None
    local = attempt.callback_at.astimezone(ZoneInfo("America/New_York"))
    assert (local.hour, local.minute) == (15, 0)


async def test_a_machine_is_reported_with_its_beep_and_not_talked_to(calls: Calls) -> None:
    told = calls.told("36", MachineDetected)
    verdicts = [message.answered_by for message in told]
    assert verdicts[-2:] == [AnsweredBy.MACHINE_START, AnsweredBy.MACHINE_END_BEEP]
    assert all(message.source is MessageSource.BRIDGE for message in told)
    mailbox = calls.world.truth("voicemail", calls.sids["36"])
    assert not mailbox or mailbox[0]["text"] == ""


async def test_a_screening_assistant_is_told_once_who_calls(calls: Calls) -> None:
    assert calls.agent("46").count("about a short introductory call") == 1
    assert calls.told("46", MachineDetected)[0].answered_by is AnsweredBy.SCREENING
    reasons = calls.world.truth("screening_reason", calls.sids["46"])
    assert reasons and "Brightline" in reasons[0]["text"]
    assert not calls.world.truth("said_on_hold", calls.sids["46"])


async def test_the_person_behind_the_screening_hears_the_whole_greeting(calls: Calls) -> None:
    assert calls.agent("47").count("This call is recorded.") >= 1
    assert (await calls.world.attempt(calls.attempts["47"])).disclosure_heard


async def test_a_person_who_asks_is_told_the_truth(calls: Calls) -> None:
    assert "Yes, I'm an AI assistant" in calls.agent("75")


async def test_objections_get_the_approved_answers(calls: Calls) -> None:
    assert "you will know the exact cost before you decide anything" in calls.agent("10")


async def test_after_our_goodbye_the_call_is_over_for_the_carrier_too(calls: Calls) -> None:
    attempt = await calls.world.attempt(calls.attempts["32"])
    assert attempt.conversation_over
    assert calls.attempts["32"] in calls.world.after_streams


async def test_usage_is_written_for_the_bill(calls: Calls) -> None:
    attempt = await calls.world.attempt(calls.attempts["01"])
    assert attempt.listening_seconds > 10 and attempt.tokens > 100 and attempt.characters_spoken > 50


async def test_no_ear_is_left_open(calls: Calls) -> None:
    assert calls.world.bridge.calls == 0

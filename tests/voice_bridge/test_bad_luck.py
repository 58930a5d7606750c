"""Whole calls with vendors that fail, sockets that break and bridges that stop: polite, recorded, nothing lost.

Each misfortune has a world of its own; all run at the same time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from cadenza.domain.messages import BookAppointment, ConversationEnded
from cadenza.records.call_tables import Turn
from cadenza.records.tables import Attempt
from tests.support.servers import fresh_database, laid_out_database
from tests.voice_bridge.rehearsed import Rehearsed, eventually, rehearsed, start_bridge

pytestmark = [pytest.mark.servers, pytest.mark.conversation, pytest.mark.waits(160)]


@dataclass
class Result:
    """One call after its misfortune."""

    outcome: str = ""
    turns: list[Turn] = field(default_factory=list)
    attempt: Attempt | None = None
    heard: list[str] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    updates: list[tuple[str, Any]] = field(default_factory=list)
    transcript: str = ""

    @property
    def agent(self) -> str:
        return " | ".join(turn.text for turn in self.turns if turn.speaker == "agent")


@dataclass(frozen=True)
class Scenario:
    faults: tuple[dict[str, Any], ...] = ()
    ending: str = "18"
    rendered: bool = True
    during: Callable[[Rehearsed, str, str], Awaitable[None]] | None = None
    policy: dict[str, Any] = field(default_factory=dict)


def fault(vendor: str, operation: str, effect: str, **more: Any) -> dict[str, Any]:
    return {"vendor": vendor, "operation": operation, "effect": effect, **more}


async def _say(world: Rehearsed, attempt: str, words: str) -> None:
    """Wait until the agent has said so."""
    async with asyncio.timeout(60):
        while not any(words in turn.text for turn in await world.turns(attempt) if turn.speaker == "agent"):
            await asyncio.sleep(0.1)


async def _hang_up_in_the_middle(world: Rehearsed, attempt: str, sid: str) -> None:
    await _say(world, attempt, "Am I speaking with")
    await asyncio.sleep(2.0)
    await world.update_call(sid, Status="completed")


async def _hang_up_during_the_booking(world: Rehearsed, attempt: str, sid: str) -> None:
    world.leads.delay_seconds = 3.0
    await eventually(lambda: any(isinstance(message, BookAppointment) for _, message in world.leads.updates), 60)
    await world.update_call(sid, Status="completed")


async def _stop_the_bridge(world: Rehearsed, attempt: str, sid: str) -> None:
    """A clean stop in mid-call, with another bridge standing by."""
    await _say(world, attempt, "Which suits you better")
    stopping = world.bridge
    async with AsyncExitStack() as stack:
        world.bridge = await start_bridge(replace(world.services, bridge_id="br_two"), stack)
        await stopping.drain()
        await world.outcome(attempt, 120)


async def _speak_over_a_dead_line(world: Rehearsed, attempt: str, sid: str) -> None:
    await _say(world, attempt, "Am I speaking with")


MISFORTUNES: dict[str, Scenario] = {
    "a model error once": Scenario((fault("openai", "chat", "status:500"),)),
    "a model without credentials": Scenario((fault("openai", "chat", "status:401", count=None),)),
    "a model at its limit for long": Scenario((fault("openai", "chat", "status:429", count=None, seconds=30),)),
    "a model at its limit for a moment": Scenario((fault("openai", "chat", "status:429", seconds=0.5),)),
    "a model without quota": Scenario((fault("openai", "chat", "quota", count=None),)),
    "a model that stalls": Scenario((fault("openai", "chat", "stall"),), ending="01"),
    "a model that breaks off": Scenario((fault("openai", "chat", "truncate"),), ending="01"),
    "a model that errs in the middle": Scenario((fault("openai", "chat", "error"),), ending="01"),
    "a model whose socket is cut": Scenario((fault("openai", "chat", "cut_socket"),)),
    "a model that says nothing once": Scenario((fault("openai", "chat", "empty"),)),
    "a model that never says anything": Scenario((fault("openai", "chat", "empty", count=None),), ending="01"),
    "a model that writes markup": Scenario((fault("openai", "chat", "markup", count=None),), ending="01"),
    "a slow model": Scenario((fault("openai", "chat", "delay", seconds=4.0),)),
    "a voice error once": Scenario((fault("elevenlabs", "stream", "status:500"),)),
    "a voice that is away": Scenario((fault("elevenlabs", "stream", "status:503", count=None),), ending="01"),
    "a voice that is away for the farewell": Scenario((fault("elevenlabs", "stream", "status:503", count=None),)),
    "a voice that is away from the start": Scenario(
        (fault("elevenlabs", "stream", "status:503", count=None),), ending="01", rendered=False
    ),
    "a voice without credentials": Scenario((fault("elevenlabs", "stream", "status:401", count=None),), ending="01"),
    "a voice that is empty once": Scenario((fault("elevenlabs", "stream", "empty"),)),
    "a voice that stalls once": Scenario((fault("elevenlabs", "stream", "stall"),), ending="01"),
    "a voice that is cut once": Scenario((fault("elevenlabs", "stream", "cut_socket"),), ending="01"),
    "nothing rendered before": Scenario(rendered=False),
    "ears that refuse once": Scenario((fault("assemblyai", "connect", "close:3005"),)),
    "ears that refuse always": Scenario((fault("assemblyai", "connect", "close:1008", count=None),)),
    "ears that break in mid-call": Scenario((fault("assemblyai", "turn", "cut_socket", skip=1),), ending="01"),
    "ears that close without a word": Scenario((fault("assemblyai", "turn", "clean_close", skip=1),), ending="01"),
    "ears that go deaf": Scenario((fault("assemblyai", "audio", "stall", skip=150),), ending="01"),
    "a broken stream": Scenario((fault("twilio", "media_stream", "cut_socket", seconds=11.0),), ending="01"),
    "the callee hangs up": Scenario(ending="01", during=_hang_up_in_the_middle),
    "the callee hangs up during the booking": Scenario(ending="01", during=_hang_up_during_the_booking),
    "the bridge stops": Scenario(ending="01", during=_stop_the_bridge),
    "a call that is too long": Scenario(ending="01", policy={"max_call_seconds": 30, "wrap_up_seconds": 15}),
}


AT_ONCE = 10
"""Calls at the same time: more would be late for want of processors, and the tests would measure that."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def results(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Result]]:
    made: dict[str, Result] = {}
    async with AsyncExitStack() as stack:
        places = asyncio.Semaphore(AT_ONCE)

        async def suffer(name: str, scenario: Scenario) -> None:
            async with places:
                url = stack.enter_context(fresh_database(postgres_url, laid_out_database(postgres_url)))
                folder = tmp_path_factory.mktemp("world")
                async with rehearsed(url, folder, **scenario.policy) as world:
                    if scenario.rendered:
                        await world.render()
                    made[name] = await _suffer(scenario, world)

        longest_first = sorted(MISFORTUNES.items(), key=lambda item: item[1].ending != "01")
        await asyncio.gather(*(suffer(name, scenario) for name, scenario in longest_first))
        yield made


async def _suffer(scenario: Scenario, world: Rehearsed) -> Result:
    result = Result()
    world.world.faults.order(*scenario.faults)
    attempt = await world.lead(scenario.ending)
    sid = await world.dial(attempt)
    try:
        if scenario.during is not None:
            await scenario.during(world, attempt, sid)
        result.outcome = await world.outcome(attempt, 150)
        await eventually(lambda: world.leads.of(ConversationEnded), 10)
        result.heard = await world.heard(sid)
    except TimeoutError:
        result.outcome = "nothing within the time"
    result.turns = await world.turns(attempt)
    result.attempt = await world.attempt(attempt)
    result.told = list(world.leads.told)
    result.updates = list(world.leads.updates)
    result.transcript = await world.transcript(attempt)
    return result


@pytest.mark.parametrize("name", MISFORTUNES)
async def test_every_misfortune_ends_with_a_recorded_outcome_told_once(results: dict[str, Result], name: str) -> None:
    result = results[name]
    assert len([message for message in result.told if isinstance(message, ConversationEnded)]) == 1, result.transcript
    assert result.attempt is not None and result.attempt.conversation_over


@pytest.mark.parametrize(
    "name",
    [
        "a model error once",
        "a model at its limit for a moment",
        "a model whose socket is cut",
        "a model that says nothing once",
        "a slow model",
        "a voice error once",
        "a voice that is empty once",
        "nothing rendered before",
        "ears that refuse once",
    ],
)
async def test_a_passing_fault_is_not_even_noticed(results: dict[str, Result], name: str) -> None:
    assert results[name].outcome == "not_interested", results[name].transcript


@pytest.mark.parametrize(
    "name",
    [
        "a model that stalls",
        "a model that breaks off",
        "a model that errs in the middle",
        "a model that writes markup",
        "a voice that stalls once",
        "a voice that is cut once",
        "ears that break in mid-call",
        "ears that close without a word",
        "ears that go deaf",
        "a broken stream",
        "the bridge stops",
        "the callee hangs up during the booking",
    ],
)
async def test_a_call_goes_on_to_its_appointment(results: dict[str, Result], name: str) -> None:
    assert results[name].outcome == "booked", results[name].transcript


@pytest.mark.parametrize(
    "name",
    [
        "a model without credentials",
        "a model at its limit for long",
        "a model without quota",
        "a model that never says anything",
        "a voice that is away",
        "a voice that is away from the start",
        "a voice without credentials",
        "ears that refuse always",
    ],
)
async def test_a_lasting_fault_ends_the_call_as_failed(results: dict[str, Result], name: str) -> None:
    assert results[name].outcome == "failed", results[name].transcript


@pytest.mark.parametrize(
    "name", ["a model without credentials", "a model without quota", "a voice that is away", "ears that refuse always"]
)
async def test_a_lasting_fault_is_told_politely(results: dict[str, Result], name: str) -> None:
    assert "technical problem" in results[name].agent, results[name].transcript


async def test_a_farewell_that_was_rendered_stands_in_for_one_that_cannot_be(results: dict[str, Result]) -> None:
    result = results["a voice that is away for the farewell"]
    assert result.outcome == "not_interested"
    assert result.agent.endswith("Thank you for your time. Goodbye.")


async def test_a_slow_model_is_bridged_by_a_filler(results: dict[str, Result]) -> None:
    assert "One moment, please." in results["a slow model"].agent


async def test_markup_is_never_spoken(results: dict[str, Result]) -> None:
    spoken = " ".join(results["a model that writes markup"].heard)
    assert spoken and not any(mark in spoken for mark in "*#`_[]") and "star" not in spoken


async def test_a_broken_stream_is_taken_up_with_one_sentence(results: dict[str, Result]) -> None:
    result = results["a broken stream"]
    assert result.agent.count("Sorry, the line dropped for a moment.") == 1, result.transcript
    assert result.agent.count("This call is recorded.") == 1


async def test_a_stopped_bridge_gives_the_call_away_and_nothing_is_done_twice(results: dict[str, Result]) -> None:
    result = results["the bridge stops"]
    notes = [turn.payload for turn in result.turns if turn.speaker == "system"]
    assert {"handed_over_by": "br_one"} in notes and {"resumed_by": "br_two"} in notes, result.transcript
    assert result.agent.count("This call is recorded.") == 1
    assert len([message for _, message in result.updates if isinstance(message, BookAppointment)]) == 1
    assert result.attempt is not None and result.attempt.bridge_id == "br_two"


async def test_a_hang_up_before_any_result_is_hung_up(results: dict[str, Result]) -> None:
    assert results["the callee hangs up"].outcome == "hung_up"


async def test_a_call_that_is_too_long_is_closed_in_time(results: dict[str, Result]) -> None:
    result = results["a call that is too long"]
    first, last = result.turns[0].started_at, result.turns[-1].started_at
    assert (last - first).total_seconds() < 32, result.transcript

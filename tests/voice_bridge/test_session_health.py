"""Pins down: a recogniser that takes no sessions is told of at once, tried without a caller, and trusted again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cadenza.settings import Settings
from rehearsal.assemblyai.behaviour import AssemblyAiBehaviour
from rehearsal.assemblyai.server import AssemblyAiEmulator
from rehearsal.world import World, create_world
from tests.voice_bridge.rehearsed import eventually
from tests.voice_bridge.test_vendors import Listener
from voice_bridge.listening import health
from voice_bridge.listening.assemblyai import AssemblyAIListening, AssemblyAIOptions
from voice_bridge.listening.health import SessionHealth

KEY = "rehearsal-key"


@pytest_asyncio.fixture
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AssemblyAiEmulator]:
    world: World = create_world(Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("ears")))  # type: ignore[call-arg]
    emulator = AssemblyAiEmulator(world, AssemblyAiBehaviour(maximum_sessions=1))
    await emulator.start("127.0.0.1", 0)
    yield emulator
    await emulator.stop()
    world.truth.close()


@pytest_asyncio.fixture
async def listening(service: AssemblyAiEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AssemblyAIListening]:
    monkeypatch.setattr(health, "FIRST_TRY_SECONDS", 0.2)
    listening = AssemblyAIListening(AssemblyAIOptions(KEY, f"ws://127.0.0.1:{service.port}", "universal-3-5-pro"))
    yield listening
    await listening.close()


async def test_a_refused_session_is_told_and_a_try_without_a_caller_ends_it(
    service: AssemblyAiEmulator, listening: AssemblyAIListening
) -> None:
    first = listening(Listener(), language="en")
    await eventually(lambda: service.open_sessions == 1)
    assert listening.refusal is None
    lost = Listener()
    second = listening(lost, language="en")
    await eventually(lambda: lost.lost)
    assert listening.refusal == "code 3009"
    await first.close()
    await second.close()
    await eventually(lambda: listening.refusal is None)
    await eventually(lambda: service.open_sessions == 0), "the try left no session open"


@pytest.mark.parametrize(
    ("key", "refusal"), [("invalid-key", "code 1008"), (KEY, "no answer")]
)  # fmt: skip
async def test_wrong_keys_and_a_service_that_is_away_are_refusals_too(
    service: AssemblyAiEmulator, key: str, refusal: str
) -> None:
    url = f"ws://127.0.0.1:{service.port}"
    if refusal == "no answer":
        await service.stop()
    listening = AssemblyAIListening(AssemblyAIOptions(key, url, "universal-3-5-pro"))
    lost = Listener()
    ears = listening(lost, language="en")
    await eventually(lambda: lost.lost)
    assert listening.refusal == refusal
    await ears.close()
    await listening.close()


async def test_a_session_of_a_call_ends_the_refusal_too() -> None:
    async def never() -> bool:
        return False

    state = SessionHealth(never)
    state.refused("code 3009")
    state.refused("code 1008")
    assert state.refusal == "code 1008"
    state.taken()
    assert state.refusal is None
    await state.close()


async def test_trying_goes_on_until_the_service_takes_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FIRST_TRY_SECONDS", 0.01)
    answers = iter([False, False, True])

    async def answer() -> bool:
        return next(answers)

    state = SessionHealth(answer)
    state.refused("code 1013")
    await eventually(lambda: state.refusal is None)
    assert list(answers) == []
    await state.close()

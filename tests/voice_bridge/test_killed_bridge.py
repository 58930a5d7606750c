"""A live call survives its bridge: killed without warning in mid-call, another one takes the call up."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from cadenza.operations.processes import free_port
from cadenza.operations.readiness import is_ready
from tests.voice_bridge.rehearsed import Rehearsed, rehearsed

pytestmark = [pytest.mark.servers, pytest.mark.conversation, pytest.mark.waits(90)]


@dataclass
class BridgeProcess:
    """A bridge in a process of its own."""

    process: "subprocess.Popen[bytes]"
    port: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(module_laid_out_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rehearsed]:
    async with rehearsed(module_laid_out_url, tmp_path_factory.mktemp("killed")) as made:
        await made.render()
        yield made


async def start(world: Rehearsed, name: str, stack: AsyncExitStack) -> BridgeProcess:
    port, folder = free_port(), world.settings.data_dir
    settings = world.settings.model_copy(
        update={"bridge_port": port, "bridge_public_url": f"ws://127.0.0.1:{port}", "log_level": "ERROR"}
    )
    values = settings.model_dump(mode="json")
    values |= {field: value.get_secret_value() for field, value in settings if isinstance(value, SecretStr)}
    file = Path(folder) / f"{name}.json"
    file.write_text(json.dumps(values))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.voice_bridge.lonely_bridge", str(file), name],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DATA_DIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )

    def end() -> None:
        process.kill()
        process.wait()

    stack.callback(end)
    async with asyncio.timeout(30):
        while not is_ready(name, folder, process.pid):
            assert process.poll() is None, "the bridge ended at once"
            await asyncio.sleep(0.05)
    return BridgeProcess(process, port)


MOMENTS = {
    "during the greeting": ("", 2.5),
    "while the callee answers": ("Am I speaking with", 1.0),
    "while it offers times": ("Would you be open", 4.0),
    "before the booking": ("Which suits you better", 0.5),
    "after the booking": ("You're booked", 0.0),
    "inside the farewell": ("great day", 0.0),
    "behind the farewell": ("Goodbye", 0.0),
}


@dataclass
class Survivor:
    """A call whose bridge was killed."""

    outcome: str
    transcript: str
    heard: str
    tools: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def survivors(world: Rehearsed) -> AsyncIterator[dict[str, Survivor]]:
    """All calls at the same time: each has a bridge to be killed, one stands by for all."""
    async with AsyncExitStack() as stack:
        standby = await start(world, "br_standby", stack)
        doomed = [await start(world, f"br_doomed_{number}", stack) for number in range(len(MOMENTS))]
        made = await asyncio.gather(
            *(_kill(world, moment, bridge, standby) for moment, bridge in zip(MOMENTS, doomed, strict=True))
        )
        yield dict(zip(MOMENTS, made, strict=True))


async def _kill(world: Rehearsed, moment: str, bridge: BridgeProcess, standby: BridgeProcess) -> Survivor:
    words, more_seconds = MOMENTS[moment]
    attempt = await world.lead("01", line=f"{20 + list(MOMENTS).index(moment)}")
    world.ports[attempt] = bridge.port
    sid = await world.dial(attempt)
    async with asyncio.timeout(60):
        while words and not any(words in turn.text for turn in await world.turns(attempt)):
            await asyncio.sleep(0.1)
    await asyncio.sleep(more_seconds)
    world.ports[attempt] = standby.port
    bridge.process.send_signal(signal.SIGKILL)
    try:
        outcome = await world.outcome(attempt, 120)
    except TimeoutError:
        outcome = "nothing within the time"
    return Survivor(
        outcome=outcome,
        transcript=await world.transcript(attempt),
        heard=" ".join(await world.heard(sid)),
        tools=[turn.tool or "" for turn in await world.turns(attempt) if turn.speaker == "tool"],
    )


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_call_survives_the_death_of_its_bridge(survivors: dict[str, Survivor], moment: str) -> None:
    call = survivors[moment]
    assert call.outcome == "booked", call.transcript
    assert "This call is recorded." in call.heard


@pytest.mark.parametrize("moment", MOMENTS)
async def test_nothing_is_said_or_done_twice(survivors: dict[str, Survivor], moment: str) -> None:
    call = survivors[moment]
    assert call.heard.count("Am I speaking with Alex?") <= 1, call.transcript
    assert call.heard.count("You're booked for") <= 1, call.transcript
    assert call.heard.count("Have a great day.") <= 1, call.transcript
    assert call.tools.count("book_appointment") == 1, call.transcript


@pytest.mark.parametrize("moment", ["inside the farewell", "behind the farewell"])
async def test_leave_is_taken_once(survivors: dict[str, Survivor], moment: str) -> None:
    call = survivors[moment]
    assert call.heard.count("Goodbye.") == 1, (call.transcript, call.heard)

"""The rehearsal world: what all emulated vendors share, and the start of all of them in one process."""

import importlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from inspect import isawaitable
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cadenza.settings import Settings
from rehearsal.control.faults import FaultBook
from rehearsal.control.truth import TruthLog
from rehearsal.servers import Emulator

if TYPE_CHECKING:
    from rehearsal.speech import SpeechStudio

# Package of each emulator and its offset from settings.rehearsal_port. Microsoft opens offsets 5 and 6.
EMULATORS: tuple[tuple[str, int], ...] = (
    ("twilio", 0),
    ("assemblyai", 1),
    ("openai", 2),
    ("elevenlabs", 3),
    ("calendly", 4),
    ("microsoft", 5),
    ("control", 7),
)


class Clock:
    """The real time. Tests of pure parts pass their own."""

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return monotonic()


@dataclass
class World:
    """Everything the emulators share. One for each process."""

    settings: Settings
    seed: int
    clock: Clock = field(default_factory=Clock)
    faults: FaultBook = field(default_factory=FaultBook)
    truth: TruthLog = field(default_factory=TruthLog)
    calls: dict[str, Any] = field(default_factory=dict)
    """Calls of the Twilio emulator by SID."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """What the person behind each called number remembers, by E.164 number."""
    behaviours: dict[str, BaseModel] = field(default_factory=dict)
    """What can be turned on an emulator while it runs, by vendor; models with validate_assignment."""
    measures: dict[str, Callable[[], float]] = field(default_factory=dict)
    """How the emulators themselves keep up, by name: a run in which they did not says little."""
    resets: list[Callable[[], object]] = field(default_factory=list)
    """Each puts one emulator back to its first state; `reset` calls all, and awaits what can be awaited."""

    @cached_property
    def studio(self) -> "SpeechStudio":
        """The speech of everybody in the world, agent included."""
        from rehearsal.speech import SpeechStudio

        return SpeechStudio()

    def random(self, *names: object) -> Random:
        """A source of chance that depends on the world's seed and these names only."""
        return Random(":".join([str(self.seed), *map(str, names)]))

    async def reset(self) -> None:
        """Forget faults, people's memories and the truth, and put each emulator back to its first state."""
        self.faults.clear()
        for reset in self.resets:
            result = reset()
            if isawaitable(result):
                await result
        self.truth.clear()
        self.numbers.clear()


def create_world(settings: Settings, *, write_truth: bool = True) -> World:
    """A world as the settings say. With `write_truth` the truth log also goes to data_dir/rehearsal."""
    path = settings.data_dir / "rehearsal" / "truth.jsonl" if write_truth else None
    seed = settings.rehearsal_seed
    return World(settings=settings, seed=seed, faults=FaultBook(seed), truth=TruthLog(path))


def build_emulator(world: World, package: str) -> Emulator:
    """Build one vendor's emulator. Imported late, so that one package can be used without the others."""
    module = importlib.import_module(f"rehearsal.{package}.server")
    emulator: Emulator = module.build(world)
    return emulator


async def start_world(world: World, host: str = "127.0.0.1") -> AsyncExitStack:
    """Start every emulator on its port; close the returned stack to stop them. Raises OSError: port taken."""
    world.truth.append("world_started", seed=world.seed)
    async with AsyncExitStack() as stack:
        for package, offset in EMULATORS:
            emulator = build_emulator(world, package)
            stack.push_async_callback(emulator.stop)
            await emulator.start(host, world.settings.rehearsal_port + offset)
        stack.callback(world.truth.close)
        return stack.pop_all()

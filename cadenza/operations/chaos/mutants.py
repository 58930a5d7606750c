"""Takes one safeguard out of the running system, so that the judge can show that it would notice.

`python -m cadenza.operations.chaos.mutants MUTATION MODULE` replaces a function and then runs the real process; the
module `up` is the supervisor, whose children become mutants too. Nothing in production code knows of this.
"""

import importlib
import runpy
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from cadenza.domain.gate import ALLOWED
from cadenza.operations.chaos.schedule import Card, Misfortune, full_deck
from cadenza.records import attempts


class Mutation(StrEnum):
    """The safeguard that is missing."""

    LAST_GATE = "last_gate"


def command(mutation: Mutation, module: str = "up") -> tuple[str, ...]:
    """What runs the module without that safeguard."""
    return (sys.executable, "-m", "cadenza.operations.chaos.mutants", mutation.value, module)


def deck() -> list[Card]:
    """The misfortunes of a mutant's run: the carrier's only, so that nothing but the missing safeguard is to blame."""
    return [card for card in full_deck() if card.kind is Misfortune.FAULT]


def _without_last_gate() -> None:
    """Every answered call is put through."""

    async def open_gate(*_: Any, **__: Any) -> Any:
        return ALLOWED

    attempts.admit_answer = open_gate


_MUTATE: dict[Mutation, Callable[[], None]] = {
    Mutation.LAST_GATE: _without_last_gate,
}


def main(arguments: Sequence[str]) -> None:
    """Run the mutant."""
    mutation, module = Mutation(arguments[0]), arguments[1]
    if module == "up":
        system: Any = importlib.import_module("cadenza.operations.system")
        own = dict(system._MODULES)
        system._command = lambda name: list(command(mutation, own[name]))
        sys.argv = ["cadenza", "up"]
        importlib.import_module("cadenza.cli").main()
    else:
        _MUTATE[mutation]()
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How long does it take to find the approved answer to what a callee says?

Libraries of some sizes, four phrases an objection; turns that make an objection and turns that make none. What is timed
is `ObjectionLibrary.find`, which runs on the bridge's loop before the model is asked; the goal is below 10 ms. It is
processor time: what other processes take does not count.

    python -m bench objection_library [--turns 5000] [--seed 1]
"""

import argparse
import random
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.machine import describe
from cadenza.domain.objection_library import ObjectionLibrary
from cadenza.domain.script import Objection

SIZES = (10, 50, 200)
WORDS = (
    "roof power bill contract price supplier panel battery tenant landlord meter grid winter shade permit loan "
    "warranty installer company neighbour garden office budget quote brochure website email letter "
    "colleague manager partner"
)


def draw(draw_from: random.Random, objections: int, turns: int) -> tuple[ObjectionLibrary, list[str]]:
    """A library, and turns of which every other one says one of its phrases."""
    words = WORDS.split()
    library = [
        Objection(
            id=f"objection_{number}",
            heard="",
            phrases=tuple(f"no {' '.join(draw_from.sample(words, 3))}" for _ in range(4)),
            answer="That is a fair point.",
        )
        for number in range(objections)
    ]
    said = []
    for number in range(turns):
        if number % 2:
            said.append(f"Well, there is {draw_from.choice(draw_from.choice(library).phrases)}, I'm sorry to say.")
        else:
            said.append(f"I wonder whether {' '.join(draw_from.sample(words, 8))} would be something for us at all.")
    return ObjectionLibrary(library), said


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench objection_library", description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console = Console()
    console.print(f"Machine: {describe()}")
    table = Table("objections", "found", "p50 µs", "p99 µs", "longest µs", title=f"{options.turns:,} turns of a callee")
    for size in SIZES:
        library, said = draw(random.Random(options.seed), size, options.turns)
        took, found = [], 0
        for turn in said:
            began = time.process_time_ns()
            found += library.find(turn) is not None
            took.append((time.process_time_ns() - began) / 1000)
        took.sort()
        at = (took[len(took) // 2], took[len(took) * 99 // 100], took[-1])
        table.add_row(f"{size}", f"{found:,}", *(f"{one:,.0f}" for one in at))
    console.print(table)


if __name__ == "__main__":
    main()

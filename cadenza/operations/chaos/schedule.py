"""What is done to the system, and when: pure, from a seed.

Misfortunes are cards of a deck: each kind is in it at least once, and a new deck is dealt when one is used up. So a
run that deals one deck has seen every fault, and two runs with one seed deal the same cards in the same order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any


class Target(StrEnum):
    """A process of the system. The supervisor's death is everybody's."""

    WORKER = "worker"
    BRIDGE = "bridge"
    API = "api"
    TEMPORAL = "temporal"
    POSTGRES = "postgres"
    SUPERVISOR = "supervisor"


class Misfortune(StrEnum):
    KILL = "kill"
    FREEZE = "freeze"
    FAULT = "fault"


@dataclass(frozen=True)
class Card:
    """One misfortune. `seconds` is the length of a freeze; `orders` go to the simulated carrier."""

    kind: Misfortune
    name: str
    target: Target | None = None
    seconds: float = 0.0
    orders: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Dealt:
    """A card, to be played `after` seconds from the one before."""

    after: float
    card: Card


KILLS: dict[Target, int] = {
    Target.WORKER: 4,
    Target.BRIDGE: 3,
    Target.API: 3,
    Target.POSTGRES: 2,
    Target.TEMPORAL: 1,
    Target.SUPERVISOR: 1,
}
"""Cards of each death in a deck. The servers' and the supervisor's cost the campaign many seconds each."""

LEASE_SECONDS = 6
"""The campaigns' lease, so short that a freeze outlasts it."""
_FREEZES: dict[Target, tuple[float, ...]] = {
    Target.WORKER: (LEASE_SECONDS + 4.0, 2.0),
    Target.BRIDGE: (3.0,),
    Target.API: (LEASE_SECONDS + 2.0,),
    Target.POSTGRES: (4.0,),
    Target.TEMPORAL: (5.0,),
}


def _order(operation: str, effect: str, count: int, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"vendor": "twilio", "operation": operation, "effect": effect, "count": count, "seconds": seconds, **more}


_FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "the reply of a placed call is lost": (_order("create_call", "lose_reply", 2),),
    "the reply is lost, the list is late and callbacks vanish": (
        _order("create_call", "lose_reply", 1),
        _order("create_call", "hide_from_list_for", 1, 12.0),
        _order("status_callback", "drop_callback", 3),
    ),
    "error 500 after placing": (_order("create_call", "error_500_after_placing", 2),),
    "no answer for 15 s after placing": (_order("create_call", "stall_after_placing", 1, 15.0),),
    "the carrier is away": (_order("create_call", "status:503", 2),),
    "callbacks come twice": (
        _order("status_callback", "duplicate_callback", 8),
        _order("amd_callback", "duplicate_callback", 2),
        _order("recording_callback", "duplicate_callback", 2),
    ),
    "callbacks get lost": (
        _order("status_callback", "drop_callback", 4),
        _order("amd_callback", "drop_callback", 1),
    ),
    "callbacks are late": (_order("status_callback", "delay", 6, 5.0), _order("amd_callback", "delay", 2, 3.0)),
    "callbacks overtake each other": (_order("status_callback", "reorder_callback", 6),),
    "media sockets are cut": (_order("media_stream", "cut_socket", 2, 4.0),),
    "a media socket opens late": (_order("media_stream", "late", 2, 2.0),),
    "the answer's document comes late": (_order("twiml_fetch", "delay", 2, 2.0),),
}


def full_deck() -> list[Card]:
    """Every misfortune, unshuffled."""
    kills = [Card(Misfortune.KILL, f"kill {name}", name) for name, count in KILLS.items() for _ in range(count)]
    freezes = [
        Card(Misfortune.FREEZE, f"freeze {name} for {seconds:g} s", name, seconds)
        for name, lengths in _FREEZES.items()
        for seconds in lengths
    ]
    faults = [Card(Misfortune.FAULT, name, orders=orders) for name, orders in _FAULTS.items()]
    return [*kills, *freezes, *faults]


def deal(
    seed: int, *, kills: int, gap: tuple[float, float] = (4.0, 9.0), decks: Sequence[Card] | None = None
) -> Iterator[Dealt]:
    """Cards with the seconds between them, until `kills` deaths are dealt and a whole deck has been seen.

    Past the wanted deaths, the rest of the first deck is dealt without its kills.
    """
    random = Random(f"chaos:{seed}")  # a text's seed does not depend on the process's hash seed
    first, deaths = True, 0
    while first or deaths < kills:
        deck = list(decks if decks is not None else full_deck())
        random.shuffle(deck)
        for card in deck:
            if card.kind is Misfortune.KILL:
                if deaths >= kills:
                    continue
                deaths += 1
            elif deaths >= kills and not first:
                break
            # A fault harms the requests that follow: it needs no time of its own.
            after = random.uniform(0.3, 1.0) if card.kind is Misfortune.FAULT else random.uniform(*gap)
            yield Dealt(round(after, 2), card)
        first = False

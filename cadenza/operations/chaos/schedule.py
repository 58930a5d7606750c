"""What is done to the system, and when: pure, from a seed.

Misfortunes are cards of a deck: each kind is in it at least once, and a new deck is dealt when one is used up. So a
run that deals one deck has seen every fault, and two runs with one seed deal the same cards in the same order. How
fast they are dealt follows the campaign, so that they are spread over all of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from cadenza.domain.outcomes import AttemptState


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
    CUT = "cut"
    """All its connections break at once; the process lives on."""
    ROLL = "roll"
    """A rolling restart of every process, as for a deploy."""
    PAUSE = "pause"
    """The main campaign is paused and resumed by a person, in the middle of the card's faults."""
    FAULT = "fault"


@dataclass(frozen=True)
class Card:
    """One misfortune. `seconds` is the length of a freeze or a pause; `orders` go to the simulated carrier.

    `moment`: a process is struck while some attempt is in this state, if there is such a moment soon.
    """

    kind: Misfortune
    name: str
    target: Target | None = None
    seconds: float = 0.0
    orders: tuple[dict[str, Any], ...] = ()
    moment: AttemptState | None = None


@dataclass(frozen=True)
class Dealt:
    """A card, to be played at most `after` seconds from the end of the one before."""

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
PAUSE_SECONDS = 7.0
_FREEZES: dict[Target, tuple[float, ...]] = {
    Target.WORKER: (LEASE_SECONDS + 4.0, 2.0),
    Target.BRIDGE: (3.0,),
    Target.API: (LEASE_SECONDS + 2.0,),
    Target.POSTGRES: (4.0,),
    Target.TEMPORAL: (5.0,),
}
_CUTS = (Target.WORKER, Target.BRIDGE, Target.API, Target.POSTGRES, Target.TEMPORAL)


def _order(operation: str, effect: str, count: int, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"vendor": "twilio", "operation": operation, "effect": effect, "count": count, "seconds": seconds, **more}


UNSEEN_CALL = (
    _order("create_call", "lose_reply", 1),
    _order("create_call", "hide_from_list_for", 1, 12.0),
    _order("status_callback", "drop_callback", 3),
)
"""Nobody tells of the call for a while: neither its reply, nor its callbacks, nor the list."""
_FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "the reply of a placed call is lost": (_order("create_call", "lose_reply", 2),),
    "the reply is lost, the list is late and callbacks vanish": UNSEEN_CALL,
    "error 500 after placing": (_order("create_call", "error_500_after_placing", 2),),
    "no answer for 15 s after placing": (_order("create_call", "stall_after_placing", 1, 15.0),),
    "the carrier is away": (_order("create_call", "status:503", 2),),
    "requests are cut off before they are read": (
        _order("create_call", "cut_socket", 1),
        _order("update_call", "cut_socket", 1),
    ),
    "there are too many requests": (_order("create_call", "rate_limit", 1),),
    "the carrier cannot be asked": (
        _order("create_call", "lose_reply", 1),
        _order("list_calls", "status:503", 2),
        _order("fetch_call", "status:503", 2),
    ),
    "callbacks come twice": (
        _order("status_callback", "duplicate_callback", 8),
        _order("amd_callback", "duplicate_callback", 2),
        _order("recording_callback", "duplicate_callback", 2),
    ),
    "callbacks get lost": (
        _order("status_callback", "drop_callback", 4),
        _order("amd_callback", "drop_callback", 1),
        _order("recording_callback", "drop_callback", 1),
    ),
    "callbacks are late": (_order("status_callback", "delay", 6, 5.0), _order("amd_callback", "delay", 2, 3.0)),
    "callbacks overtake each other": (_order("status_callback", "reorder_callback", 6),),
    "media sockets are cut": (_order("media_stream", "cut_socket", 2, 4.0),),
    "a media socket opens late": (_order("media_stream", "late", 2, 2.0),),
    "the answer's document comes late": (_order("twiml_fetch", "delay", 2, 2.0),),
}
_PAUSES: dict[str, tuple[dict[str, Any], ...]] = {
    "pause and resume": (),
    "pause while calls go wrong": (
        _order("create_call", "delay", 1, 3.0),
        _order("create_call", "lose_reply", 1, 1.0, skip=1),
        _order("create_call", "error_500_after_placing", 1, skip=2),
        _order("create_call", "status:503", 1, skip=3),
    ),
}


_IN_MID_REQUEST, _BEFORE_THE_CLAIM = AttemptState.SUBMITTING, AttemptState.RESERVED


def kill(target: Target) -> Card:
    """A worker dies in the middle of a request to the carrier: nobody knows whether it arrived."""
    moment = _IN_MID_REQUEST if target is Target.WORKER else None
    return Card(Misfortune.KILL, f"kill {target}", target, moment=moment)


def freeze(target: Target, seconds: float) -> Card:
    """A worker is frozen with a reservation in its hands: thawed, it goes on as if its lease still held."""
    moment = _BEFORE_THE_CLAIM if target is Target.WORKER else None
    return Card(Misfortune.FREEZE, f"freeze {target} for {seconds:g} s", target, seconds, moment=moment)


def full_deck() -> list[Card]:
    """Every misfortune, unshuffled."""
    return [
        *(kill(target) for target, count in KILLS.items() for _ in range(count)),
        *(freeze(target, seconds) for target, lengths in _FREEZES.items() for seconds in lengths),
        *(Card(Misfortune.CUT, f"cut the connections of {target}", target) for target in _CUTS),
        Card(Misfortune.ROLL, "rolling restart of every process", Target.SUPERVISOR),
        *(Card(Misfortune.PAUSE, name, seconds=PAUSE_SECONDS, orders=orders) for name, orders in _PAUSES.items()),
        *(Card(Misfortune.FAULT, name, orders=orders) for name, orders in _FAULTS.items()),
    ]


def deal(
    seed: int, *, kills: int, gap: tuple[float, float] = (3.0, 7.0), deck: Sequence[Card] | None = None
) -> list[Dealt]:
    """Cards in their order, until `kills` deaths are dealt and a whole deck has been seen.

    Past the wanted deaths, the rest of the first deck is dealt without its kills.
    """
    random = Random(f"chaos:{seed}")  # a text's seed does not depend on the process's hash seed
    cards = list(deck if deck is not None else full_deck())
    if kills and not any(card.kind is Misfortune.KILL for card in cards):
        raise ValueError("there is no death in the deck")
    return [_timed(card, random, gap) for card in _shuffled(cards, kills, random)]


def _shuffled(cards: Sequence[Card], kills: int, random: Random) -> Iterator[Card]:
    first, deaths = True, 0
    while first or deaths < kills:
        for card in random.sample(cards, len(cards)):
            if card.kind is Misfortune.KILL:
                if deaths >= kills:
                    continue
                deaths += 1
            elif deaths >= kills and not first:
                return
            yield card
        first = False


def _timed(card: Card, random: Random, gap: tuple[float, float]) -> Dealt:
    """A fault harms the requests that follow: it needs no time of its own."""
    after = random.uniform(0.3, 1.0) if card.kind is Misfortune.FAULT else random.uniform(*gap)
    return Dealt(round(after, 2), card)


_BREATH_SECONDS = 1.0
"""Between two cards at least: what a death did must show before the next one."""
_ALL_PLAYED_BY = 0.85
"""Share of the leads with their outcome by which every card is played: the last leads take long."""


def is_due(dealt: Dealt, *, waited: float, played: int, of: int, progress: float) -> bool:
    """Whether to play the card now, `waited` seconds after the end of the one before.

    Its time has come; or the campaign is ahead: `progress` (0 to 1) of it is done, and less of the cards is played.
    So a fast campaign sees as many misfortunes as a slow one.
    """
    if waited >= dealt.after:
        return True
    return waited >= _BREATH_SECONDS and played < of * progress / _ALL_PLAYED_BY

"""Room for more calls, apart from the account's own lines: with our workers, at the voice bridges, and in the carrier's
queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

BRIDGE_FRESH_SECONDS = 10
CARRIER_QUEUE_SECONDS = 3.0
"""So much of the account's rate may wait in the carrier's queue. It would ring the others too, but later than planned:
perhaps after their calling hours."""
CARRIER_QUEUE_LEAST = 2
UNUSED_SECONDS = 1.0
"""So much of the account's rate may be admitted and not used yet. Workers that are slower than the rate would find ever
more admissions whose time is over, and be slower still for these."""
UNUSED_LEAST = 2
PLACED_LATELY_SECONDS = 60
"""A call that was placed before, and of which nothing was heard since, has lost its callbacks; it does not queue."""


@dataclass(frozen=True)
class Room:
    """Calls that may be added now. `reason` says why there is none."""

    calls: int
    reason: str = ""


BRIDGES = f"""
    select count(*) as bridges,
           coalesce(sum(greatest(max_calls - calls, 0)) filter (
               where not draining and listening_refusal is null), 0) as room,
           count(*) filter (where not draining and listening_refusal is not null) as deaf,
           max(listening_refusal) filter (where not draining) as refusal,
           (select count(*) from attempt
            where state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing')) as coming
    from bridge_node where beat_at > now() - interval '{BRIDGE_FRESH_SECONDS} seconds'
"""  # noqa: S608
"""One row, for `room_left`."""


async def room_on_bridges(session: AsyncSession) -> Room:
    """Conversations that the live bridges can still take, less what is on its way to them."""
    return room_left((await session.execute(text(BRIDGES))).mappings().one())


def room_left(found: Mapping[Any, Any]) -> Room:
    """As `room_on_bridges`, of the row that `BRIDGES` found."""
    if found["bridges"] == 0:
        return Room(0, "no voice bridge is running")
    room = int(found["room"]) - int(found["coming"])
    if room > 0:
        return Room(room)
    if found["deaf"]:
        refused = f"the recogniser takes no sessions ({found['refusal']})"
        return Room(0, f"{refused}, at {found['deaf']} of {found['bridges']} bridges")
    return Room(0, "the voice bridges are full")


def room_at_carrier(queued: int, calls_per_second: float) -> Room:
    """Calls that the carrier's queue may still get. `queued`: taken by the carrier lately, and not ringing yet."""
    most = int(max(CARRIER_QUEUE_LEAST, CARRIER_QUEUE_SECONDS * calls_per_second))
    if queued > most:
        return Room(0, f"the carrier's queue is long ({queued} calls do not ring yet)")
    return Room(most + 1 - queued)


def room_with_workers(unused: int, calls_per_second: float) -> Room:
    """Admissions that the workers may still get. `unused`: those that they have, and have sent no request for yet."""
    most = int(max(UNUSED_LEAST, UNUSED_SECONDS * calls_per_second))
    if unused >= most:
        return Room(0, f"the workers are slow ({unused} admitted calls are not sent yet)")
    return Room(most - unused)

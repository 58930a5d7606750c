"""Ordered faults that every plain HTTP vendor can have: before its work is done, and after it.

Effects: `delay` and `stall` (`seconds`), `cut_socket`, `status:<code>`, `rate_limit` (`seconds` until it ends), and
`lose_reply`: the work is done, and the answer is not.
"""

import asyncio
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from rehearsal.control.faults import Fault
from rehearsal.servers import cut_connection

_STALL_SECONDS = 60.0
_NEVER_READ = Response(status_code=500)


async def misbehave_before(
    request: Request,
    faults: Sequence[Fault],
    answer_with: Callable[[int, float], Response],
) -> Response | None:
    """Carry out the faults that come before the work. A response ends the request.

    `answer_with(status, seconds)` makes the vendor's own error for a status; `seconds` is how long a 429 holds.
    """
    for fault in faults:
        match fault.kind:
            case "delay":
                await asyncio.sleep(fault.seconds)
            case "stall":
                await asyncio.sleep(fault.seconds or _STALL_SECONDS)
                return answer_with(503, 0.0)
            case "cut_socket":
                cut_connection(request.scope)
                return _NEVER_READ
            case "rate_limit":
                return answer_with(429, fault.seconds or 1.0)
            case "status":
                return answer_with(int(fault.argument), fault.seconds)
    return None


async def misbehave_after(request: Request, faults: Sequence[Fault], response: Response) -> Response:
    """Carry out the faults that come after the work was done."""
    for fault in faults:
        if fault.kind == "lose_reply":
            await asyncio.sleep(fault.seconds)
            cut_connection(request.scope)
            return _NEVER_READ
    return response

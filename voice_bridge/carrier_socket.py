"""The server's end of a carrier's socket. From a moment on it hands messages over as they arrive.

Fifty times a second for each call, a queue, a future and a wake of a task between the socket and the call cost more
than what the call does with the message.
"""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame


class CarrierSocket(ServerConnection):
    """A connection that is read by `next_message`, and then by `hand_over`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._taker: Callable[[bytes], None] | None = None
        self._queued = 0
        self._parts: list[bytes] = []

    async def next_message(self) -> bytes:
        """The next message. Raises ConnectionClosed."""
        message = await self.recv(decode=False)
        self._queued -= 1
        return message

    async def hand_over(self, taker: Callable[[bytes], None]) -> None:
        """Give `taker` what is queued, and from then on every message as it comes. Raises ConnectionClosed.

        `taker` must return at once, and must not raise.
        """
        while self._queued:
            taker(await self.next_message())
        self._taker = taker

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            if self._taker is not None:
                self._hand(event)
                return
            self._queued += event.fin
        super().process_event(event)

    def _hand(self, frame: Frame) -> None:
        assert self._taker is not None
        if frame.fin and not self._parts:
            self._taker(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message, self._parts = b"".join(self._parts), []
            self._taker(message)

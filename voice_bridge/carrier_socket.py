"""The server's end of a carrier's socket. From a moment on it hands messages over as they arrive.

Fifty times a second for each call, a queue, a future and a wake of a task between the socket and the call cost more
than what the call does with the message; and so does a parser that is ready for everything, where nearly all that
comes is one whole text.
"""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.http11 import Request
from websockets.protocol import State

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled part
    from websockets.utils import apply_mask

_WHOLE_TEXT = 0x81
_MASKED = 0x80
_SHORT, _MEDIUM = 125, 126
"""The greatest length that a frame's second byte holds; what it holds where two more bytes hold the length."""


class CarrierSocket(ServerConnection):
    """A connection that is read by `next_message`, and then by `hand_over`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._taker: Callable[[bytes], None] | None = None
        self._queued = 0
        self._parts: list[bytes] = []
        self._fed = 0  # bytes that the library was given after the handshake
        self._parsed = 0  # of these, bytes that it has made frames of

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

    def data_received(self, data: bytes) -> None:
        if self._taker is not None and (taken := self._take_texts(data, self._taker)):
            if taken == len(data):
                return
            data = data[taken:]
        self._fed += len(data)
        super().data_received(data)

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame):
            self._parsed += _wire_length(event)
            if event.opcode in DATA_OPCODES:
                if self._taker is not None:
                    self._hand(event)
                    return
                self._queued += event.fin
        elif isinstance(event, Request):
            self._fed = 0
        super().process_event(event)

    def _take_texts(self, data: bytes, taker: Callable[[bytes], None]) -> int:
        """Hand over the whole texts that the data begins with, and return how many bytes they are. Everything else is
        the library's: what is cut, in parts, or no text, and all that comes before the end of such a frame."""
        begin, end = 0, len(data)
        if self._fed != self._parsed or self._parts:
            return 0
        while self.protocol.state is State.OPEN and begin + 6 <= end and data[begin] == _WHOLE_TEXT:
            length, mask_at = data[begin + 1] - _MASKED, begin + 2
            if length == _MEDIUM and begin + 8 <= end:
                length, mask_at = data[begin + 2] << 8 | data[begin + 3], begin + 4
            elif not 0 <= length <= _SHORT:
                break
            text_at = mask_at + 4
            if text_at + length > end:
                break
            taker(apply_mask(data[text_at : text_at + length], data[mask_at:text_at]))
            begin = text_at + length
        return begin

    def _hand(self, frame: Frame) -> None:
        assert self._taker is not None
        if frame.fin and not self._parts:
            self._taker(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message, self._parts = b"".join(self._parts), []
            self._taker(message)


def _wire_length(frame: Frame) -> int:
    """Bytes of a masked frame as it came (a peer that wastes bytes on its length is read by the library for good)."""
    length = len(frame.data)
    return 6 + length + (0 if length <= _SHORT else 2 if length < 1 << 16 else 8)

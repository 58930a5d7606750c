"""One media stream: typed frames in, audio, marks and clears out, in order and without waiting.

Sending never blocks a decision: messages go through an outbox with one writer, and `clear` takes audio that was not
yet written back out of it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed

from voice_bridge.carrier_socket import CarrierSocket
from voice_bridge.frames import Frame, FrameWriter, StartFrame, StopFrame, parse_frame
from voice_bridge.tasks import end_task

_MESSAGE_BYTES = 4000
"""Audio in one outbound message: half a second. Longer pieces would only delay a `clear` behind them."""
_MOST_FOREIGN = 200
"""Messages that are no frames before a peer is taken for something else than a carrier."""


class NotAStream(Exception):
    """The peer does not speak the media stream protocol."""


class MediaStream:
    """The carrier's socket of one call, after its `start`."""

    def __init__(self, connection: CarrierSocket, start: StartFrame) -> None:
        self.start = start
        self._connection = connection
        self._frames = FrameWriter(start.stream_sid)
        self._outbox: deque[tuple[bool, bytes]] = deque()  # (is audio or mark, message)
        self._wake = asyncio.Event()
        self._writer = asyncio.create_task(self._write())
        self.stopped_by_carrier = False

    def send_audio(self, audio: bytes) -> None:
        """Append audio to what the callee will hear."""
        for begin in range(0, len(audio), _MESSAGE_BYTES):
            self._outbox.append((True, self._frames.media(audio[begin : begin + _MESSAGE_BYTES])))
        self._wake.set()

    def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        self._outbox.append((True, self._frames.mark(name)))
        self._wake.set()

    def clear(self) -> None:
        """Forget everything that was not played yet."""
        self._outbox = deque(entry for entry in self._outbox if not entry[0])
        self._outbox.append((False, self._frames.clear()))
        self._wake.set()

    async def read(self, take: Callable[[Frame], None]) -> None:
        """Give `take` what comes in, at once, until the stream ends; raises what it raises.

        `stopped_by_carrier` tells a `stop` from a broken socket.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        foreign = 0

        def on_message(message: bytes) -> None:
            nonlocal foreign
            if ended.done():
                return
            frame = parse_frame(message)
            if frame is None:
                foreign += 1
                if foreign > _MOST_FOREIGN:
                    ended.set_result(None)
            elif isinstance(frame, StopFrame):
                self.stopped_by_carrier = True
                ended.set_result(None)
            else:
                try:
                    take(frame)
                except Exception as error:
                    ended.set_exception(error)

        closed = asyncio.create_task(self._connection.wait_closed())
        try:
            await self._connection.hand_over(on_message)
            await asyncio.wait({ended, closed}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
        except ConnectionClosed:
            return
        finally:
            ended.cancel()
            closed.cancel()

    async def close(self) -> None:
        """Close the socket cleanly: the carrier goes on with the verb after <Connect>."""
        await end_task(self._writer)
        await self._connection.close()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    _, message = self._outbox.popleft()
                    await self._connection.send(message, text=True)


async def await_start(connection: CarrierSocket, patience_seconds: float = 10.0) -> StartFrame:
    """Read until the `start` frame. Raises NotAStream if it does not come, ConnectionClosed, TimeoutError."""
    async with asyncio.timeout(patience_seconds):
        for _ in range(20):
            frame = parse_frame(await connection.next_message())
            if isinstance(frame, StartFrame):
                return frame
            if isinstance(frame, StopFrame):
                break
    raise NotAStream("no start frame")

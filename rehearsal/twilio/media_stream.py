"""One bidirectional media stream: Twilio's side of the WebSocket to the voice bridge."""

import asyncio
import binascii
from base64 import b64encode
from binascii import a2b_base64
from collections import deque
from collections.abc import Callable
from enum import Enum

import orjson

from rehearsal.control.faults import Fault
from rehearsal.twilio.detection import Sound
from rehearsal.twilio.errors import Code
from rehearsal.twilio.playback import PlayBuffer
from rehearsal.twilio.twiml import ConnectStream
from rehearsal.twilio.websocket import HandshakeRefusedError, WebSocketClient

_CONNECT_SECONDS = 5.0
_TICK_SECONDS = 0.02
_CLEAN_CLOSES = {1000, 1001, 1005}


class StreamEnd(Enum):
    """Why a stream ended."""

    SERVER_CLOSED = "the server closed the socket"
    SERVER_BROKE = "the socket broke"
    NEVER_OPENED = "the socket could not be opened"
    CALL_MOVED_ON = "the call ended or got another document"


class MediaStream:
    """A stream of one call. Audio goes out with each frame the callee says, and comes in through a buffer."""

    def __init__(
        self,
        sid: str,
        account_sid: str,
        call_sid: str,
        verb: ConnectStream,
        *,
        signature: str,
        warn: Callable[[Code], None],
        fault: Fault | None,
        network_seconds: float = 0.0,
    ) -> None:
        self.sid = sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._verb = verb
        self._signature = signature
        self._warn = warn
        self._fault = fault
        self._socket: WebSocketClient | None = None
        self._buffer = PlayBuffer()
        self._sequence = 0
        self._chunk = 0
        self._milliseconds = 0
        self._warned: set[Code] = set()
        self._stalled = False
        self._delay = round(network_seconds / _TICK_SECONDS)
        self._ticks = 0
        self._arriving: deque[tuple[int, bytes]] = deque()  # (the tick in which it is here, message)
        self._leaving: deque[tuple[int, bytes]] = deque()
        self._ended: asyncio.Future[StreamEnd] = asyncio.get_running_loop().create_future()
        self.error: Code | None = None
        # A media frame is text around three numbers and the payload: built by joining, not by a JSON encoder.
        self._media_end = f'"}},"streamSid":"{sid}"}}'.encode()

    async def open(self) -> bool:
        """Connect and send `connected` and `start`. False, with `error` set, when that fails."""
        fault = self._fault
        if fault is not None and fault.kind in {"refuse", "never_opens"}:
            self.error = Code.STREAM_REFUSED
            return False
        if fault is not None and fault.kind in {"delay", "late"}:
            await asyncio.sleep(fault.seconds)
        url = self._verb.url.partition("?")[0]  # Twilio takes no query string
        try:
            self._socket = await WebSocketClient.connect(
                url, {"X-Twilio-Signature": self._signature}, self, _CONNECT_SECONDS
            )
        except HandshakeRefusedError:
            self.error = Code.STREAM_HANDSHAKE
            return False
        except (OSError, TimeoutError):
            self.error = Code.STREAM_REFUSED
            return False
        self._socket.send(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
        self._send_numbered(
            "start",
            {
                "accountSid": self._account_sid,
                "streamSid": self.sid,
                "callSid": self._call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self._verb.parameters,
            },
        )
        if fault is not None:
            self._order(fault)
        return True

    async def wait(self) -> StreamEnd:
        """Wait until the server ends the stream."""
        return await asyncio.shield(self._ended)

    def move_on(self) -> None:
        """The call goes on without the stream, or ended: send `stop` and close."""
        if self._ended.done() or self._socket is None:
            return
        self._ended.set_result(StreamEnd.CALL_MOVED_ON)
        self._send_numbered("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})
        self._ticks += self._delay
        self._deliver_due()
        if self._fault is None or self._fault.kind != "stop_without_close":
            self._socket.close()

    # The line's side

    def next_frame(self) -> bytes:
        """The next 20 ms for the callee; echoes the marks reached by them."""
        self._ticks += 1
        while self._arriving and self._arriving[0][0] <= self._ticks:
            self._take(self._arriving.popleft()[1])
        frame, marks = self._buffer.next_frame()
        for name in marks:
            self._echo(name)
        return frame

    def hear(self, frame: bytes, sound: Sound) -> None:
        """Send 20 ms of the callee's side."""
        socket = self._socket
        self._milliseconds += 20
        if socket is None or self._stalled or self._ended.done():
            return
        self._sequence += 1
        self._chunk += 1
        self._deliver_due()
        self._post(
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d",'
            b'"timestamp":"%d","payload":"%s%s'
            % (
                self._sequence,
                self._chunk,
                self._milliseconds - 20,
                b64encode(frame),
                self._media_end,
            )
        )

    def digit(self, digit: str) -> None:
        """Send a key press."""
        self._send_numbered("dtmf", {"track": "inbound_track", "digit": digit})

    # The server's side (MessageHandler)

    def message(self, data: bytes) -> None:
        """A message of the bridge."""
        if self._delay:
            self._arriving.append((self._ticks + self._delay, data))
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Media, mark or clear. Anything else is warned about once."""
        try:
            message = orjson.loads(data)
            if message["streamSid"] != self.sid:
                raise ValueError("another stream's id")
            match message["event"]:
                case "media":
                    self._play(a2b_base64(message["media"]["payload"]))
                case "mark":
                    name = str(message["mark"]["name"])
                    if self._buffer.mark(name):
                        self._echo(name)
                case "clear":
                    for name in self._buffer.clear():
                        self._echo(name)
                case _:
                    raise ValueError("an unknown event")
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error):
            self._warn_once(Code.STREAM_INVALID_MESSAGE)

    def closed(self, code: int | None) -> None:
        """The connection is over."""
        if not self._ended.done():
            clean = code in _CLEAN_CLOSES
            if not clean:
                self.error = Code.STREAM_CLOSED
            self._ended.set_result(StreamEnd.SERVER_CLOSED if clean else StreamEnd.SERVER_BROKE)

    def _play(self, audio: bytes) -> None:
        if not self._buffer.write(audio):
            self._warn_once(Code.STREAM_BUFFER_OVERFLOW)

    def _echo(self, name: str) -> None:
        self._send_numbered("mark", {"name": name})

    def _send_numbered(self, event: str, body: dict[str, object]) -> None:
        if self._socket is None:
            return
        self._sequence += 1
        self._post(
            orjson.dumps(
                {
                    "event": event,
                    "sequenceNumber": str(self._sequence),
                    event: body,
                    "streamSid": self.sid,
                }
            )
        )

    def _post(self, message: bytes) -> None:
        """Send, after what the network takes and behind what is still on its way."""
        if self._delay:
            self._leaving.append((self._ticks + self._delay, message))
        elif self._socket is not None:
            self._socket.send(message)

    def _deliver_due(self) -> None:
        while self._leaving and self._leaving[0][0] <= self._ticks and self._socket is not None:
            self._socket.send(self._leaving.popleft()[1])

    def _warn_once(self, code: Code) -> None:
        if code not in self._warned:
            self._warned.add(code)
            self._warn(code)

    def _order(self, fault: Fault) -> None:
        loop = asyncio.get_running_loop()
        match fault.kind:
            case "cut_socket":
                assert self._socket is not None
                loop.call_later(fault.seconds, self._socket.cut)
            case "stall":
                self._stalled = True
                loop.call_later(fault.seconds, self._resume)

    def _resume(self) -> None:
        self._stalled = False

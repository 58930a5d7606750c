"""The carrier's side of one call: a caller in real time, and the line that plays what the bridge sends.

He waits until the agent has finished, speaks, waits for the reply; every third time he breaks into it.
"""

import asyncio
from time import monotonic
from typing import Any

import orjson

from bench.voice_bridge.figures import Turn
from bench.voice_bridge.speech import CALLEE_SAYS, Speech, tag
from bench.voice_bridge.wire import CLOSE, PING, PONG, TEXT, FrameReader, frame, upgrade_request

FRAME_SECONDS = 0.02
PAUSE_SECONDS = 0.7
"""Of silence, before he takes an agent for finished."""
PATIENCE_SECONDS = 10.0
BREAKS_IN_AFTER_SECONDS = 1.2
CYCLE_SECONDS = 8.0
"""About the length of a turn with its reply: callers begin at any moment of it, not all at once."""
_SILENCE = "/" * 212 + "/w=="


class Caller(asyncio.Protocol):
    """One call. `turns` holds what was measured; `lost` the turns that got no reply."""

    def __init__(
        self, number: int, speech: Speech, host: str, path: str, headers: dict[str, str], start: dict[str, Any]
    ):
        self.number = number
        self.turns: dict[int, Turn] = {}
        self.turn: Turn | None = None
        self.lost: list[float] = []
        self.joined = asyncio.Event()
        self.opened = asyncio.Event()
        self.is_open = False
        self.ended_early = False
        self._speech = speech
        self._request = upgrade_request(host, path, headers)
        self._sid = f"MZ{number:032x}"
        self._start = {**start, "streamSid": self._sid}
        self._reader: FrameReader | None = None
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._chunk = 0
        self._frames_left = 0
        self._marks: dict[str, asyncio.TimerHandle] = {}
        self._plays_until = 0.0
        self._played = 0
        self._quiet_since = monotonic()
        self._finished = False
        self._patience = number * 0.618 % 1 * CYCLE_SECONDS
        self._loop = asyncio.get_running_loop()
        self._tail = f'"}},"streamSid":"{self._sid}"}}'

    @property
    def text(self) -> str:
        """What he says in this turn."""
        return CALLEE_SAYS.format(tag=tag(self.number, len(self.turns)))

    # --- Every 20 ms -------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send the next frame."""
        if not self.is_open:
            return
        payload = _SILENCE
        if self._frames_left:
            question = self._speech.question
            payload = question[len(question) - self._frames_left]
            self._frames_left -= 1
            if not self._frames_left and self.turn is not None:
                self.turn.spoke_at = now
        elif self._is_his_turn(now):
            self._begin(now)
        elif self.turn is not None and len(self.turn.silence) < 40:
            self.turn.silence.append(now)
        self._chunk += 1
        text = (
            f'{{"event":"media","sequenceNumber":"{self._chunk + 1}","media":{{"track":"inbound",'
            f'"chunk":"{self._chunk}","timestamp":"{self._chunk * 20 - 20}","payload":"{payload}{self._tail}'
        )
        self._send(text.encode())

    def hang_up(self) -> None:
        """Stop the stream, as the carrier does at the end of a call."""
        if self.is_open:
            self._finished = True
            self._send(orjson.dumps({"event": "stop", "streamSid": self._sid, "stop": {}}))
            self.is_open = False
            if self._transport is not None:
                self._transport.write(frame(CLOSE, b"\x03\xe8", masked=True))
                self._loop.call_later(1.0, self._transport.close)
        for handle in self._marks.values():
            handle.cancel()

    def _is_his_turn(self, now: float) -> bool:
        turn = self.turn
        silent = now - max(self._plays_until, self._quiet_since)
        if turn is None:
            return self._played > 0 and silent >= PAUSE_SECONDS + self._patience
        if turn.reply_at is None:
            if turn.spoke_at is not None and now - turn.spoke_at >= PATIENCE_SECONDS:
                self.lost.append(now)
                return True
            return False
        if len(self.turns) % 3 == 2 and self._plays_until > now and now - turn.reply_at >= BREAKS_IN_AFTER_SECONDS:
            return True
        expected = len(self._speech.first) + len(self._speech.second)
        patience = PAUSE_SECONDS if self._played >= 0.85 * expected else PAUSE_SECONDS + 2
        return silent >= patience

    def _begin(self, now: float) -> None:
        interrupts = self._plays_until > now
        self.turn = Turn(began_at=now, interrupts=interrupts)
        self.turns[len(self.turns) + 1] = self.turn
        self._played = 0
        self._frames_left = len(self._speech.question)

    # --- The line ----------------------------------------------------------------------------------------------------

    def _media(self, length: int) -> None:
        now = monotonic()
        turn = self.turn
        if turn is not None and turn.voice_at is not None and now >= turn.voice_at:
            if turn.reply_at is None:
                turn.reply_at = now
            elif now > self._plays_until and not self._frames_left:
                turn.gaps.append(now - self._plays_until)
        self._played += length
        self._plays_until = max(now, self._plays_until) + length / 8000

    def _mark(self, name: str) -> None:
        delay = self._plays_until - monotonic()
        self._marks[name] = self._loop.call_later(max(0.0, delay), self._echo, name)

    def _clear(self) -> None:
        now = monotonic()
        self._plays_until = min(self._plays_until, now)
        if self.turn is not None and self.turn.interrupts and self.turn.cleared_at is None:
            self.turn.cleared_at = now
        for name, handle in list(self._marks.items()):
            handle.cancel()
            self._echo(name)

    def _echo(self, name: str) -> None:
        self._marks.pop(name, None)
        if self.is_open:
            self._send(orjson.dumps({"event": "mark", "streamSid": self._sid, "mark": {"name": name}}))

    # --- The socket --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended_early = self.ended_early or not self._finished
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.opened.set()
                return
            self._reader = FrameReader()
            self.is_open = True
            self.opened.set()
            self._send(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
            self._send(
                orjson.dumps({"event": "start", "sequenceNumber": "1", "streamSid": self._sid, "start": self._start})
            )
            data = rest
        for opcode, payload in self._reader.feed(data):
            if opcode == TEXT:
                self._message(payload)
            elif opcode == PING and self._transport is not None:
                self._transport.write(frame(PONG, payload, masked=True))
            elif opcode == CLOSE and self._transport is not None:
                self.ended_early = self.ended_early or not self._finished
                self.is_open = False
                self._transport.close()

    def _message(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        match message["event"]:
            case "media":
                encoded = message["media"]["payload"]
                self._media(len(encoded) * 3 // 4 - encoded.count("=", -2))
            case "mark":
                self._mark(message["mark"]["name"])
            case "clear":
                self._clear()

    def _send(self, payload: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(TEXT, payload, masked=True))

"""The three vendors' wire protocols with fixed delays, light enough for hundreds of calls: one port, one process.

`rehearsal/` recognises, thinks and speaks for real, and that costs a core for a few dozen calls. Here what is heard,
said and spoken is known beforehand (speech.py), so what is left is the protocol: the recogniser's WebSocket, the
model's server-sent events, the synthesiser's HTTP stream and its multi-context WebSocket. A recogniser's session
belongs to the caller that connected last: callers come one after the other.

`/agent` is the far end of a bridge that only copies: all three in one, speaking the carrier's own messages.
"""

import asyncio
from base64 import b64decode, b64encode
from collections import deque
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import orjson

from bench.voice_bridge.caller import Caller
from bench.voice_bridge.speech import FIRST_SENTENCE, GREETING, SECOND_SENTENCE, Speech, find_tag, tag
from bench.voice_bridge.wire import BINARY, CLOSE, PING, PONG, TEXT, FrameReader, accept_key, frame
from rehearsal.speech.mulaw import SILENCE, decode

FINAL_SECONDS = 0.1
"""From the silence that ends a turn (the client's `min_turn_silence`) to its text."""
FIRST_WORDS_SECONDS = 0.3
"""From the first sound to the first words."""
MORE_WORDS_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
FIRST_TOKEN_SECONDS = 0.2
TOKEN_SECONDS = 0.01
FIRST_AUDIO_SECONDS = 0.1
PIECE_BYTES = 4000
PIECE_SECONDS = 0.1
"""Half a second of speech is made in a tenth."""
FRAME_MS = 20
NOISE = 200
"""Of 16-bit audio: a resampler's ringing."""


class Vendors:
    """All of them, and who waits for his recogniser."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.joining: deque[Caller] = deque()
        self.callers: dict[int, Caller] = {}
        self.trouble: list[str] = []
        self._server: asyncio.Server | None = None
        self.linear = {audio: decode(audio).tobytes() for audio in (speech.first, speech.second, speech.greeting)}

    async def start(self) -> int:
        """Listen; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1000)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def turn_of(self, text: str) -> Any:
        """The turn that a text belongs to, if its caller is still there."""
        found = find_tag(text)
        caller = self.callers.get(found[0]) if found else None
        return caller.turns.get(found[1]) if caller and found else None


class _Connection(asyncio.Protocol):
    """HTTP requests, one after the other, until one of them makes it a WebSocket."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.loop = asyncio.get_running_loop()
        self._buffer = b""
        self._reader: FrameReader | None = None
        self._session: Any = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._session is not None:
            self._session.closed()
            self._session = None

    def data_received(self, data: bytes) -> None:
        if self._reader is not None:
            self._messages(data)
            return
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            request, *lines = self._buffer[:head_end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < head_end + 4 + length:
                return
            body = self._buffer[head_end + 4 : head_end + 4 + length]
            self._buffer = self._buffer[head_end + 4 + length :]
            _, path, _ = request.split(" ")
            if headers.get("upgrade", "").lower() == "websocket":
                self._upgrade(path, headers)
                return
            self._request(path, body)

    def send(self, opcode: int, payload: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame(opcode, payload))

    def send_json(self, message: dict[str, Any]) -> None:
        self.send(TEXT, orjson.dumps(message))

    def chunk(self, data: bytes) -> None:
        """A piece of a chunked body; an empty one ends it."""
        if not self.transport.is_closing():
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _upgrade(self, path: str, headers: dict[str, str]) -> None:
        key = accept_key(headers["sec-websocket-key"].encode())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n"
        )
        address = urlsplit(path)
        query = dict(parse_qsl(address.query))
        kinds = {"/v3/ws": _Recogniser, "/agent": _FarEnd}
        self._session = kinds.get(address.path, _Contexts)(self, query)
        self._reader = FrameReader()
        if self._buffer:
            self._messages(self._buffer)

    def _messages(self, data: bytes) -> None:
        assert self._reader is not None
        for opcode, payload in self._reader.feed(data):
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                self.send(CLOSE, payload[:2])
                self.transport.close()
            elif opcode in (TEXT, BINARY):
                self._session.message(payload)

    def _request(self, path: str, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: "
        if path.startswith("/v1/chat/completions"):
            self.transport.write(head + b"text/event-stream\r\n\r\n")
            _Completion(self, body)
        elif "/with-timestamps" in path:
            self.transport.write(head + b"application/json\r\n\r\n")
            is_mulaw = "output_format=ulaw_8000" in path
            _speak(self, orjson.loads(body)["text"], lambda text, piece: self._timed_piece(text, piece, is_mulaw))
        elif path.startswith("/v1/text-to-speech/"):
            self.transport.write(head + b"audio/basic\r\nrequest-id: bench\r\n\r\n")
            _speak(self, orjson.loads(body)["text"], lambda _text, piece: self.chunk(piece))
        else:
            self.vendors.trouble.append(f"nobody serves {path}")
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def _timed_piece(self, text: str, piece: bytes, is_mulaw: bool) -> None:
        """A line with the piece's audio and the times of its characters, spread evenly."""
        if not piece:
            self.chunk(b"")
            return
        step = len(piece) / 8000 / max(1, len(text))
        alignment = {
            "characters": list(text),
            "character_start_times_seconds": [round(step * place, 3) for place in range(len(text))],
            "character_end_times_seconds": [round(step * (place + 1), 3) for place in range(len(text))],
        }
        audio = b64encode(piece if is_mulaw else decode(piece).tobytes()).decode()
        line = {"audio_base64": audio, "alignment": alignment, "normalized_alignment": alignment}
        self.chunk(orjson.dumps(line) + b"\n")


class _Hearing:
    """A turn begins with sound, and ends when so much silence has arrived behind it."""

    def __init__(self, connection: _Connection, silence_ms: int) -> None:
        vendors = connection.vendors
        self.connection = connection
        self.caller = vendors.joining.popleft() if vendors.joining else None
        self._silence_ms = silence_ms
        self._quiet_ms = 0.0
        self._speaking = False
        self._ending: asyncio.TimerHandle | None = None
        if self.caller is not None:
            self.caller.joined.set()

    def hear(self, is_loud: bool, quiet_ms: float) -> None:
        """Take audio that ends with so much silence; not loud: it is nothing else."""
        if is_loud:
            self._quiet_ms = quiet_ms
            if not self._speaking:
                self._speaking = True
                self.began()
            return
        self._quiet_ms += quiet_ms
        turn = self.caller.turn if self.caller is not None else None
        if self._speaking and self._quiet_ms >= self._silence_ms and turn is not None and turn.spoke_at is not None:
            self._speaking = False
            turn.heard_at = monotonic()
            frames = -(-self._silence_ms // FRAME_MS)
            turn.silent_at = turn.silence[min(frames, len(turn.silence)) - 1] if turn.silence else turn.spoke_at
            self._ending = self.connection.loop.call_later(FINAL_SECONDS, self.ended, turn)

    def began(self) -> None:
        """The first sound of a turn."""

    def ended(self, turn: Any) -> None:
        """The turn is over: say so."""

    def closed(self) -> None:
        if self._ending is not None:
            self._ending.cancel()


class _Recogniser(_Hearing):
    """AssemblyAI's streaming session."""

    def __init__(self, connection: _Connection, query: dict[str, str]) -> None:
        super().__init__(connection, int(query.get("min_turn_silence", "400")))
        self._is_mulaw = query.get("encoding") == "pcm_mulaw"
        self._bytes_a_ms = int(query["sample_rate"]) // 1000 * (1 if self._is_mulaw else 2)
        self._heartbeats = query.get("session_heartbeat", "").lower() == "true"
        self._received = 0
        self._heartbeat_due = HEARTBEAT_SECONDS * 1000
        self._words: asyncio.TimerHandle | None = None
        self._said = 0
        self._order = 0
        configuration = {"model": query.get("speech_model", ""), "mode": query.get("mode", "balanced")}
        connection.send_json(
            {
                "type": "Begin",
                "id": "00000000-0000-4000-8000-000000000000",
                "expires_at": 1_800_000_000,
                "configuration": {**configuration, "api_version": "2025-05-12"},
            }
        )

    def message(self, payload: bytes) -> None:
        if payload[:1] == b"{" and len(payload) < 2000 and payload[-1:] == b"}":
            if b"Terminate" in payload:
                self.connection.send_json(
                    {"type": "Termination", "audio_duration_seconds": 1, "session_duration_seconds": 1}
                )
            return
        self._received += len(payload)
        if self._is_mulaw:
            sound = len(payload.rstrip(SILENCE))
        else:
            loud = np.flatnonzero(np.abs(np.frombuffer(payload[: len(payload) // 2 * 2], "<i2")) > NOISE)
            sound = 2 * int(loud[-1]) + 2 if len(loud) else 0
        self.hear(sound > 0, (len(payload) - sound) / self._bytes_a_ms)
        now = self._received // self._bytes_a_ms
        if self._heartbeats and now >= self._heartbeat_due:
            self._heartbeat_due += HEARTBEAT_SECONDS * 1000
            self.connection.send_json(
                {
                    "type": "Heartbeat",
                    "total_audio_received_ms": now,
                    "total_duration_ms": now,
                    "realtime_factor": 1.0,
                    "max_speech_probability": 0.5,
                }
            )

    def began(self) -> None:
        self.connection.send_json(
            {"type": "SpeechStarted", "timestamp": self._received // self._bytes_a_ms, "confidence": 0.9}
        )
        self._said = 0
        self._words = self.connection.loop.call_later(FIRST_WORDS_SECONDS, self._partial)

    def _partial(self) -> None:
        self._said += 3
        turn = self.caller.turn if self.caller is not None else None
        if turn is not None and turn.words_at is None:
            turn.words_at = monotonic()
        self._send_turn(self._text().split()[: self._said], ended=False)
        self._words = self.connection.loop.call_later(MORE_WORDS_SECONDS, self._partial)

    def ended(self, turn: Any) -> None:
        if self._words is not None:
            self._words.cancel()
        turn.final_at = monotonic()
        self._send_turn(f"{self._text()}.".split(), ended=True)
        self._order += 1

    def closed(self) -> None:
        super().closed()
        if self._words is not None:
            self._words.cancel()

    def _text(self) -> str:
        return self.caller.text if self.caller is not None else ""

    def _send_turn(self, words: list[str], *, ended: bool) -> None:
        now = self._received // self._bytes_a_ms
        begin = now - 200 * len(words)
        text = " ".join(words)
        self.connection.send_json(
            {
                "type": "Turn",
                "turn_order": self._order,
                "turn_is_formatted": ended,
                "end_of_turn": ended,
                "transcript": text,
                "utterance": text if ended else "",
                "end_of_turn_confidence": 0.9 if ended else 0.1,
                "words": [
                    {
                        "start": begin + 200 * place,
                        "end": begin + 200 * place + 190,
                        "text": word,
                        "confidence": 0.95,
                        "word_is_final": ended,
                    }
                    for place, word in enumerate(words)
                ],
            }
        )


class _FarEnd(_Hearing):
    """Hears the carrier's messages and answers in them."""

    def __init__(self, connection: _Connection, _query: dict[str, str]) -> None:
        super().__init__(connection, 200)
        self._later: list[asyncio.TimerHandle] = []
        self._turn: Any = None
        self._greet()

    def message(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        if message["event"] == "media":
            audio = b64decode(message["media"]["payload"])
            sound = len(audio.rstrip(SILENCE))
            self.hear(sound > 0, (len(audio) - sound) / 8)

    def began(self) -> None:
        for each in self._later:
            each.cancel()
        turn = self.caller.turn if self.caller is not None else None
        if turn is not None:
            turn.words_at = monotonic()
        self.connection.send(TEXT, b'{"event":"clear","streamSid":"MZ"}')

    def ended(self, turn: Any) -> None:
        turn.final_at = turn.asked_at = turn.sentence_at = turn.voice_asked_at = monotonic()
        self._turn = turn
        speech = self.connection.vendors.speech
        self._play(speech.first + speech.second, FIRST_TOKEN_SECONDS + 0.1 + FIRST_AUDIO_SECONDS)

    def closed(self) -> None:
        super().closed()
        for each in self._later:
            each.cancel()

    def _greet(self) -> None:
        self._play(self.connection.vendors.speech.greeting, 0.1)

    def _play(self, audio: bytes, delay: float) -> None:
        self._later = [
            self.connection.loop.call_later(
                delay + number * PIECE_SECONDS, self._piece, audio[at : at + PIECE_BYTES], number == 0
            )
            for number, at in enumerate(range(0, len(audio), PIECE_BYTES))
        ]

    def _piece(self, audio: bytes, is_first: bool) -> None:
        if is_first and self._turn is not None:
            self._turn.voice_at = monotonic()
        payload = b64encode(audio)
        self.connection.send(TEXT, b'{"event":"media","streamSid":"MZ","media":{"payload":"%s"}}' % payload)


class _Completion:
    """One streamed answer of the model."""

    def __init__(self, connection: _Connection, body: bytes) -> None:
        self._connection = connection
        text = body.decode()
        found = find_tag(text)
        self._turn = connection.vendors.turn_of(text)
        if self._turn is not None and self._turn.asked_at is None:
            self._turn.asked_at = monotonic()
        answer = (
            f"{FIRST_SENTENCE.format(tag=tag(*found))} {SECOND_SENTENCE}" if found is not None else GREETING
        )  # without a caller's word in it, it is the first line of all
        words = answer.split(" ")
        self._tokens = [words[0], *(f" {word}" for word in words[1:])]
        self._first_ends = len(FIRST_SENTENCE.split()) if found is not None else len(self._tokens)
        self._sent = -1
        self._begun = connection.loop.time() + FIRST_TOKEN_SECONDS
        connection.loop.call_at(self._begun, self._next)

    def _next(self) -> None:
        if self._connection.transport.is_closing():
            return
        if self._sent < 0:
            self._event({"role": "assistant", "content": ""}, None)
        elif self._sent < len(self._tokens):
            if self._sent == self._first_ends and self._turn is not None and self._turn.sentence_at is None:
                self._turn.sentence_at = monotonic()
            self._event({"content": self._tokens[self._sent]}, None)
        else:
            self._event({}, "stop")
            usage = {"prompt_tokens": 900, "completion_tokens": len(self._tokens), "total_tokens": 900 + self._sent}
            self._write({"choices": [], "usage": usage})
            self._connection.chunk(b"data: [DONE]\n\n")
            self._connection.chunk(b"")
            return
        self._sent += 1
        self._connection.loop.call_at(self._begun + (self._sent + 1) * TOKEN_SECONDS, self._next)

    def _event(self, delta: dict[str, Any], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        self._write({"choices": [choice], "usage": None})

    def _write(self, changes: dict[str, Any]) -> None:
        event = {
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": "bench",
            "service_tier": "default", **changes,
        }  # fmt: skip
        self._connection.chunk(b"data: " + orjson.dumps(event) + b"\n\n")


def _speak(connection: _Connection, text: str, send: Any) -> None:
    """The audio of a text, piece by piece; an empty piece at the end."""
    turn = connection.vendors.turn_of(text)
    if turn is not None and turn.voice_asked_at is None:
        turn.voice_asked_at = monotonic()
    audio = connection.vendors.speech.of(text)

    def piece(at: int) -> None:
        if connection.transport.is_closing():
            return
        if at == 0 and turn is not None and turn.voice_at is None:
            turn.voice_at = monotonic()
        first, last = len(text) * at // len(audio), len(text) * min(at + PIECE_BYTES, len(audio)) // len(audio)
        send(text[first:last], audio[at : at + PIECE_BYTES])
        if at + PIECE_BYTES < len(audio):
            connection.loop.call_later(PIECE_SECONDS, piece, at + PIECE_BYTES)
        else:
            send(text, b"")

    connection.loop.call_later(FIRST_AUDIO_SECONDS, piece, 0)


class _Contexts:
    """ElevenLabs' multi-context WebSocket, as far as Pipecat uses it (16-bit audio)."""

    def __init__(self, connection: _Connection, _query: dict[str, str]) -> None:
        self._connection = connection
        self._busy: dict[str, int] = {}
        self._closing: set[str] = set()

    def message(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        context = message.get("context_id", "")
        text = (message.get("text") or "").strip()
        if text:
            self._busy[context] = self._busy.get(context, 0) + 1
            _speak(self._connection, text, lambda _text, piece: self._piece(context, piece))
        if message.get("close_context"):
            self._closing.add(context)
            self._end(context)

    def closed(self) -> None:
        self._busy.clear()

    def _piece(self, context: str, piece: bytes) -> None:
        if piece:
            audio = b64encode(decode(piece).tobytes()).decode()
            self._connection.send_json({"audio": audio, "isFinal": False, "contextId": context})
            return
        self._busy[context] = self._busy.get(context, 1) - 1
        self._end(context)

    def _end(self, context: str) -> None:
        if context in self._closing and not self._busy.get(context):
            self._closing.discard(context)
            self._connection.send_json({"isFinal": True, "contextId": context})

"""The synthesiser: ElevenLabs' HTTP streams, and its multi-context WebSocket."""

from base64 import b64encode
from collections.abc import Callable
from time import monotonic

import orjson

from bench.voice_bridge.vendors.connection import Connection
from rehearsal.speech.mulaw import decode

FIRST_AUDIO_SECONDS = 0.1
PIECE_BYTES = 4000
PIECE_SECONDS = 0.1
"""Half a second of speech is made in a tenth."""


def speak(connection: Connection, text: str, send: Callable[[str, bytes], None]) -> None:
    """The audio of a text, piece by piece; an empty piece at the end."""
    turn = connection.account.turn_of(text)
    if turn is not None and turn.voice_asked_at is None:
        turn.voice_asked_at = monotonic()
    audio = connection.account.speech.of(text)

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


def send_timed(connection: Connection, text: str, piece: bytes, is_mulaw: bool) -> None:
    """A line with the piece's audio and the times of its characters, spread evenly."""
    if not piece:
        connection.chunk(b"")
        return
    step = len(piece) / 8000 / max(1, len(text))
    alignment = {
        "characters": list(text),
        "character_start_times_seconds": [round(step * place, 3) for place in range(len(text))],
        "character_end_times_seconds": [round(step * (place + 1), 3) for place in range(len(text))],
    }
    audio = b64encode(piece if is_mulaw else decode(piece).tobytes()).decode()
    line = {"audio_base64": audio, "alignment": alignment, "normalized_alignment": alignment}
    connection.chunk(orjson.dumps(line) + b"\n")


class Contexts:
    """ElevenLabs' multi-context WebSocket, as far as Pipecat uses it (16-bit audio)."""

    def __init__(self, connection: Connection, _query: dict[str, str]) -> None:
        self._connection = connection
        self._busy: dict[str, int] = {}
        self._closing: set[str] = set()

    def message(self, payload: bytes) -> None:
        message = orjson.loads(payload)
        context = message.get("context_id", "")
        text = (message.get("text") or "").strip()
        if text:
            self._busy[context] = self._busy.get(context, 0) + 1
            speak(self._connection, text, lambda _text, piece: self._piece(context, piece))
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

"""The recogniser: AssemblyAI's streaming WebSocket."""

import asyncio
from time import monotonic

import numpy as np

from bench.voice_bridge.figures import Turn
from bench.voice_bridge.vendors.connection import Connection
from bench.voice_bridge.vendors.hearing import Hearing
from rehearsal.speech.mulaw import SILENCE

FIRST_WORDS_SECONDS = 0.3
"""From the first sound to the first words."""
MORE_WORDS_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
NOISE = 200
"""Of 16-bit audio: a resampler's ringing."""


class Recogniser(Hearing):
    """One streaming session."""

    def __init__(self, connection: Connection, query: dict[str, str]) -> None:
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

    def ended(self, turn: Turn) -> None:
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

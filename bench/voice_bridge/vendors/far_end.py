"""The far end of a bridge that only copies: it speaks the carrier's own messages."""

import asyncio
from base64 import b64decode, b64encode
from time import monotonic

import orjson

from bench.voice_bridge.figures import Turn
from bench.voice_bridge.vendors.completion import FIRST_TOKEN_SECONDS
from bench.voice_bridge.vendors.connection import Connection
from bench.voice_bridge.vendors.hearing import Hearing
from bench.voice_bridge.vendors.synthesis import FIRST_AUDIO_SECONDS, PIECE_BYTES, PIECE_SECONDS
from bench.voice_bridge.wire import TEXT
from rehearsal.speech.mulaw import SILENCE


class FarEnd(Hearing):
    """Hears the carrier's messages and answers in them."""

    def __init__(self, connection: Connection, _query: dict[str, str]) -> None:
        super().__init__(connection, 200)
        self._later: list[asyncio.TimerHandle] = []
        self._turn: Turn | None = None
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

    def ended(self, turn: Turn) -> None:
        turn.final_at = turn.asked_at = turn.sentence_at = turn.voice_asked_at = monotonic()
        self._turn = turn
        speech = self.connection.account.speech
        self._play(speech.first + speech.second, FIRST_TOKEN_SECONDS + 0.1 + FIRST_AUDIO_SECONDS)

    def closed(self) -> None:
        super().closed()
        for each in self._later:
            each.cancel()

    def _greet(self) -> None:
        self._play(self.connection.account.speech.greeting, 0.1)

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

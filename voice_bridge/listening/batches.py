"""Inbound audio in messages of the length that a recogniser takes. Pure.

A message adds up to its own length to the delay. At one moment that counts: when the silence is complete by which the
service knows the end of a turn. So messages are laid out to end there, for which some of them are longer.
"""

from voice_bridge.mulaw import BYTES_PER_MS


class Batches:
    """Feed it frames; it gives back a message now and then."""

    __slots__ = ("_audio", "_shortest", "turn_silence_ms")

    def __init__(self, shortest_ms: int, turn_silence_ms: int) -> None:
        self.turn_silence_ms = turn_silence_ms
        self._shortest = shortest_ms
        self._audio = bytearray()

    def feed(self, audio: bytes, quiet_ms: int) -> bytes | None:
        """Take mu-law audio, behind which no voice has been heard for `quiet_ms`; the message to send now, if any."""
        self._audio += audio
        if len(self._audio) < self._shortest * BYTES_PER_MS:
            return None
        if quiet_ms > 0 and 0 < self.turn_silence_ms - quiet_ms < self._shortest:
            return None  # the silence would be complete before another message is
        message = bytes(self._audio)
        self._audio.clear()
        return message

    def put_back(self, audio: bytes) -> None:
        """Have the next message begin with this."""
        self._audio[:0] = audio

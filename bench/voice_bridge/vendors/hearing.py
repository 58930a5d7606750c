"""When a turn of the caller begins and ends, for whoever listens to him."""

import asyncio
from time import monotonic

from bench.voice_bridge.figures import Turn
from bench.voice_bridge.vendors.connection import Connection

FINAL_SECONDS = 0.1
"""From the silence that ends a turn (the client's `min_turn_silence`) to its text."""
FRAME_MS = 20


class Hearing:
    """A turn begins with sound, and ends when so much silence has arrived behind it."""

    def __init__(self, connection: Connection, silence_ms: int) -> None:
        account = connection.account
        self.connection = connection
        self.caller = account.joining.popleft() if account.joining else None
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

    def ended(self, turn: Turn) -> None:
        """The turn is over: say so."""

    def closed(self) -> None:
        if self._ending is not None:
            self._ending.cancel()

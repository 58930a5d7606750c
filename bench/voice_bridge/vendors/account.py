"""What all sessions of the vendors share: the speech, and who calls."""

from collections import deque

from bench.voice_bridge.caller import Caller
from bench.voice_bridge.figures import Turn
from bench.voice_bridge.speech import Speech, find_tag


class Account:
    """Callers who wait for their recogniser, callers by number, and what went wrong."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.joining: deque[Caller] = deque()
        self.callers: dict[int, Caller] = {}
        self.trouble: list[str] = []

    def turn_of(self, text: str) -> Turn | None:
        """The turn that a text belongs to, if its caller is still there."""
        found = find_tag(text)
        caller = self.callers.get(found[0]) if found else None
        return caller.turns.get(found[1]) if caller and found else None

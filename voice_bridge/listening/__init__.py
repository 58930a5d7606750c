"""Listening: audio in, words out. One adapter a vendor; nothing vendor-shaped leaves this package."""

from typing import Protocol


class ListeningEvents(Protocol):
    """What a recogniser tells. Called on the event loop; must return at once."""

    def on_words(self, text: str) -> None:
        """The callee's turn so far."""

    def on_pause(self, text: str) -> None:
        """The same, and the callee has paused where a sentence does not end."""

    def on_turn_ended(self, text: str, speech_ended_ms: int) -> None:
        """The whole turn, and when its last word ended, in ms of the loop's clock."""

    def on_recogniser_lost(self) -> None:
        """Nothing is heard any more, and connecting again failed too."""


class Recogniser(Protocol):
    """The ears of one call."""

    def feed(self, audio: bytes, *, voiced: bool, quiet_ms: int = 0) -> None:
        """Take inbound mu-law 8 kHz audio. Never blocks.

        `voiced`: somebody speaks, short pauses included. `quiet_ms`: how long no sound of it has been heard.
        """

    def listen_patiently(self, patiently: bool) -> None:
        """Wait longer than usual before a turn counts as over, or no longer. Never blocks."""

    @property
    def seconds(self) -> float:
        """How long sessions were open: what is billed."""

    async def close(self) -> None:
        """End the session, so that billing stops."""


class RecogniserFactory(Protocol):
    """Makes a recogniser for a call; connecting goes on in the background."""

    def __call__(self, listener: ListeningEvents, *, language: str) -> Recogniser: ...

    @property
    def refusal(self) -> str | None:
        """Why the service takes no new sessions now; None: it does."""

    async def close(self) -> None:
        """Stop what goes on without a call."""

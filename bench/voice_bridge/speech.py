"""What is said in the bench: the rehearsal's synthesised voices, made once before the clock runs."""

import re
from base64 import b64encode
from dataclasses import dataclass

from rehearsal.speech import SpeechStudio
from rehearsal.speech.mulaw import FRAME_BYTES, decode

FIRST_SENTENCE = "Of course, {tag} is easy to explain."
SECOND_SENTENCE = "Most people save a good part of it within a year."
GREETING = "Hello, it is good to hear you."
CALLEE_SAYS = "I would like to hear a little more about {tag} today"
_LETTERS = "abcdefghij"
_TAG = re.compile(r"qx([a-j]+)x([a-j]+)x", re.IGNORECASE)
_QUIET = 2500


@dataclass(frozen=True, slots=True)
class Speech:
    """All audio, mu-law at 8 kHz."""

    question: tuple[bytes, ...]
    """The caller's words: the payloads (base64) of its frames. Without inner pauses, so that its end is certain."""
    first: bytes
    second: bytes
    greeting: bytes

    def of(self, text: str) -> bytes:
        """The audio of what a bridge asked to be spoken."""
        if find_tag(text) is not None:
            return self.first
        return self.greeting if text.startswith(GREETING[:5]) else self.second


def make_speech() -> Speech:
    studio = SpeechStudio()
    question = studio.synthesize(CALLEE_SAYS.format(tag="the new offer"), "person-1").audio
    frames = [question[at : at + FRAME_BYTES] for at in range(0, len(question), FRAME_BYTES)]
    loud = [frame for frame in frames if int(abs(decode(frame)).max()) > _QUIET]
    return Speech(
        question=tuple(b64encode(frame).decode() for frame in loud),
        first=studio.synthesize(FIRST_SENTENCE.format(tag="the new offer")).audio,
        second=studio.synthesize(SECOND_SENTENCE).audio,
        greeting=studio.synthesize(GREETING).audio,
    )


def tag(caller: int, turn: int) -> str:
    """A word that names the caller's turn, and that nothing on the way takes for a number or splits."""
    return f"qx{_letters(caller)}x{_letters(turn)}x"


def find_tag(text: str) -> tuple[int, int] | None:
    """(caller, turn) of the last such word."""
    found = _TAG.findall(text)
    return (_number(found[-1][0]), _number(found[-1][1])) if found else None


def _letters(number: int) -> str:
    return "".join(_LETTERS[int(digit)] for digit in str(number))


def _number(letters: str) -> int:
    return int("".join(str(_LETTERS.index(letter.lower())) for letter in letters))

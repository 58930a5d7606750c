"""The times at which a synthesiser says it spoke each character, as its answers hold them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SAME_CLOCK_MS = 60


@dataclass(frozen=True, slots=True)
class CharacterTimes:
    """Characters, and when each is over, in ms from the beginning of the audio. Empty: not known."""

    characters: str = ""
    ends_ms: tuple[int, ...] = ()


NO_TIMES = CharacterTimes()


def character_times(characters: Any, starts: Any, ends: Any, sent_ms: int) -> CharacterTimes:
    """The times of one piece (seconds, as the vendor writes them) that begins `sent_ms` into the audio.

    A piece may count from its own beginning, or from that of the whole. What cannot be read is no time.
    """
    try:
        letters = [str(one)[:1] or " " for one in characters]
        begin = [int(float(one) * 1000) for one in starts]
        end = [int(float(one) * 1000) for one in ends]
    except (ValueError, TypeError, OverflowError):
        return NO_TIMES
    if not letters or not len(letters) == len(begin) == len(end):
        return NO_TIMES
    offset = sent_ms if sent_ms > 0 and begin[0] + _SAME_CLOCK_MS < sent_ms else 0
    return CharacterTimes("".join(letters), tuple(one + offset for one in end))


def joined(pieces: Sequence[CharacterTimes]) -> CharacterTimes:
    """All of them as one."""
    return CharacterTimes(
        "".join(piece.characters for piece in pieces), tuple(end for piece in pieces for end in piece.ends_ms)
    )

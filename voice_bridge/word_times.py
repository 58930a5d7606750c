"""When each word of a sentence is over, from the synthesiser's times of the characters it spoke. Pure.

The text that is spoken is not the text that was meant ("2:30" is "two thirty in the afternoon"), and the vendor may
change more of it. Words that both have are anchors; between them, words share the time.
"""

from bisect import bisect_right
from difflib import SequenceMatcher

from cadenza.domain import phrases
from cadenza.domain.character_times import NO_TIMES, CharacterTimes


class SpokenCharacters:
    """What the synthesiser says it spoke, as it comes: characters, and when each is over, in ms of the audio."""

    __slots__ = ("_ends", "_text")

    def __init__(self, times: CharacterTimes = NO_TIMES) -> None:
        self._text = ""
        self._ends: list[int] = []
        self.add(times)

    def __bool__(self) -> bool:
        return bool(self._ends)

    def add(self, times: CharacterTimes) -> None:
        """The next characters with their ends."""
        known = self._ends[-1] if self._ends else 0
        for end in times.ends_ms[: len(times.characters)]:
            known = max(known, end)  # time does not run back, whatever a vendor writes
            self._ends.append(known)
        self._text += times.characters[: len(times.ends_ms)]

    @property
    def times(self) -> CharacterTimes:
        return CharacterTimes(self._text, tuple(self._ends))

    def words(self) -> list[tuple[str, int]]:
        """Each word so far, with its end."""
        found: list[tuple[str, int]] = []
        begin = 0
        for place in range(len(self._text) + 1):
            if place == len(self._text) or self._text[place].isspace():
                if place > begin:
                    found.append((self._text[begin:place], self._ends[place - 1]))
                begin = place + 1
        return found


def word_ends(meant: list[str], spoken: list[tuple[str, int]], *, is_complete: bool) -> list[int]:
    """For each word that was meant, in ms, when it is over; shorter where the rest is not spoken yet."""
    heard = [phrases.plain(word) for word, _ in spoken]
    ends: list[int] = []
    matcher = SequenceMatcher(None, [phrases.plain(word) for word in meant], heard, autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "insert":
            continue
        if kind != "equal" and end == len(spoken) and not is_complete:
            break  # not spoken yet, or only begun
        count = last - first
        for number in range(1, count + 1):
            reached = end if kind != "equal" and number == count else begin + -(-number * (end - begin) // count)
            ends.append(spoken[reached - 1][1] if reached else 0)
    return ends


def words_by(ends: list[int], at_ms: int) -> int:
    """How many words are over at `at_ms`."""
    return bisect_right(ends, at_ms)

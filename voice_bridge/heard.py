"""What the callee has really heard of what the agent said.

The carrier buffers audio and echoes a mark when everything before it was played. After a `clear` it echoes all
pending marks at once, so every mark carries the generation it was sent in: marks of a cleared generation prove
nothing. Inside a sentence the synthesiser's times tell the words; where it gives none, the share of the length does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cadenza.domain.standard_lines import Line
from voice_bridge.mulaw import BYTES_PER_MS
from voice_bridge.thinking.sentences import sentences_of
from voice_bridge.word_times import SpokenCharacters, word_ends, words_by

LINE_DELAY_MS = 80
"""Audio reaches the callee a little after it left us: an estimate that rather counts a word too few."""
MARK_PATIENCE_MS = 3000
"""A mark that is so much later than its audio can have lasted was lost."""
_MS_A_CHARACTER = 65  # about 15 characters a second, as voices speak


@dataclass(slots=True, eq=False)
class Sentence:
    """One sentence of the agent, from text to heard words. Its audio is kept until it was heard: 8 bytes a ms."""

    text: str
    line: Line | None = None
    rendered: bytes | None = None
    audio: bytearray = field(default_factory=bytearray)
    is_complete: bool = False  # all its audio is here
    sent: int = 0  # bytes of `audio` sent, counted from its beginning
    played_from: int = 0  # byte at which the run under way began
    proved: int = 0  # byte up to which marks have proved it played
    starts_at: int | None = None  # ms; when the run under way began to be played
    is_heard: bool = False
    foreseen_words: int = 0  # written as heard a moment before they are; nothing but the journal goes by them
    heard_text: str = ""
    spoken: SpokenCharacters = field(default_factory=SpokenCharacters)
    _stops: list[tuple[int, int]] | None = None

    @property
    def duration_ms(self) -> int:
        return len(self.audio) // BYTES_PER_MS

    @property
    def is_foreseen(self) -> bool:
        return self.foreseen_words == len(self.text.split())

    @property
    def foreseen_text(self) -> str:
        """The words that were foreseen, or those that were heard."""
        if self.is_heard or not self.foreseen_words:
            return self.heard_text
        return " ".join(self.text.split()[: self.foreseen_words])

    def foresee(self, by_ms: int) -> bool:
        """Whether more of it will have been heard `by_ms` than was foreseen before: up to the end of a sentence."""
        if self.is_heard or self.starts_at is None or not self.is_complete or self.sent < len(self.audio):
            return False
        if self._stops is None:
            self._stops = self._find_stops()
        reached = by_ms - self.starts_at + self.played_from // BYTES_PER_MS
        words = max((count for count, ends_ms in self._stops if ends_ms <= reached), default=0)
        if words <= self.foreseen_words:
            return False
        self.foreseen_words = words
        return True

    def _find_stops(self) -> list[tuple[int, int]]:
        """For each sentence in it (a fixed line may have several), how many words and ms of its audio end there."""
        words = self.text.split()
        counts: list[int] = []
        for sentence in sentences_of(self.text):
            counts.append((counts[-1] if counts else 0) + len(sentence.split()))
        if not counts or counts[-1] != len(words):
            counts = [len(words)]
        if spoken := self.spoken.words():
            ends = self._word_ends() if len(counts) > 1 else []
            if len(ends) < len(words):
                return [(len(words), spoken[-1][1])]
            return [(count, ends[count - 1]) for count in counts]
        length = max(1, len(self.text))
        lasts = [len(" ".join(words[:count])) * self.duration_ms // length for count in counts]
        return list(zip(counts, [*lasts[:-1], self.duration_ms], strict=True))

    def words_by(self, byte: int) -> str:
        """The words that are over when `byte` of the audio is reached: by the synthesiser's times, else by length."""
        total = self._total_bytes()
        if not self.audio:
            return ""
        if self.spoken:
            count = words_by(self._word_ends(), byte // BYTES_PER_MS)
            return " ".join(self.text.split()[:count]) if count < len(self.text.split()) else self.text
        reached, length, taken = byte / total, max(1, len(self.text)), 0
        words = self.text.split()
        for count, word in enumerate(words):
            taken += len(word) + 1
            if taken / length > reached + 0.02:
                return " ".join(words[:count])
        return self.text

    def start_of_word_at(self, byte: int) -> int:
        """Where the word that is being played at `byte` begins, as a byte of the audio."""
        if self.spoken:
            ends = self._word_ends()
            count = words_by(ends, byte // BYTES_PER_MS)
            return min(byte, ends[count - 1] * BYTES_PER_MS) if count else 0
        heard = self.words_by(byte)
        share = (len(heard) + 1) / max(1, len(self.text)) if heard else 0.0
        return min(byte, int(share * self._total_bytes()))

    def _word_ends(self) -> list[int]:
        return word_ends(self.text.split(), self.spoken.words(), is_complete=self.is_complete)

    def _total_bytes(self) -> int:
        """The length of its audio; while it is still being made, a guess from its text."""
        made = len(self.audio)
        return made if self.is_complete else max(made, len(self.text) * _MS_A_CHARACTER * BYTES_PER_MS)


@dataclass(frozen=True, slots=True)
class _Point:
    """A mark on its way: what it proves when it comes back."""

    sentence: Sentence
    byte: int
    ends: bool


class Playout:
    """The carrier's buffer, as far as we can know it.

    Marks inside a sentence, about two a second, keep the estimate honest: what was played lies between the last mark
    that came back and the next one that did not, however late the carrier is.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._numbered = 0
        self._pending: dict[str, _Point] = {}  # by mark, in order of playing
        self._current: list[Sentence] = []  # begun and not yet heard, in order
        self._ends_at = 0

    @property
    def ends_at(self) -> int:
        """When all that was sent will have been played, ms."""
        return self._ends_at

    @property
    def is_empty(self) -> bool:
        return not self._current

    def sent(self, sentence: Sentence, byte_count: int, now_ms: int) -> None:
        """Note that audio of `sentence` was sent."""
        start = max(now_ms, self._ends_at)
        if sentence.starts_at is None:
            sentence.starts_at = start
            sentence.played_from = sentence.proved = sentence.sent
            self._current.append(sentence)
        sentence.sent += byte_count
        self._ends_at = start + byte_count // BYTES_PER_MS

    def mark(self, sentence: Sentence, *, ends: bool = True) -> str:
        """The name of the mark to send now: behind the sentence's last audio (`ends`), or inside it."""
        self._numbered += 1
        name = f"{self.generation}.{self._numbered}"
        self._pending[name] = _Point(sentence, sentence.sent, ends)
        return name

    def returned(self, name: str, now_ms: int) -> Sequence[Sentence]:
        """The sentences that this mark proves heard: its own, and earlier ones whose marks were lost."""
        if name not in self._pending:
            return ()  # of a cleared generation, a duplicate, or not ours
        heard: list[Sentence] = []
        for pending in list(self._pending):
            point = self._pending.pop(pending)
            if point.ends:
                self._hear(point.sentence)
                heard.append(point.sentence)
            else:
                point.sentence.proved = point.byte
            if pending == name:
                break
        self._set_clock(now_ms)
        return heard

    def _set_clock(self, now_ms: int) -> None:
        """A mark just told what is being played now: what is left follows from there."""
        start = now_ms
        for sentence in self._current:
            sentence.starts_at = start - (sentence.proved - sentence.played_from) // BYTES_PER_MS
            start += (sentence.sent - sentence.proved) // BYTES_PER_MS
        self._ends_at = start

    def overdue(self, now_ms: int) -> Sequence[Sentence]:
        """Sentences whose mark should long have come: counted as heard, so that no call hangs on a lost mark."""
        if not self._pending or now_ms < self._ends_at + MARK_PATIENCE_MS:
            return ()
        heard = [point.sentence for point in self._pending.values() if point.ends]
        self._pending.clear()
        for sentence in heard:
            self._hear(sentence)
        return heard

    def cut(self, now_ms: int) -> None:
        """A `clear` is being sent: settle what was heard of each sentence, and begin a new generation."""
        is_later = False
        for sentence in list(self._current):
            reached = sentence.played_from if is_later else self._reached(sentence, now_ms)
            if sentence.is_complete and reached >= len(sentence.audio):
                self._hear(sentence)
                continue
            is_later = True
            sentence.heard_text = sentence.words_by(reached)
            sentence.sent = sentence.start_of_word_at(reached)
            sentence.starts_at = None
            sentence.foreseen_words = 0
        self.generation += 1
        self._pending.clear()
        self._current.clear()
        self._ends_at = now_ms

    def _reached(self, sentence: Sentence, now_ms: int) -> int:
        """The byte that is being played: by the clock, within what the marks prove."""
        assert sentence.starts_at is not None
        played = max(0, now_ms - sentence.starts_at - LINE_DELAY_MS) * BYTES_PER_MS
        next_mark = next((point.byte for point in self._pending.values() if point.sentence is sentence), sentence.sent)
        return max(sentence.proved, min(next_mark, sentence.played_from + played))

    def _hear(self, sentence: Sentence) -> None:
        sentence.is_heard = True
        sentence.heard_text = sentence.text
        sentence.audio = bytearray()
        sentence.rendered = None
        if sentence in self._current:
            self._current.remove(sentence)

"""The agent's voice: utterances of sentences, each from rendered audio or synthesised while it is played.

One utterance at a time. It can be paused (the callee may be interrupting), resumed from the word where it stopped,
or discarded. It is done when it was closed and everything in it was played.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cadenza.domain.spoken import speakable
from cadenza.domain.standard_lines import Line
from cadenza.records.audio import Rendered
from voice_bridge.heard import Playout, Sentence
from voice_bridge.mulaw import BYTES_PER_MS
from voice_bridge.speaking import SpeakingFailed, Synthesiser, Voice
from voice_bridge.tasks import end_task
from voice_bridge.word_times import SpokenCharacters

_FIRST_FRAME = 20 * BYTES_PER_MS
_MARK_EVERY = 500 * BYTES_PER_MS


class Wire(Protocol):
    """Where the voice goes (media_stream.MediaStream)."""

    def send_audio(self, audio: bytes) -> None: ...
    def send_mark(self, name: str) -> None: ...
    def clear(self) -> None: ...


class MouthEvents(Protocol):
    """What the mouth tells. Called on the event loop; must return at once."""

    def on_sentence_begun(self, utterance: "Utterance", sentence: Sentence) -> None:
        """The first audio of the sentence is being sent."""

    def on_first_audio(self, utterance: "Utterance") -> None:
        """The first audio of the utterance was sent."""

    def on_first_played(self, utterance: "Utterance") -> None:
        """The first 20 ms of the utterance were played."""

    def on_synthesised(self, sentence: Sentence) -> None:
        """All audio of the sentence is there."""

    def on_audio_until(self, until_ms: int) -> None:
        """All audio sent so far will have been played at this time."""

    def on_sentence_heard(self, utterance: "Utterance", sentence: Sentence) -> None:
        """The sentence was played to its end."""

    def on_done(self, utterance: "Utterance") -> None:
        """The utterance was played to its end."""

    def on_nothing_said(self, utterance: "Utterance") -> None:
        """The utterance ended, and not a word of it could be said."""


@dataclass(slots=True, eq=False)
class Utterance:
    """What the agent says in one go."""

    sentences: list[Sentence] = field(default_factory=list)
    closed: bool = False
    failed: bool = False  # the synthesiser gave up: nothing more is said of it
    over: bool = False
    began: bool = False
    first_mark: str | None = None
    first_voice_ms: int | None = None  # the synthesiser's first byte for it
    characters: int = 0  # synthesised, for the bill

    @property
    def heard_text(self) -> str:
        return " ".join(sentence.heard_text for sentence in self.sentences if sentence.heard_text)

    @property
    def planned_text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


class Mouth:
    """The voice of one call."""

    def __init__(
        self, wire: Wire, synthesiser: Synthesiser, voice: Voice, events: MouthEvents, playout: Playout | None = None
    ) -> None:
        self._wire = wire
        self._synthesiser = synthesiser
        self._voice = voice
        self._events = events
        self._playout = playout or Playout()
        self._utterance: Utterance | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._paused = False
        self._waiting: dict[int, str] = {}  # id of a sentence -> its mark
        self.characters = 0

    @property
    def utterance(self) -> Utterance | None:
        """The utterance under way."""
        return self._utterance

    def begin(self) -> Utterance:
        """Begin an utterance. The one before must be over."""
        assert self._utterance is None, "the agent never has two utterances"
        self._utterance = utterance = Utterance()
        self._paused = False
        self._waiting.clear()
        self._task = asyncio.create_task(self._speak(utterance))
        return utterance

    def say(
        self,
        utterance: Utterance,
        text: str,
        *,
        line: Line | None = None,
        rendered: Rendered | None = None,
        at_once: bool = False,
    ) -> Sentence:
        """Add a sentence; `at_once` puts it before what is not being said yet. Ignored by a finished utterance."""
        sentence = Sentence(text=text, line=line)
        if rendered is not None:
            sentence.rendered, sentence.spoken = rendered.audio, SpokenCharacters(rendered.times)
        if utterance.over or utterance.failed:
            return sentence
        place = len(utterance.sentences)
        if at_once:
            while place and not self._is_begun(utterance.sentences[place - 1]):
                place -= 1
        utterance.sentences.insert(place, sentence)
        self._wake.set()
        return sentence

    def close(self, utterance: Utterance) -> None:
        """Nothing more comes."""
        utterance.closed = True
        self._wake.set()
        self._finish_if_done(utterance)

    def pause(self, now_ms: int) -> None:
        """Fall silent now."""
        if self._utterance is not None and not self._paused:
            self._paused = True
            self._silence(now_ms)

    def resume(self) -> None:
        """Go on from the word where it stopped."""
        if self._paused:
            self._paused = False
            self._wake.set()
            if self._utterance is not None:
                self._finish_if_done(self._utterance)

    def discard(self, now_ms: int) -> None:
        """Fall silent now and forget the rest of the utterance."""
        utterance = self._utterance
        if utterance is not None:
            if not self._paused:
                self._silence(now_ms)
            self._end(utterance)

    def on_mark(self, name: str, now_ms: int) -> None:
        """A mark came back."""
        utterance = self._utterance
        if utterance is None:
            return
        if name == utterance.first_mark:
            utterance.first_mark = None
            self._events.on_first_played(utterance)
        self._hear(utterance, self._playout.returned(name, now_ms))
        self._events.on_audio_until(self._playout.ends_at)
        self._finish_if_done(utterance)

    def tick(self, now_ms: int) -> None:
        """Give up on marks that were lost."""
        utterance = self._utterance
        if utterance is not None:
            self._hear(utterance, self._playout.overdue(now_ms))
            self._finish_if_done(utterance)

    async def render(self, text: str) -> Rendered:
        """The whole audio of a sentence that is not being said. Raises SpeakingFailed."""
        spoken = speakable(text, self._voice.language)
        self.characters += len(spoken)
        audio, times = bytearray(), SpokenCharacters()
        async with contextlib.aclosing(self._synthesiser.stream(spoken, self._voice)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                audio += chunk.audio
                times.add(chunk.times)
        return Rendered(bytes(audio), times.times)

    async def aclose(self) -> None:
        """Stop; nothing is told any more."""
        if self._utterance is not None:
            self._utterance.over = True
            self._utterance = None
        await end_task(self._task)

    # --- Inside ------------------------------------------------------------------------------------------------------

    def _is_begun(self, sentence: Sentence) -> bool:
        return sentence.is_heard or sentence.sent > 0 or bool(sentence.audio) or id(sentence) in self._waiting

    def _hear(self, utterance: Utterance, sentences: Sequence[Sentence]) -> None:
        for sentence in sentences:
            self._waiting.pop(id(sentence), None)
            self._events.on_sentence_heard(utterance, sentence)

    def _silence(self, now_ms: int) -> None:
        if self._utterance is not None:
            self._utterance.first_mark = None  # the clear echoes it, and it proves nothing then
        self._wire.clear()
        self._playout.cut(now_ms)
        self._waiting.clear()

    def _end(self, utterance: Utterance) -> None:
        utterance.over = True
        self._utterance = None
        self._paused = False
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None
        for sentence in utterance.sentences:
            sentence.audio = bytearray()

    def _finish_if_done(self, utterance: Utterance) -> None:
        if utterance.over or self._paused or not utterance.closed:
            return
        if any(not sentence.is_heard for sentence in utterance.sentences) and not utterance.failed:
            return
        if utterance.failed and self._waiting:
            return
        self._end(utterance)
        if utterance.began:
            self._events.on_done(utterance)
        else:
            self._events.on_nothing_said(utterance)

    def _next(self, utterance: Utterance) -> Sentence | None:
        """The first sentence that still has to be sent."""
        if self._paused or utterance.failed:
            return None
        for sentence in utterance.sentences:
            if not sentence.is_heard and id(sentence) not in self._waiting:
                return sentence
        return None

    async def _speak(self, utterance: Utterance) -> None:
        while not utterance.over:
            sentence = self._next(utterance)
            if sentence is None:
                await self._wake.wait()
                self._wake.clear()
                continue
            try:
                await self._deliver(utterance, sentence)
            except SpeakingFailed:
                # What has been sent of it will be heard; nobody can say the rest.
                utterance.failed = True
                utterance.closed = True
                if sentence.sent and not self._paused:
                    sentence.text = sentence.words_by(sentence.sent)
                    self._send_mark(sentence)
                self._finish_if_done(utterance)

    async def _deliver(self, utterance: Utterance, sentence: Sentence) -> None:
        """Send a sentence; its audio is kept, so that a pause in the middle can be taken up again."""
        if not sentence.is_complete and not sentence.audio:
            if sentence.rendered is not None:
                sentence.audio = bytearray(sentence.rendered)
                sentence.is_complete = True
            else:
                await self._synthesise(utterance, sentence)
        if utterance.over or self._paused:
            return
        self._send(utterance, sentence)
        self._send_mark(sentence)

    async def _synthesise(self, utterance: Utterance, sentence: Sentence) -> None:
        text = speakable(sentence.text, self._voice.language)
        self.characters += len(text)
        utterance.characters += len(text)
        stream = self._synthesiser.stream(text, self._voice)
        async with contextlib.aclosing(stream):  # type: ignore[type-var]
            async for chunk in stream:
                if utterance.first_voice_ms is None:
                    utterance.first_voice_ms = int(asyncio.get_running_loop().time() * 1000)
                sentence.audio += chunk.audio
                sentence.spoken.add(chunk.times)
                if utterance.over:
                    return
                if not self._paused:
                    self._send(utterance, sentence)
        sentence.is_complete = True
        self._events.on_synthesised(sentence)

    def _send(self, utterance: Utterance, sentence: Sentence) -> None:
        """Send what is there and was not sent, with a mark about every half second."""
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        while sentence.sent < len(sentence.audio):
            is_first = not utterance.began
            length = _FIRST_FRAME if is_first else _MARK_EVERY - sentence.sent % _MARK_EVERY
            if not sentence.sent:
                self._events.on_sentence_begun(utterance, sentence)
            piece = bytes(sentence.audio[sentence.sent : sentence.sent + length])
            self._wire.send_audio(piece)
            self._playout.sent(sentence, len(piece), now_ms)
            if is_first:
                utterance.began = True
                utterance.first_mark = self._playout.mark(sentence, ends=False)
                self._wire.send_mark(utterance.first_mark)
                self._events.on_first_audio(utterance)
            elif sentence.sent % _MARK_EVERY == 0:
                self._wire.send_mark(self._playout.mark(sentence, ends=False))
        self._events.on_audio_until(self._playout.ends_at)

    def _send_mark(self, sentence: Sentence) -> None:
        name = self._playout.mark(sentence)
        self._waiting[id(sentence)] = name
        self._wire.send_mark(name)

"""The agent's voice: sentences in order, pause and resume at the word, marks, failures."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from cadenza.domain.character_times import CharacterTimes
from cadenza.domain.standard_lines import Line
from cadenza.records.audio import Rendered
from tests.voice_bridge.rehearsed import eventually
from voice_bridge.heard import LINE_DELAY_MS, Sentence
from voice_bridge.mouth import Mouth, Utterance
from voice_bridge.speaking import SpeakingFailed, SpokenAudio, Voice

VOICE = Voice("v", "m")
CHUNK = 800


@dataclass
class FakeWire:
    """A carrier whose buffer plays when the test says so."""

    buffer: list[bytes | str] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    clears: int = 0

    def send_audio(self, audio: bytes) -> None:
        self.buffer.append(audio)
        self.sent += audio

    def send_mark(self, name: str) -> None:
        self.buffer.append(name)

    def clear(self) -> None:
        self.clears += 1
        self.buffer.clear()

    def play(self, mouth: Mouth, now_ms: int, most: int = 1_000_000) -> None:
        """Play so many bytes, and echo the marks that are reached."""
        while self.buffer and (isinstance(self.buffer[0], str) or len(self.buffer[0]) <= most):
            one = self.buffer.pop(0)
            if isinstance(one, str):
                mouth.on_mark(one, now_ms)
            else:
                most -= len(one)


@dataclass
class FakeVoice:
    """A synthesiser: a hundred bytes of audio for each letter."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    fails_at: int | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def stream(self, text: str, voice: Voice) -> AsyncIterator[SpokenAudio]:
        self.asked.append(text)
        for number in range(0, len(text) * 100, CHUNK):
            if self.fails_at is not None and number >= self.fails_at:
                raise SpeakingFailed("server_error")
            await self.gate.wait()
            await asyncio.sleep(0)
            yield SpokenAudio(bytes([number % 251]) * CHUNK)

    async def close(self) -> None: ...


@dataclass
class Notes:
    """What the mouth told."""

    told: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    synthesised: list[str] = field(default_factory=list)
    until: int = 0

    def on_sentence_begun(self, utterance: Utterance, sentence: Sentence) -> None:
        self.begun.append(sentence.text)

    def on_first_audio(self, utterance: Utterance) -> None:
        self.told.append("first audio")

    def on_first_played(self, utterance: Utterance) -> None:
        self.told.append("first played")

    def on_audio_until(self, until_ms: int) -> None:
        self.until = until_ms

    def on_sentence_heard(self, utterance: Utterance, sentence: Sentence) -> None:
        self.told.append(sentence.text)

    def on_synthesised(self, sentence: Sentence) -> None:
        self.synthesised.append(sentence.text)

    def on_done(self, utterance: Utterance) -> None:
        self.told.append("done")

    def on_nothing_said(self, utterance: Utterance) -> None:
        self.told.append("nothing said")


class Stage:
    def __init__(self) -> None:
        self.wire, self.voice, self.notes = FakeWire(), FakeVoice(), Notes()
        self.mouth = Mouth(self.wire, self.voice, VOICE, self.notes)

    def now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    async def until(self, condition: Callable[[], object]) -> None:
        await eventually(condition, 3)

    async def all_sent(self, *sentences: Sentence) -> None:
        await self.until(lambda: all(one.is_complete and one.sent == len(one.audio) for one in sentences))

    def play(self, most: int = 1_000_000) -> None:
        self.wire.play(self.mouth, self.now(), most)


async def test_an_utterance_is_done_when_all_of_it_was_played() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    first = stage.mouth.say(utterance, "Hello there.")
    second = stage.mouth.say(utterance, "How are you?")
    stage.mouth.close(utterance)
    await stage.all_sent(first, second)
    assert stage.notes.told == ["first audio"]
    stage.play()
    assert stage.notes.told == ["first audio", "first played", "Hello there.", "How are you?", "done"]
    assert stage.mouth.utterance is None and utterance.heard_text == "Hello there. How are you?"


async def test_rendered_audio_is_sent_as_it_is_and_asks_nobody() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    stage.mouth.say(utterance, "Hello.", line=Line.OPENING, rendered=Rendered(b"\x01" * 5000))
    stage.mouth.close(utterance)
    await stage.until(lambda: len(stage.wire.sent) == 5000)
    assert stage.voice.asked == [] and stage.mouth.characters == 0
    assert bytes(stage.wire.sent) == b"\x01" * 5000


async def test_rendered_audio_that_is_cut_is_heard_by_its_own_times() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    times = CharacterTimes("Well, we do.", (900, 900, 900, 900, 900, 910, 950, 950, 960, 970, 980, 990))
    sentence = stage.mouth.say(utterance, "Well, we do.", rendered=Rendered(b"\x01" * 8000, times))
    await stage.all_sent(sentence)
    now = stage.now()
    stage.wire.play(stage.mouth, now, 5000)  # the mark at half of it comes back
    stage.mouth.pause(now + 350 + LINE_DELAY_MS)
    assert sentence.heard_text == "", "the first word is not over, though nine tenths of the audio are"
    stage.mouth.discard(now)


async def test_a_pause_silences_at_once_and_a_resume_goes_on_at_the_word() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    sentence = stage.mouth.say(utterance, "One two three four five six seven eight nine ten eleven twelve.")
    stage.mouth.close(utterance)
    await stage.all_sent(sentence)
    whole, length = bytes(stage.wire.sent), len(sentence.audio)
    stage.play(2000)
    stage.mouth.pause(stage.now() + 400)
    assert stage.wire.clears == 1 and not stage.wire.buffer
    heard = utterance.heard_text
    assert heard and sentence.text.startswith(heard)
    stage.wire.sent.clear()
    stage.mouth.resume()
    await stage.until(lambda: sentence.sent == length)
    assert whole.endswith(bytes(stage.wire.sent)) and 0 < len(stage.wire.sent) < length
    stage.play()
    assert stage.notes.told[-1] == "done" and utterance.heard_text == sentence.text


async def test_what_the_model_says_during_a_pause_waits() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    first = stage.mouth.say(utterance, "Hello there.")
    await stage.all_sent(first)
    stage.mouth.pause(stage.now())
    second = stage.mouth.say(utterance, "More of it.")
    stage.mouth.close(utterance)
    await asyncio.sleep(0.05)
    assert not stage.wire.buffer and not second.audio
    stage.mouth.resume()
    await stage.all_sent(first, second)
    stage.play()
    assert stage.notes.told[-1] == "done"


async def test_a_pause_in_the_middle_of_synthesis_keeps_what_comes() -> None:
    stage = Stage()
    stage.voice.gate.clear()
    utterance = stage.mouth.begin()
    sentence = stage.mouth.say(utterance, "A sentence of some length.")
    stage.mouth.close(utterance)
    await asyncio.sleep(0.02)
    stage.mouth.pause(stage.now())
    stage.voice.gate.set()
    await stage.until(lambda: sentence.is_complete)
    assert not stage.wire.buffer
    stage.mouth.resume()
    await stage.all_sent(sentence)
    assert len(stage.voice.asked) == 1, "synthesised once"


async def test_a_discarded_utterance_is_told_no_more_of() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    sentence = stage.mouth.say(utterance, "One two three four five six seven eight nine ten.")
    stage.mouth.close(utterance)
    await stage.all_sent(sentence)
    stage.play(2000)
    marks = [one for one in stage.wire.buffer if isinstance(one, str)]
    stage.mouth.discard(stage.now() + 300)
    for mark in marks:  # the carrier returns all pending marks with a clear
        stage.mouth.on_mark(mark, stage.now())
    assert stage.notes.told == ["first audio", "first played"]
    assert 0 < len(utterance.heard_text) < len(sentence.text)
    stage.mouth.begin()


async def test_marks_of_a_cleared_utterance_prove_nothing_for_the_next_one() -> None:
    stage = Stage()
    old = stage.mouth.begin()
    stage.mouth.say(old, "Something long that is cut off.")
    await stage.until(lambda: any(isinstance(one, str) for one in stage.wire.buffer))
    marks = [one for one in stage.wire.buffer if isinstance(one, str)]
    stage.mouth.discard(stage.now())
    new = stage.mouth.begin()
    sentence = stage.mouth.say(new, "New.")
    stage.mouth.close(new)
    await stage.all_sent(sentence)
    for mark in marks:
        stage.mouth.on_mark(mark, stage.now())
    assert not sentence.is_heard and "done" not in stage.notes.told
    stage.play()
    assert stage.notes.told[-1] == "done"


async def test_an_inserted_line_comes_before_what_is_not_being_said() -> None:
    stage = Stage()
    stage.voice.gate.clear()
    utterance = stage.mouth.begin()
    stage.mouth.say(utterance, "First.")
    await asyncio.sleep(0.02)
    stage.mouth.say(utterance, "Second.")
    stage.mouth.say(utterance, "One moment.", rendered=Rendered(b"\x02" * 800), at_once=True)
    stage.mouth.close(utterance)
    stage.voice.gate.set()
    await stage.until(lambda: all(one.is_complete for one in utterance.sentences))
    assert [one.text for one in utterance.sentences] in (
        ["First.", "One moment.", "Second."],
        ["One moment.", "First.", "Second."],
    )


async def test_a_voice_that_fails_before_a_word_is_told() -> None:
    stage = Stage()
    stage.voice.fails_at = 0
    utterance = stage.mouth.begin()
    stage.mouth.say(utterance, "Hello there.")
    stage.mouth.close(utterance)
    await stage.until(lambda: stage.notes.told == ["nothing said"])
    assert stage.mouth.utterance is None


async def test_a_voice_that_fails_in_the_middle_ends_with_what_was_heard() -> None:
    stage = Stage()
    stage.voice.fails_at = 1600
    utterance = stage.mouth.begin()
    stage.mouth.say(utterance, "A sentence that is never heard to its end because of that.")
    stage.mouth.say(utterance, "And one that is never begun.")
    stage.mouth.close(utterance)
    await stage.until(lambda: utterance.failed)
    stage.play()
    assert stage.notes.told[-1] == "done"
    assert "end because" not in utterance.heard_text and "never begun" not in utterance.heard_text


async def test_an_utterance_without_a_sentence_says_so() -> None:
    stage = Stage()
    stage.mouth.close(stage.mouth.begin())
    assert stage.notes.told == ["nothing said"]


async def test_a_lost_mark_does_not_hold_the_call() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    sentence = stage.mouth.say(utterance, "Hello.")
    stage.mouth.close(utterance)
    await stage.all_sent(sentence)
    stage.mouth.tick(stage.now())
    assert "done" not in stage.notes.told
    stage.mouth.tick(stage.notes.until + 4000)
    assert stage.notes.told[-1] == "done"


async def test_times_are_spoken_as_words_and_billed() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    stage.mouth.say(utterance, "At 2:30 PM?")
    await stage.until(lambda: bool(stage.voice.asked))
    assert stage.voice.asked == ["At two thirty in the afternoon?"]
    assert stage.mouth.characters == len(stage.voice.asked[0])


async def test_words_for_a_finished_utterance_are_dropped() -> None:
    stage = Stage()
    utterance = stage.mouth.begin()
    stage.mouth.discard(stage.now())
    stage.mouth.say(utterance, "Too late.")
    assert utterance.sentences == []

"""What the agent says, put together: mouth, rendered lines, the journal's rows and the model's memory."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from cadenza.domain import phrases
from cadenza.domain.standard_lines import RESULT_SENTENCES, Line, line_text
from cadenza.records.audio import Rendered
from cadenza.records.call_context import CallContext
from voice_bridge import turn_events as events
from voice_bridge.agent_turn import AgentTurn
from voice_bridge.audio_library import AudioLibrary
from voice_bridge.conversation import AgentEntry, Conversation
from voice_bridge.dictation import asks_for_details
from voice_bridge.heard import Sentence
from voice_bridge.journal import Journal
from voice_bridge.mouth import Mouth, Utterance, Wire
from voice_bridge.speaking import SpeakingFailed, Synthesiser, Voice
from voice_bridge.tasks import end_task
from voice_bridge.thinking.sentences import sentences_of
from voice_bridge.timing import ReplyTiming

PREPARING_PAUSE_SECONDS = 0.5


class Listener(Protocol):
    """Who is told what happens to the agent's words."""

    def take(self, event: events.Event) -> None: ...
    def now_ms(self) -> int: ...
    def tokens_used(self, count: int) -> None: ...
    def disclosure_heard(self) -> None: ...
    def agent_heard(self) -> None: ...


class AgentVoice:
    """The agent's side of one call. At most one turn at a time."""

    def __init__(
        self,
        context: CallContext,
        wire: Wire,
        synthesiser: Synthesiser,
        voice: Voice,
        library: AudioLibrary,
        conversation: Conversation,
        journal: Journal,
        listener: Listener,
    ) -> None:
        self._context = context
        self._voice = voice
        self._library = library
        self._conversation = conversation
        self._journal = journal
        self._listener = listener
        self._turn: AgentTurn | None = None
        self._timing: ReplyTiming | None = None
        self._was_heard = False
        self._preparing: list[asyncio.Task[None]] = []
        self.mouth = Mouth(wire, synthesiser, voice, self)

    # --- What the call asks for --------------------------------------------------------------------------------------

    def callee_finished(self, timing: ReplyTiming) -> None:
        """The callee's turn ended: the next utterance is measured from there."""
        self._timing = timing

    def speak(self, lines: Sequence[Line], rest: str = "") -> None:
        """Say fixed lines and the rest of an earlier utterance, and nothing else."""
        turn = self._begin()
        entry = self._conversation.agent()
        turn.entries.append(entry)
        for line in lines:
            self._say_line(turn, line, entry)
        if rest:
            self.say(turn, rest, entry)
        self.mouth.close(turn.utterance)

    def begin_reply(self, lead_in: Sequence[Line]) -> AgentTurn:
        """Begin an utterance that the model fills, with lines that are said at once."""
        turn = self._begin()
        if lead_in:
            # The model's last message must be the callee's: what is said first stands before it.
            entry = AgentEntry()
            self._conversation.entries.insert(max(0, len(self._conversation.entries) - 1), entry)
            turn.entries.append(entry)
            for line in lead_in:
                self._say_line(turn, line, entry)
        return turn

    def insert(self, line: Line) -> None:
        """Say a filler inside the utterance under way."""
        if self._turn is not None:
            self._say_line(self._turn, line, None, at_once=True)

    def tick(self, now_ms: int) -> None:
        """Time passes: give up on marks that were lost, and put on record what is almost heard."""
        self.mouth.tick(now_ms)
        if self._turn is not None and self._turn.foresee(now_ms):
            self._journal.write(self._turn.row())

    def discard(self) -> None:
        """Fall silent, and forget what was not heard."""
        self.mouth.discard(self._listener.now_ms())
        self._finish()

    async def close(self) -> None:
        self.discard()
        for task in self._preparing:
            await end_task(task)
        await self.mouth.aclose()

    async def load_lines(self) -> None:
        """Have every line and approved answer of this call at hand before it is needed."""
        texts = [self._text(line) for line in Line]
        context = self._context
        texts += [
            context.script.say(
                objection.answer,
                first_name=context.first_name,
                company=context.company,
                caller_id=context.caller_id,
                custom=context.custom,
            )
            for objection in context.script.objections
        ]
        await self._library.load([*texts, *context.script.openers, *RESULT_SENTENCES], self._voice)

    # --- What a reply asks for ---------------------------------------------------------------------------------------

    def say(self, turn: AgentTurn, text: str, entry: AgentEntry | None) -> None:
        """In one piece where it was rendered so, else sentence by sentence."""
        if turn.timing is not None and turn.timing.first_sentence is None:
            turn.timing.first_sentence = self._listener.now_ms()
        for piece in [text] if self._library.find(text, self._voice) else sentences_of(text):
            sentence = self.mouth.say(turn.utterance, piece, rendered=self._library.find(piece, self._voice))
            if entry is not None:
                entry.sentences.append(sentence)

    def prepare(self, texts: Sequence[str]) -> None:
        """Have these sentences rendered before they are needed."""
        self._preparing.append(asyncio.create_task(self._prepare(texts)))

    def say_again(self, turn: AgentTurn) -> None:
        self._say_line(turn, Line.SAY_AGAIN, None)

    def close_turn(self, turn: AgentTurn) -> None:
        self.mouth.close(turn.utterance)

    def first_token(self, turn: AgentTurn) -> None:
        if turn.timing is not None and turn.timing.first_token is None:
            turn.timing.first_token = self._listener.now_ms()

    def opted_out(self) -> None:
        self._listener.take(events.OptedOutByTool(self._listener.now_ms()))

    def end_requested(self) -> None:
        self._listener.take(events.EndRequested(self._listener.now_ms()))

    async def callee_is_on_record(self) -> None:
        """A turn is in the journal before it is answered. It was written while the model thought: nothing is lost."""
        if self._turn is not None:
            await self._journal.kept(self._turn.position - 1)

    def tokens_used(self, count: int) -> None:
        self._listener.tokens_used(count)

    # --- What the mouth tells ----------------------------------------------------------------------------------------

    def on_sentence_begun(self, utterance: Utterance, sentence: Sentence) -> None:
        self._listener.take(events.AgentSays(self._listener.now_ms(), sentence.text))

    def on_first_audio(self, utterance: Utterance) -> None:
        now = self._listener.now_ms()
        if self._turn is not None and self._turn.timing is not None:
            self._turn.timing.first_audio = now
            self._turn.timing.first_voice = utterance.first_voice_ms
        self._listener.take(events.AgentStarted(now))

    def on_first_played(self, utterance: Utterance) -> None:
        if not self._was_heard:
            self._was_heard = True
            self._listener.agent_heard()
        if self._turn is not None and self._turn.timing is not None:
            self._turn.timing.heard = self._listener.now_ms()

    def on_synthesised(self, sentence: Sentence) -> None:
        audio = Rendered(bytes(sentence.audio), sentence.spoken.times)
        self._library.keep_spoken(sentence.text, self._voice, audio)

    def on_audio_until(self, until_ms: int) -> None:
        self._listener.take(events.AgentAudio(self._listener.now_ms(), until_ms))

    def on_sentence_heard(self, utterance: Utterance, sentence: Sentence) -> None:
        if self._turn is not None and utterance.heard_text and not sentence.is_foreseen:
            self._journal.write(self._turn.row())  # a voice may break off before the first word is over
        if sentence.line is Line.DISCLOSURE:
            self._listener.disclosure_heard()
        if sentence.line is not None:
            self._listener.take(events.LineHeard(self._listener.now_ms(), sentence.line))

    def on_done(self, utterance: Utterance) -> None:
        heard = utterance.heard_text
        self._finish()
        self._listener.take(
            events.AgentDone(self._listener.now_ms(), phrases.is_goodbye(heard), asks_for_details(heard))
        )

    def on_nothing_said(self, utterance: Utterance) -> None:
        self._finish()
        self._listener.take(events.ReplyFailed(self._listener.now_ms()))

    # --- Inside ------------------------------------------------------------------------------------------------------

    def _begin(self) -> AgentTurn:
        timing, self._timing = self._timing, None
        self._turn = AgentTurn(self.mouth.begin(), self._journal.next_position(), timing)
        return self._turn

    def _finish(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.finish()
            if (
                turn.utterance.heard_text or turn.was_foreseen
            ):  # words that nobody heard are no part of the conversation
                self._journal.write(turn.row())

    async def _prepare(self, texts: Sequence[str]) -> None:
        """One after the other, and not before what is said now is there: a plan of the vendor's has few at once."""
        for text in texts:
            await asyncio.sleep(PREPARING_PAUSE_SECONDS)
            if self._library.find(text, self._voice) is None:
                try:
                    audio = await self.mouth.render(text)
                except SpeakingFailed:
                    return  # it is tried again when it is said
                self._library.keep_prepared(text, self._voice, audio)

    def _text(self, line: Line) -> str:
        context = self._context
        return line_text(
            line,
            context.script,
            first_name=context.first_name,
            company=context.company,
            caller_id=context.caller_id,
            custom=context.custom,
        )

    def _say_line(self, turn: AgentTurn, line: Line, entry: AgentEntry | None, *, at_once: bool = False) -> None:
        text = self._text(line)
        rendered = self._library.find(text, self._voice)
        sentence = self.mouth.say(turn.utterance, text, line=line, rendered=rendered, at_once=at_once)
        if entry is not None:
            entry.sentences.append(sentence)

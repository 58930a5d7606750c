"""One reply of the agent: the model's words become sentences as they come, its tool calls are carried out.

It may be cancelled at any moment, when the callee speaks. A tool that is running then goes on by itself, and its
result is kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import orjson
import structlog

from cadenza.domain import phrases
from cadenza.domain.objection_library import ObjectionLibrary
from cadenza.records.call_context import CallContext
from voice_bridge.agent_turn import AgentTurn
from voice_bridge.conversation import AgentEntry, Conversation, ToolEntry
from voice_bridge.prompt import now_note, system_prompt
from voice_bridge.speculation import Speculation
from voice_bridge.thinking import LastWords, ReplyPart, TextPart, Thinker, ThinkingFailed, TokensUsed, ToolCall
from voice_bridge.thinking.sentences import SentenceSplitter
from voice_bridge.tools import ToolBox, ToolOutcome

log = structlog.get_logger(__name__)

MAX_STEPS = 5
"""Calls of the model in one reply: tools in between."""
MAX_TOOLS_A_STEP = 2
MAX_SENTENCES = 8
"""Sentences of one reply; a model that goes on and on is cut."""


class ReplyVoice(Protocol):
    """What a reply needs of the call."""

    def say(self, turn: AgentTurn, text: str, entry: AgentEntry | None) -> None: ...
    def say_again(self, turn: AgentTurn) -> None: ...
    def close_turn(self, turn: AgentTurn) -> None: ...
    def first_token(self, turn: AgentTurn) -> None: ...
    def opted_out(self) -> None: ...
    def end_requested(self) -> None: ...
    def tokens_used(self, count: int) -> None: ...
    def prepare(self, texts: Sequence[str]) -> None: ...
    async def callee_is_on_record(self) -> None: ...


class Replier:
    """Makes the replies of one call."""

    def __init__(
        self,
        context: CallContext,
        conversation: Conversation,
        tools: ToolBox,
        thinker: Thinker,
        voice: ReplyVoice,
        run_tool: Callable[[ToolCall], Awaitable[tuple[ToolEntry, ToolOutcome]]],
    ) -> None:
        self._context = context
        self._conversation = conversation
        self._definitions = tools.definitions()
        self._thinker = thinker
        self._voice = voice
        self._run_tool = run_tool
        self._system = system_prompt(context)
        self._library = ObjectionLibrary(context.script.objections)
        self._ahead: Speculation | None = None

    async def reply(self, turn: AgentTurn, text: str, *, wrap_up: bool) -> None:
        """Speak one reply to `text`, the callee's last words, into `turn`. Always closes it."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (wrap_up or not ahead.fits(text, len(self._conversation.entries))):
            ahead.drop()
            ahead = None
        try:
            said, is_final = await self._approved_answer(turn, text)
            if not is_final:
                said = await self._steps(turn, wrap_up, said=said, ahead=None if said else ahead)
        except ThinkingFailed as failure:
            log.warning("reply_failed", attempt=self._context.attempt_id, reason=failure.reason)
            said = False
        except Exception as error:  # an agent that falls mute for ever is worse than one that asks again
            log.error("reply_broke", attempt=self._context.attempt_id, error=type(error).__name__)
            said = False
        if not said and turn.utterance.sentences:
            self._voice.say_again(turn)  # a lead-in alone is no answer
        self._voice.close_turn(turn)

    def think_ahead(self, text: str) -> None:
        """Begin the reply to words that may be the whole turn. Nothing is said, no tool is run."""
        self.drop_ahead()
        if self._library.find(text, self._conversation.answered_objections) is None:
            parts = self._ask(wrap_up=False, expected=text)
            self._ahead = Speculation(text, len(self._conversation.entries), parts)

    def drop_ahead(self) -> None:
        """The callee went on, or the call is over."""
        if self._ahead is not None:
            self._ahead.drop()
            self._ahead = None

    async def _approved_answer(self, turn: AgentTurn, text: str) -> tuple[bool, bool]:
        """Answer a plain objection at once, as if the model had chosen it. (Something was said, that is all.)"""
        objection = self._library.find(text, self._conversation.answered_objections)
        if objection is None:
            return False, False
        arguments = orjson.dumps({"objection_id": objection.id}).decode()
        tool, outcome = await self._run_tool(ToolCall("", "answer_objection", arguments))
        return self._after_tool(turn, tool, outcome), outcome.is_final

    async def _steps(self, turn: AgentTurn, wrap_up: bool, *, said: bool, ahead: Speculation | None) -> bool:
        """True if anything was said. `ahead`: the model's first step has begun already."""
        for _ in range(MAX_STEPS):
            entry = self._new_entry(turn)
            calls: list[ToolCall] = []
            try:
                parts = ahead.parts() if ahead is not None else self._ask(wrap_up=wrap_up)
                ahead = None
                said = await self._listen_to_model(turn, entry, calls, parts) or said
            except ThinkingFailed:
                if not said and not entry.sentences:
                    raise
                return True  # an approved answer alone is better than an apology behind it
            for call in calls[:MAX_TOOLS_A_STEP]:
                entry_of_tool, outcome = await self._run_tool(call)
                said = self._after_tool(turn, entry_of_tool, outcome) or said
                if outcome.is_final:
                    return said
            if not calls:
                break
        return said

    def _new_entry(self, turn: AgentTurn) -> AgentEntry:
        entry = self._conversation.agent()
        turn.entries.append(entry)
        return entry

    def _ask(self, *, wrap_up: bool, expected: str = "") -> AsyncIterator[ReplyPart]:
        note = now_note(self._context, datetime.now(UTC), wrap_up=wrap_up)
        return self._thinker.reply(
            self._conversation.messages(self._system, note, expected=expected),
            self._definitions,
            model=self._context.policy.model,
            cache_key=self._context.campaign_id,
        )

    async def _listen_to_model(
        self, turn: AgentTurn, entry: AgentEntry, calls: list[ToolCall], parts: AsyncIterator[ReplyPart]
    ) -> bool:
        splitter = SentenceSplitter(eager=not turn.utterance.sentences)
        farewell: SentenceSplitter | None = None
        async for part in parts:
            match part:
                case TextPart(text):
                    self._voice.first_token(turn)
                    await self._say_all(turn, entry, splitter.feed(text))
                case LastWords(text):
                    # Said as they come: the call that holds them may take as long again to be whole.
                    if farewell is None:
                        await self._say_all(turn, entry, splitter.flush())
                        if phrases.is_goodbye(turn.utterance.planned_text):
                            continue  # in its own words already
                        farewell = SentenceSplitter()
                    self._voice.first_token(turn)
                    await self._say_all(turn, entry, farewell.feed(text))
                case ToolCall():
                    self._voice.first_token(turn)
                    calls.append(part)
                case TokensUsed(count):
                    self._voice.tokens_used(count)
            if len(entry.sentences) >= MAX_SENTENCES:
                return True
        await self._say_all(turn, entry, splitter.flush() + (farewell.flush() if farewell is not None else []))
        return bool(entry.sentences)

    async def _say_all(self, turn: AgentTurn, entry: AgentEntry, sentences: list[str]) -> None:
        if sentences:
            await self._voice.callee_is_on_record()
        for sentence in sentences:
            self._voice.say(turn, sentence, entry)

    def _after_tool(self, turn: AgentTurn, tool: ToolEntry, outcome: ToolOutcome) -> bool:
        """Say what the tool has to say; True if it had something."""
        if outcome.opted_out:
            self._voice.opted_out()
        planned = turn.utterance.planned_text
        farewell_was_said = outcome.ends_call and (
            phrases.is_goodbye(planned) or phrases.plain(outcome.say) in phrases.plain(planned)
        )
        says = bool(outcome.say) and not farewell_was_said
        if says:
            # Seen by the model as said before the tool answered: what comes last is what it has to answer.
            entry = AgentEntry(answer_of=tool if "answer" in outcome.result else None)
            self._conversation.insert_before(tool, entry)
            turn.entries.append(entry)
            self._voice.say(turn, outcome.say, entry)
        if outcome.said_next:
            self._voice.prepare(outcome.said_next)
        if outcome.ends_call:
            self._voice.end_requested()
        return says or outcome.ends_call

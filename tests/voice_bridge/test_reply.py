"""Replies with a scripted model: approved answers without it, thinking ahead, models that misbehave, injected words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from cadenza.domain.script import Objection, Script
from tests.voice_bridge.test_tools import Actions, context
from voice_bridge.agent_turn import AgentTurn
from voice_bridge.conversation import AgentEntry, Conversation, ToolEntry
from voice_bridge.heard import Sentence
from voice_bridge.mouth import Utterance
from voice_bridge.outcome import CallFacts
from voice_bridge.reply import MAX_SENTENCES, Replier
from voice_bridge.thinking import LastWords, ReplyPart, TextPart, ThinkingFailed, TokensUsed, ToolCall
from voice_bridge.tools import ToolBox, ToolOutcome

SCRIPT = Script(
    agent_company="Acme",
    purpose="We sell things.",
    opening="Hello?",
    objections=(
        Objection(id="price", heard="too expensive", phrases=("too expensive",), answer="It is free."),
        Objection(id="no_time", heard="no time", phrases=("no time",), answer="It is short. Shall we look for a time?"),
    ),
)
OFFER = "All right. I have day 1 or day 2. Which suits you better?"
Step = list[ReplyPart | ThinkingFailed]


@dataclass
class ScriptedThinker:
    """Says one step after the other; `gate` holds every part back."""

    steps: list[Step] = field(default_factory=list)
    asked: list[list[dict[str, Any]]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0

    async def reply(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        *,
        model: str | None = None,
        cache_key: str | None = None,
    ) -> AsyncIterator[ReplyPart]:
        self.asked.append(list(messages))
        step = self.steps.pop(0) if self.steps else [TextPart("And so on.")]
        try:
            for part in step:
                await self.gate.wait()
                if isinstance(part, ThinkingFailed):
                    raise part
                yield part
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise

    async def close(self) -> None: ...


@dataclass
class Voice:
    """The call's side of a reply."""

    said: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    closed: int = 0
    ended: bool = False
    tokens: int = 0
    on_record: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, turn: AgentTurn, text: str, entry: AgentEntry | None) -> None:
        self.said.append(text)
        sentence = Sentence(text, is_heard=True, heard_text=text)
        turn.utterance.sentences.append(sentence)
        if entry is not None:
            entry.sentences.append(sentence)

    def say_again(self, turn: AgentTurn) -> None:
        self.said.append("(again)")

    def close_turn(self, turn: AgentTurn) -> None:
        self.closed += 1

    def first_token(self, turn: AgentTurn) -> None: ...

    def opted_out(self) -> None: ...

    async def callee_is_on_record(self) -> None:
        await self.on_record.wait()

    def end_requested(self) -> None:
        self.ended = True

    def tokens_used(self, count: int) -> None:
        self.tokens += count

    def prepare(self, texts: Sequence[str]) -> None:
        self.prepared += texts


class Desk:
    """A replier with everything around it."""

    def __init__(self, *steps: Step, **changes: Any) -> None:
        self.context = context(**{"script": SCRIPT, **changes})
        self.conversation, self.voice, self.actions = Conversation(), Voice(), Actions()
        self.thinker = ScriptedThinker(list(steps))
        self.thinker.gate.set()
        self.voice.on_record.set()
        self.tools = ToolBox(self.context, CallFacts(), self.actions)
        self.tools_run: list[str] = []
        self.replier = Replier(self.context, self.conversation, self.tools, self.thinker, self.voice, self._run_tool)

    async def _run_tool(self, call: ToolCall) -> tuple[ToolEntry, ToolOutcome]:
        self.tools_run.append(call.name)
        entry = self.conversation.tool(call.id or "call_1", call.name, call.arguments)
        outcome = await self.tools.run("u1", call.name, call.arguments)
        entry.result = outcome.result
        return entry, outcome

    async def answer(self, text: str, *, wrap_up: bool = False) -> list[str]:
        """The callee said so: what the agent says now."""
        before = len(self.voice.said)
        self.conversation.callee(text)
        turn = AgentTurn(Utterance(), 1)
        await self.replier.reply(turn, text, wrap_up=wrap_up)
        turn.finish()
        return self.voice.said[before:]


async def test_a_turn_is_on_record_before_it_is_answered() -> None:
    desk = Desk([TextPart("Of course. Go on.")])
    desk.voice.on_record.clear()
    answering = asyncio.create_task(desk.answer("May I ask something?"))
    await asyncio.sleep(0.02)
    assert desk.thinker.asked and not desk.voice.said
    desk.voice.on_record.set()
    assert await answering == ["Of course.", "Go on."]


async def test_a_fault_of_our_own_ends_the_reply_and_not_the_talk() -> None:
    desk = Desk([TextPart("Of course.")])

    async def breaks() -> None:
        raise AttributeError("a mistake")

    desk.voice.callee_is_on_record = breaks  # type: ignore[method-assign]
    assert await desk.answer("May I ask something?") == []
    assert desk.voice.closed == 1


# --- Approved answers ------------------------------------------------------------------------------------------------


async def test_a_plain_objection_is_answered_without_waiting_for_the_model() -> None:
    desk = Desk()
    desk.thinker.gate.clear()
    answering = asyncio.create_task(desk.answer("That's too expensive."))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.voice.said == ["It is free."]
    desk.thinker.gate.set()
    assert await answering == ["It is free.", "And so on."]
    roles = [message["role"] for message in desk.thinker.asked[0]]
    assert roles == ["system", "user", "assistant", "assistant", "tool", "system"]


async def test_an_answer_that_asks_is_the_whole_reply() -> None:
    desk = Desk()
    assert await desk.answer("I have no time.") == ["It is short. Shall we look for a time?"]
    assert not desk.thinker.asked and desk.voice.closed == 1


async def test_the_same_objection_again_goes_to_the_model() -> None:
    desk = Desk()
    await desk.answer("I have no time.")
    assert await desk.answer("No, really, I have no time.") == ["And so on."]


async def test_an_answer_that_was_cut_off_is_given_again() -> None:
    desk = Desk()
    await desk.answer("I have no time.")
    entry = next(one for one in desk.conversation.entries if isinstance(one, AgentEntry) and one.answer_of)
    entry.sentences[0].is_heard = False
    entry.finish()
    assert await desk.answer("Sorry, I have no time.") == ["It is short. Shall we look for a time?"]


async def test_an_answer_stands_if_the_model_behind_it_fails() -> None:
    desk = Desk([ThinkingFailed("timeout")])
    assert await desk.answer("That's too expensive.") == ["It is free."]
    assert desk.voice.closed == 1


# --- Thinking ahead --------------------------------------------------------------------------------------------------


async def test_an_answer_begun_in_a_pause_is_used_when_the_turn_ends_there() -> None:
    desk = Desk([TextPart("Tuesday is fine. "), TokensUsed(7)])
    desk.replier.think_ahead("I would like Tuesday")
    await asyncio.sleep(0.01)
    assert desk.voice.said == [], "a word before the turn has ended"
    assert await desk.answer("I would like Tuesday.") == ["Tuesday is fine."]
    assert len(desk.thinker.asked) == 1 and desk.voice.tokens == 7
    assert [message["role"] for message in desk.thinker.asked[0]] == ["system", "user", "system"]


async def test_an_answer_to_half_a_turn_is_thrown_away() -> None:
    desk = Desk([TextPart("Tuesday is fine.")], [TextPart("Friday it is.")])
    desk.replier.think_ahead("I would like Tuesday")
    await asyncio.sleep(0.01)
    assert await desk.answer("I would like Tuesday, no, Friday.") == ["Friday it is."]


async def test_no_tool_runs_before_the_turn_has_ended() -> None:
    call = ToolCall("c1", "offer_slots", '{"preference": null}')
    desk = Desk([call], [TextPart("Friday it is.")])
    desk.replier.think_ahead("I would like Tuesday")
    await asyncio.sleep(0.01)
    assert desk.tools_run == [] and desk.actions.done == []
    await desk.answer("I would like Tuesday, no, Friday.")
    assert desk.tools_run == [], "a tool of a reply that was thrown away"


async def test_a_tool_of_an_answer_begun_ahead_runs_once_when_the_turn_has_ended() -> None:
    desk = Desk([ToolCall("c1", "offer_slots", '{"preference": null}')])
    desk.replier.think_ahead("What times do you have")
    await asyncio.sleep(0.01)
    assert await desk.answer("What times do you have?") == [OFFER]
    assert desk.tools_run == ["offer_slots"]


async def test_words_from_elsewhere_make_what_was_thought_old() -> None:
    desk = Desk([TextPart("Old.")], [TextPart("New.")])
    desk.replier.think_ahead("Yes")
    await asyncio.sleep(0.01)
    desk.conversation.callee("And another thing.")
    assert await desk.answer("Yes") == ["New."]


async def test_a_call_that_closes_does_not_use_what_was_thought_before() -> None:
    desk = Desk([TextPart("Old.")], [TextPart("New.")])
    desk.replier.think_ahead("Yes")
    await asyncio.sleep(0.01)
    assert await desk.answer("Yes", wrap_up=True) == ["New."]


async def test_a_dropped_answer_stops_the_model() -> None:
    desk = Desk([TextPart("One. "), TextPart("Two. ")])
    desk.thinker.gate.clear()
    desk.replier.think_ahead("Yes")
    await asyncio.sleep(0)
    desk.replier.drop_ahead()
    await asyncio.sleep(0.01)
    assert desk.thinker.cancelled == 1
    desk.replier.drop_ahead()


async def test_a_failure_ahead_costs_nothing() -> None:
    desk = Desk([ThinkingFailed("timeout")], [TextPart("New.")])
    desk.replier.think_ahead("Yes")
    await asyncio.sleep(0.01)
    assert await desk.answer("Yes") == ["New."]


async def test_a_failure_while_it_is_waited_for_is_the_replys() -> None:
    desk = Desk([TextPart("Half a "), ThinkingFailed("cut_off")])
    desk.thinker.gate.clear()
    desk.replier.think_ahead("Yes")
    answering = asyncio.create_task(desk.answer("Yes"))
    await asyncio.sleep(0.01)
    desk.thinker.gate.set()
    assert await answering == []
    assert desk.voice.closed == 1 and len(desk.thinker.asked) == 1


async def test_an_objection_is_not_thought_about() -> None:
    desk = Desk()
    desk.replier.think_ahead("I have no time")
    await asyncio.sleep(0)
    assert not desk.thinker.asked


# --- Models that misbehave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ([], []),
        ([TextPart("   \n")], []),
        ([TextPart("**Sure!** <b>Tuesday</b> works 😀")], ["Sure! Tuesday works"]),
        ([TextPart("# Plan\n- one\n- two")], ["Plan", "one", "two"]),
        ([TextPart("<function=offer_slots>{}</function>")], []),
        ([TextPart('{"name": "end_call", "arguments": {"farewell": "Bye"}}')], []),
        ([TextPart('```json\n{"tool": "do_not_call"}\n```')], []),
        ([ToolCall("c1", "transfer_call", '{"to": "+19005550100"}')], []),
        ([ToolCall("c1", "book_appointment", '{"slot_token": "s99", "email": null}')], []),
        ([ToolCall("c1", "book_appointment", "{not json")], []),
        ([ToolCall("c1", "answer_objection", '{"objection_id": "free_money"}')], []),
    ],
)
async def test_whatever_the_model_writes_the_reply_is_closed_and_nothing_is_done(step: Step, said: list[str]) -> None:
    desk = Desk(step, [], [])
    spoken = await desk.answer("Hello?")
    assert desk.voice.closed == 1
    assert desk.actions.done == []
    assert spoken == said
    assert not any("<" in sentence or "*" in sentence for sentence in spoken)


# --- The last words --------------------------------------------------------------------------------------------------


def end_call(farewell: str) -> ToolCall:
    return ToolCall("c1", "end_call", orjson.dumps({"farewell": farewell}).decode())


async def test_a_farewell_is_said_while_its_call_is_still_being_written() -> None:
    desk = Desk([LastWords("Have a great "), LastWords("day. Good"), ThinkingFailed("cut_off")])
    assert await desk.answer("No, thank you.") == ["Have a great day."]
    assert not desk.voice.ended


@pytest.mark.parametrize("farewell", ["Have a great day. Goodbye.", "So long, Alex. Enjoy the weather!"])
async def test_a_farewell_is_said_once_and_ends_the_call(farewell: str) -> None:
    pieces: Step = [LastWords(farewell[start : start + 5]) for start in range(0, len(farewell), 5)]
    desk = Desk([*pieces, end_call(farewell)])
    assert " ".join(await desk.answer("No, thank you.")) == farewell
    assert desk.voice.ended
    roles = [message["role"] for message in desk.conversation.messages("s", "n")]
    assert roles == ["system", "user", "assistant", "assistant", "tool", "system"]


async def test_who_has_said_goodbye_in_other_words_does_not_say_it_again() -> None:
    desk = Desk(
        [TextPart("Thanks for your time, goodbye."), LastWords("Have a nice day. "), end_call("Have a nice day.")]
    )
    assert await desk.answer("No, thank you.") == ["Thanks for your time, goodbye."]
    assert desk.voice.ended


async def test_words_before_a_farewell_come_first() -> None:
    desk = Desk([TextPart("I understand."), LastWords("Have a nice day. "), end_call("Have a nice day.")])
    assert await desk.answer("No, thank you.") == ["I understand.", "Have a nice day."]


async def test_what_is_likely_to_be_said_next_is_rendered_meanwhile() -> None:
    desk = Desk([ToolCall("c1", "offer_slots", '{"preference": null}')])
    await desk.answer("Yes, when?")
    assert desk.voice.prepared and all(text.startswith("You're booked for ") for text in desk.voice.prepared)


async def test_a_model_that_talks_without_end_is_cut() -> None:
    desk = Desk([TextPart(f"Sentence {count}. ") for count in range(100)])
    assert len(await desk.answer("Hello?")) == MAX_SENTENCES


async def test_a_model_that_only_calls_tools_comes_to_an_end() -> None:
    desk = Desk(*[[ToolCall(f"c{count}", "leave_it", "{}")] for count in range(50)])
    await desk.answer("Hello?")
    assert len(desk.tools_run) < 12 and desk.voice.closed == 1

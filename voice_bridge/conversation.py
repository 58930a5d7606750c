"""The conversation so far, as the model is to know it: what the callee said, and what they heard of us.

Entries keep their order; an agent's entry is read through to its sentences, so that an interruption shortens what
the model sees by itself.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

from voice_bridge.fenced import news
from voice_bridge.heard import Sentence

CUT_OFF = " —"
"""Shows the model that its words were cut off here."""
MAX_CALLEE_CHARACTERS = 2000


@dataclass(slots=True)
class CalleeEntry:
    text: str


@dataclass(slots=True, eq=False)
class AgentEntry:
    """Sentences of one step of one utterance. While it is being said, the model sees all of it."""

    sentences: list[Sentence] = field(default_factory=list)
    is_over: bool = False
    text_before: str = ""  # of an earlier stream of the call, read from the journal
    answer_of: "ToolEntry | None" = None  # the tool whose approved answer this speaks

    @property
    def heard(self) -> str:
        said = " ".join(sentence.heard_text for sentence in self.sentences if sentence.heard_text)
        return f"{self.text_before} {said}".strip()

    @property
    def planned(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def was_cut(self) -> bool:
        return self.is_over and any(not sentence.is_heard for sentence in self.sentences)

    def finish(self) -> None:
        """Nothing more of it will be heard. An approved answer that was cut off has not been given."""
        self.is_over = True
        if self.answer_of is not None and self.answer_of.result is not None and self.was_cut:
            self.answer_of.result = {**self.answer_of.result, "spoken": False}

    def for_model(self) -> str:
        if not self.is_over:
            return f"{self.text_before} {self.planned}".strip()
        heard = self.heard
        return heard + CUT_OFF if heard and self.was_cut else heard


@dataclass(slots=True, eq=False)
class ToolEntry:
    id: str
    name: str
    arguments: str
    result: dict[str, Any] | None = None
    position: int = 0

    @property
    def objection_id(self) -> str:
        """The argument of answer_objection; the model may have written anything."""
        try:
            arguments = orjson.loads(self.arguments)
        except orjson.JSONDecodeError:
            return ""
        return str(arguments.get("objection_id", "")) if isinstance(arguments, dict) else ""

    def messages(self) -> list[dict[str, Any]]:
        call = {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}
        result = self.result if self.result is not None else {"status": "in_progress"}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": self.id, "content": orjson.dumps(result).decode()},
        ]


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """A fact from our own side that came in during the call."""

    text: str


Entry = CalleeEntry | AgentEntry | ToolEntry | NoteEntry


class Conversation:
    """All entries, in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def callee(self, text: str) -> None:
        self.entries.append(CalleeEntry(text[:MAX_CALLEE_CHARACTERS]))

    def agent(self, text_before: str = "") -> AgentEntry:
        entry = AgentEntry(text_before=text_before)
        self.entries.append(entry)
        return entry

    def tool(self, call_id: str, name: str, arguments: str) -> ToolEntry:
        entry = ToolEntry(call_id, name, arguments)
        self.entries.append(entry)
        return entry

    def note(self, text: str) -> None:
        self.entries.append(NoteEntry(text))

    def insert_before(self, entry: Entry, new: Entry) -> None:
        """Put `new` before `entry`; at the end if that is not there any more."""
        place = next((index for index, one in enumerate(self.entries) if one is entry), len(self.entries))
        self.entries.insert(place, new)

    def clear(self) -> None:
        """Forget what was said to a screening assistant: it must not reach the talk with the person. Notes stay."""
        self.entries = [entry for entry in self.entries if isinstance(entry, NoteEntry)]

    @property
    def answered_objections(self) -> set[str]:
        """Ids of those whose approved answer was spoken; one that was cut off does not count."""
        done = [entry for entry in self.entries if isinstance(entry, ToolEntry) and entry.name == "answer_objection"]
        return {entry.objection_id for entry in done if entry.result is not None and entry.result.get("spoken")}

    @property
    def last_callee_text(self) -> str:
        """The callee's last words, if nobody answered them."""
        texts: list[str] = []
        for entry in reversed(self.entries):
            if isinstance(entry, NoteEntry):
                continue
            if not isinstance(entry, CalleeEntry):
                break
            texts.append(entry.text)
        return " ".join(reversed(texts))

    def messages(self, system: str, now_note: str, *, expected: str = "") -> list[dict[str, Any]]:
        """Chat messages, `expected` as if the callee had said it already.

        The clock comes last, so that everything before it stays the same and can be cached.
        """
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}]
        for entry in self.entries:
            match entry:
                case CalleeEntry(text):
                    messages.append({"role": "user", "content": text})
                case AgentEntry():
                    if text := entry.for_model():
                        messages.append({"role": "assistant", "content": text})
                case ToolEntry():
                    messages += entry.messages()
                case NoteEntry(text):
                    messages.append({"role": "system", "content": news(text)})
        if expected:
            messages.append({"role": "user", "content": expected[:MAX_CALLEE_CHARACTERS]})
        messages.append({"role": "system", "content": now_note})
        return messages

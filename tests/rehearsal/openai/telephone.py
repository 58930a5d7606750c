"""A conversation on paper: the rule-based model, the bridge's tools, and a person of the rehearsal world."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from rehearsal.openai.brain import think
from rehearsal.openai.conversation import read
from rehearsal.people.characters import Character
from rehearsal.people.minds import Mind
from rehearsal.people.understanding import understand

PROMPT = """You are Ava, an AI assistant calling on behalf of Harbour Energy.
Purpose: We help small firms to lower their electricity bill.
The callee's local date and time is Friday, 20 November 2026, 10:30.
Facts you may state:
- We compare forty tariffs in one short call.
Objections: price: asks what it costs; no_time: has no time for a call; not_interested: is not interested.
"""
OPENING = "Hi, this is Ava, an AI assistant calling for Harbour Energy. This call is recorded. Do you have a minute?"


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """A function tool in the strict form."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} for the call",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        },
    }


TOOLS = [
    tool("offer_slots", preference={"type": ["string", "null"]}),
    tool("book_appointment", slot_token={"type": "string"}, email={"type": ["string", "null"]}),
    tool("schedule_callback", when={"type": "string"}, spoken_request={"type": "string"}),
    tool("do_not_call"),
    tool("answer_objection", objection_id={"type": "string", "enum": ["price", "no_time"]}),
    tool(
        "leave_it",
        reason={"type": "string", "enum": ["not_interested", "wrong_number", "gatekeeper", "not_now"]},
    ),
    tool("end_call", farewell={"type": "string"}),
]
FIRST = {"token": "s1", "spoken": "Tuesday the twenty-fourth of November at two thirty in the afternoon"}
SECOND = {"token": "s2", "spoken": "Wednesday the twenty-fifth of November at ten in the morning"}
THIRD = {"token": "s3", "spoken": "Friday the twenty-seventh of November at nine in the morning"}


@dataclass
class Telephone:
    """Holds one conversation. `answers` overrides what a tool answers; each list is used up from the front."""

    prompt: str = PROMPT
    tools: list[dict[str, Any]] = field(default_factory=lambda: list(TOOLS))
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ended: bool = False

    def __post_init__(self) -> None:
        self.messages = [{"role": "system", "content": self.prompt}, {"role": "assistant", "content": OPENING}]

    def hear(self, text: str) -> str:
        """The callee says `text`; what the agent says until it is the callee's turn again."""
        self.messages.append({"role": "user", "content": text})
        return self.go_on()

    def go_on(self) -> str:
        """Let the model think and run its tools until it only speaks."""
        said: list[str] = []
        for _ in range(6):
            thought = think(read(self.messages, self.tools))
            message: dict[str, Any] = {"role": "assistant", "content": thought.text or None}
            if thought.text:
                said.append(thought.text)
            if not thought.calls:
                self.messages.append(message)
                break
            assert len(thought.calls) == 1
            call = thought.calls[0]
            assert call.name in {one["function"]["name"] for one in self.tools}
            identifier = f"call_{len(self.called)}"
            message["tool_calls"] = [
                {
                    "id": identifier,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
            ]
            self.called.append((call.name, call.arguments))
            self.messages.append(message)
            if call.name == "end_call":
                self.ended = True
                said.append(call.arguments["farewell"])
                break
            answer = self._answer(call.name)
            if call.name == "answer_objection":
                said.append(answer["answer"])
            self.messages.append({"role": "tool", "tool_call_id": identifier, "content": json.dumps(answer)})
        else:
            raise AssertionError(f"the model calls tools without end: {self.called}")
        return " ".join(said).strip()

    def names(self) -> list[str]:
        """The tools called so far."""
        return [name for name, _ in self.called]

    def _answer(self, name: str) -> dict[str, Any]:
        if self.answers.get(name):
            return self.answers[name].pop(0)
        return {
            "offer_slots": {"slots": [FIRST, SECOND]},
            "book_appointment": {"status": "booked", "spoken": f"{FIRST['spoken']} with Dana Reyes"},
            "schedule_callback": {"status": "scheduled", "spoken": "tomorrow at three in the afternoon"},
            "do_not_call": {"status": "done"},
            "answer_objection": {"answer": "That is a fair point, and most of our customers asked it."},
            "leave_it": {"status": "noted"},
        }[name]


@dataclass
class Dialogue:
    """What was said by both and how it ended."""

    telephone: Telephone
    lines: list[tuple[str, str]]
    left: str | None


def converse(character: Character, seed: int = 1, turns: int = 12, telephone: Telephone | None = None) -> Dialogue:
    """Let a person of the rehearsal world talk with the model until one of them ends the call."""
    line = telephone or Telephone()
    mind = Mind(character, Random(seed))
    said = OPENING
    lines = [("agent", said)]
    for _ in range(turns):
        reply = mind.reply(understand(said), said)
        lines.append(("callee", reply.text))
        said = line.hear(reply.text)
        lines.append(("agent", said))
        if reply.leave or line.ended:
            return Dialogue(line, lines, reply.leave)
    return Dialogue(line, lines, None)

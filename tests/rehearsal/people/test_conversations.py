"""People talk with the emulated language model, without sound: each character comes to its own end."""

import json
from random import Random
from typing import Any

import pytest

from rehearsal.openai.brain import think
from rehearsal.openai.conversation import read
from rehearsal.people.characters import Character
from rehearsal.people.machines import party_of
from tests.rehearsal.people.conversation import Talk

PROMPT = (
    "You are Ava, an AI assistant calling for Brightside Energy. You book a short introductory call.\n"
    "The callee's local time is 2026-11-20T10:15:00 (Friday).\n"
    "Objections: price: says that it costs too much; no_time: says to have no time."
)
GREETING = "Hi, this is Ava, an AI assistant calling for Brightside Energy. Do you have a minute?"
SLOTS = [
    {"token": "s1", "spoken": "Tuesday the first of December at two thirty in the afternoon"},
    {"token": "s2", "spoken": "Wednesday the second of December at nine in the morning"},
]


def tool(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": properties}},
    }


TEXT = {"type": "string"}
TOOLS = [
    tool("offer_slots", preference=TEXT),
    tool("book_appointment", slot_token=TEXT, email=TEXT),
    tool("schedule_callback", when=TEXT, spoken_request=TEXT),
    tool("do_not_call"),
    tool("answer_objection", objection_id={"type": "string", "enum": ["price", "no_time"]}),
    tool(
        "leave_it",
        reason={"type": "string", "enum": ["not_interested", "wrong_number", "gatekeeper", "not_now"]},
    ),
    tool("end_call", farewell=TEXT),
]


class Agent:
    """Talks as the model says, with tools that always work; the first booking lacks an e-mail address."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.hung_up = False
        self._messages: list[dict[str, Any]] = [{"role": "system", "content": PROMPT}]

    def converse(self) -> None:
        self._say(GREETING)
        for _ in range(20):
            answer = self.talk.until_quiet(8000)
            if self.talk.gone or self.hung_up:
                return
            self._messages.append({"role": "user", "content": answer})
            self._reply()

    def _reply(self) -> None:
        for _ in range(5):
            thought = think(read(self._messages, TOOLS))
            if thought.text:
                self._say(thought.text)
            if not thought.calls:
                return
            for number, call in enumerate(thought.calls):
                identifier = f"call_{len(self._messages)}_{number}"
                function = {"name": call.name, "arguments": json.dumps(call.arguments)}
                calls = [{"id": identifier, "type": "function", "function": function}]
                self._messages.append({"role": "assistant", "content": None, "tool_calls": calls})
                result = self._use(call.name, call.arguments)
                self._messages.append({"role": "tool", "tool_call_id": identifier, "content": json.dumps(result)})
            if self.hung_up:
                return

    def _use(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.called.append((name, arguments))
        match name:
            case "offer_slots":
                return {"slots": SLOTS}
            case "book_appointment" if not arguments["email"]:
                return {"status": "need_email"}
            case "book_appointment":
                return {"status": "booked", "spoken": "Tuesday with Dana Reyes"}
            case "schedule_callback":
                return {"status": "scheduled", "spoken": "at the time you asked for"}
            case "answer_objection":
                return {"answer": "The call is free of charge."}
            case "end_call":
                self.talk.agent_says(arguments["farewell"])
                self.hung_up = True
        return {"status": "done"}

    def _say(self, text: str) -> None:
        self._messages.append({"role": "assistant", "content": text})
        self.talk.agent_says(text)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("character", "tool_called", "with_arguments"),
    [
        (Character.INTERESTED, "book_appointment", {"email": "alex@example.com"}),
        (Character.OBJECTS, "book_appointment", {"email": "alex@example.com"}),
        (Character.ASKS_ROBOT, "book_appointment", {"email": "alex@example.com"}),
        (Character.INTERRUPTS, "book_appointment", {"email": "alex@example.com"}),
        (Character.CALLBACK_SOON, "schedule_callback", {"when": "2026-11-20T10:15:30"}),
        (Character.CALLBACK_TOMORROW, "schedule_callback", {"when": "2026-11-21T15:00:00"}),
        (Character.NOT_INTERESTED, "leave_it", {"reason": "not_interested"}),
        (Character.WRONG_NUMBER, "leave_it", {"reason": "wrong_number"}),
        (Character.GATEKEEPER, "leave_it", {"reason": "gatekeeper"}),
        (Character.DO_NOT_CALL, "do_not_call", {}),
    ],
)
def test_each_character_comes_to_its_own_end(
    character: Character, tool_called: str, with_arguments: dict[str, Any], seed: int
) -> None:
    talk = Talk(party_of(character, Random(seed)))
    talk.until_quiet()
    agent = Agent(talk)
    agent.converse()
    talk.silence(10_000)
    used = [arguments for name, arguments in agent.called if name == tool_called]
    assert used, agent.called
    assert with_arguments.items() <= used[-1].items()
    assert talk.gone or agent.hung_up
    heard = [note["meaning"] for note in talk.notes("heard")]
    assert ("booked" in heard) == (tool_called == "book_appointment")

"""What a request tells about the conversation so far: who we are, what was offered, booked, answered. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rehearsal.openai.emails import email_in
from rehearsal.openai.slots import Slot
from rehearsal.openai.times import clock_in

Message = dict[str, Any]

_NAME: Final = re.compile(r"\b(?:You are|Your name is|agent(?:'s)? name(?: is|:)?|name:)\s+([A-Z][a-z]+)\b")
_COMPANY: Final = re.compile(
    r"\b(?:call(?:ing)? (?:for|on behalf of|from)|(?:work|assistant|agent) (?:for|of|at)|on behalf of|company(?: is|:))"
    r"\s+((?:[A-Z][\w&'-]*)(?:\s+(?:[A-Z][\w&'-]*|and|of|&))*)"
)
_PURPOSE: Final = re.compile(
    r"(?im)^\W*(?:purpose|reason(?: for the call)?|why (?:we|you) call)\W*(?::[ \t]*|\n+)(?P<text>[^\n]+)"
)
_FACTS_SECTION: Final = re.compile(r"(?im)^[^\n]*\b(?:facts|claims?)\b[^\n]*\n(?P<text>(?:(?!#)[^\n]*\n?)*)")
_FACT_LINE: Final = re.compile(r"(?m)^\s*[-*•]\s+(?P<text>[^\n(][^\n]{9,200})$")
_CLOCK_NOTE: Final = re.compile(r"(?i)\b(?:local|current)\b[^\n]{0,40}\b(?:date|time)\b[^\n]*")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer with the call that it answers. `value` is the decoded JSON object, empty if it was none."""

    name: str
    arguments: dict[str, Any]
    value: dict[str, Any]


@dataclass(slots=True)
class Conversation:
    """One request, read."""

    prompt: str
    tools: dict[str, dict[str, Any]]
    user_texts: list[str] = field(default_factory=list)
    agent_texts: list[str] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)
    replies: int = 0
    """What the agent said after the callee's first words."""
    last_role: str = "system"

    @property
    def latest_user(self) -> str:
        """The callee's latest words."""
        return self.user_texts[-1] if self.user_texts else ""

    @property
    def latest_agent(self) -> str:
        """The agent's latest words."""
        return self.agent_texts[-1] if self.agent_texts else ""

    @property
    def now(self) -> datetime | None:
        """The callee's local time as the prompt states it; the latest statement counts."""
        notes = [moment for note in _CLOCK_NOTE.findall(self.prompt) if (moment := clock_in(note)) is not None]
        return notes[-1] if notes else clock_in(self.prompt)

    @property
    def booked(self) -> bool:
        """An appointment was booked."""
        return any(r.name == "book_appointment" and r.value.get("status") == "booked" for r in self.results)

    @property
    def callback_scheduled(self) -> bool:
        """A callback was scheduled."""
        return any(r.name == "schedule_callback" and r.value.get("status") == "scheduled" for r in self.results)

    @property
    def pending_token(self) -> str | None:
        """The slot that is to be booked as soon as there is an e-mail address."""
        for result in reversed(self.results):
            if result.name == "book_appointment":
                needs = result.value.get("status") == "need_email"
                return str(result.arguments.get("slot_token")) if needs else None
        return None

    @property
    def email(self) -> str | None:
        """The latest address the callee gave."""
        return next((found for text in reversed(self.user_texts) if (found := email_in(text))), None)

    @property
    def slots(self) -> list[Slot]:
        """The times on offer: those of the last result that named some, unless one of them was booked."""
        for result in reversed(self.results):
            if result.name == "book_appointment" and result.value.get("status") in {"booked", "failed"}:
                return []
            offered = slots_of(result.value)
            if offered:
                return offered
            if result.name == "offer_slots":
                return []
        return []

    @property
    def answered(self) -> list[str]:
        """Ids of the objections answered so far; an answer that was cut off counts as none."""
        return [
            str(r.arguments.get("objection_id"))
            for r in self.results
            if r.name == "answer_objection" and r.value.get("spoken") is not False
        ]

    def objections(self) -> dict[str, str]:
        """The script's objections by id with everything the request says of each."""
        tool = self.tools.get("answer_objection")
        if tool is None:
            return {}
        parameter = tool.get("parameters", {}).get("properties", {}).get("objection_id", {})
        ids = [str(one) for one in parameter.get("enum", [])]
        sources = [str(parameter.get("description", "")), str(tool.get("description", "")), self.prompt]
        return {identifier: _said_of(identifier, ids, sources) for identifier in ids}

    def transfer_targets(self) -> list[str]:
        """The people that `transfer_call` connects to; empty without the tool."""
        tool = self.tools.get("transfer_call", {})
        return list(tool.get("parameters", {}).get("properties", {}).get("target_id", {}).get("enum", []))

    def leave_reasons(self) -> list[str]:
        """The reasons that `leave_it` takes; empty without the tool."""
        tool = self.tools.get("leave_it", {})
        return list(tool.get("parameters", {}).get("properties", {}).get("reason", {}).get("enum", []))

    @property
    def agent_name(self) -> str | None:
        """The agent's name, when the prompt tells it."""
        found = _NAME.search(self.prompt)
        return found.group(1) if found and found.group(1).lower() not in {"a", "an", "the", "calling"} else None

    @property
    def company(self) -> str | None:
        """Whom the agent calls for, when the prompt tells it."""
        found = _COMPANY.search(self.prompt)
        return found.group(1).strip() if found else None

    @property
    def purpose(self) -> str | None:
        """Why the agent calls, when the prompt tells it."""
        found = _PURPOSE.search(self.prompt)
        return found.group("text").strip() if found else None

    def facts(self) -> list[str]:
        """The claims that the agent may make: the list under the prompt's heading of facts or claims."""
        sections = [match.group("text") for match in _FACTS_SECTION.finditer(self.prompt)]
        return [match.group("text").strip() for one in sections for match in _FACT_LINE.finditer(one)]


def slots_of(value: dict[str, Any]) -> list[Slot]:
    """The slots in a tool's answer."""
    offered = value.get("slots")
    if not isinstance(offered, list):
        return []
    return [
        Slot(str(one["token"]), str(one["spoken"]))
        for one in offered
        if isinstance(one, dict) and "token" in one and "spoken" in one
    ]


def _said_of(identifier: str, ids: list[str], sources: Sequence[str]) -> str:
    """The text that follows the id in the descriptions, up to the next id or the end of its line or clause."""
    others = "|".join(re.escape(one) for one in ids)
    pattern = re.compile(rf"\b{re.escape(identifier)}\b\W+(.*?)(?=\b(?:{others})\b|[\n;]|$)", re.DOTALL)
    return " ".join(match.group(1) for source in sources for match in pattern.finditer(source))[:400]


def text_of(message: Message) -> str:
    """The text of a message whose content may be a string, a list of parts or nothing."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def read(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> Conversation:
    """Read a request's messages and tools (both already found to be well-formed)."""
    functions = {tool["function"]["name"]: tool["function"] for tool in tools if tool.get("type") == "function"}
    prompt = "\n".join(text_of(one) for one in messages if one.get("role") in {"system", "developer"})
    conversation = Conversation(prompt=prompt, tools=functions)
    calls: dict[str, tuple[str, dict[str, Any]]] = {}
    for message in messages:
        role = str(message["role"])
        if role == "user":
            conversation.user_texts.append(text_of(message))
        elif role == "assistant":
            if text_of(message):
                conversation.agent_texts.append(text_of(message))
                conversation.replies += bool(conversation.user_texts)
            for call in message.get("tool_calls") or []:
                function = call.get("function", {})
                calls[call["id"]] = (str(function.get("name")), _object(function.get("arguments")))
        elif role == "tool":
            name, arguments = calls.get(str(message.get("tool_call_id")), ("", {}))
            conversation.results.append(ToolResult(name, arguments, _object(text_of(message))))
        if role not in {"system", "developer"}:
            conversation.last_role = role
    return conversation


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

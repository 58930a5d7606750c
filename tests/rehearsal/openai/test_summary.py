"""Pins down that a structured answer fits its schema and tells what the transcript tells."""

import json
from typing import Any

import jsonschema
import pytest

from rehearsal.openai.summary import fill

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary", "interest", "objections", "email", "booked", "score", "next_step", "promises", "mood"],
    "properties": {
        "summary": {"type": "string"},
        "interest": {"$ref": "#/$defs/Interest"},
        "objections": {"type": "array", "items": {"type": "string"}},
        "email": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "booked": {"type": "boolean"},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "next_step": {"type": ["string", "null"]},
        "promises": {"type": "array", "items": {"$ref": "#/$defs/Promise"}},
        "mood": {"const": "fine"},
    },
    "$defs": {
        "Interest": {"type": "string", "enum": ["none", "low", "medium", "high"]},
        "Promise": {"type": "object", "properties": {"quote": {"type": "string"}}, "required": ["quote"]},
    },
}
BOOKED = [
    ("agent", "Do you have a minute?"),
    ("callee", "How much does it cost? It sounds expensive."),
    ("agent", "It is free. Shall I look for a time?"),
    ("callee", "Yes, the first one. It's alex at example dot com."),
    ("agent", "You're booked for Tuesday at two."),
    ("callee", "Perfect, thank you. Goodbye."),
]


def _as_json(lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    material = {"transcript": [{"speaker": who, "text": text} for who, text in lines]}
    return [{"role": "system", "content": "Summarise."}, {"role": "user", "content": json.dumps(material)}]


def _as_lines(lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    text = "\n".join(f"{who.title()}: {text}" for who, text in lines)
    return [{"role": "user", "content": "Summarise this call.\n\n" + text}]


def _as_messages(lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    roles = {"agent": "assistant", "callee": "user"}
    return [{"role": roles[who], "content": text} for who, text in lines]


def _filled(schema: dict[str, Any], messages: list[dict[str, Any]]) -> Any:
    return json.loads(fill(schema, messages, [message["content"] for message in messages]))


@pytest.mark.parametrize("form", [_as_json, _as_lines, _as_messages])
def test_a_booking_is_summarised_from_any_form_of_transcript(form: Any) -> None:
    value = _filled(SCHEMA, form(BOOKED))
    jsonschema.validate(value, SCHEMA)
    assert value["booked"] is True
    assert value["interest"] == "high"
    assert value["score"] == 5
    assert value["email"] == "alex@example.com"
    assert value["objections"] == ["How much does it cost? It sounds expensive."]
    assert value["promises"] == []
    assert "booked" in value["summary"]


@pytest.mark.parametrize(
    ("words", "interest"),
    [("No thanks, I'm not interested.", "none"), ("Can you call me back tomorrow?", "medium")],
)
def test_other_ends_are_summarised_too(words: str, interest: str) -> None:
    value = _filled(SCHEMA, _as_json([("agent", "Do you have a minute?"), ("callee", words)]))
    jsonschema.validate(value, SCHEMA)
    assert value["interest"] == interest
    assert value["booked"] is False
    assert value["email"] is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "number", "minimum": 0, "maximum": 1}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}, "minItems": 2}}},
        {"type": "object", "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "null"}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}]}, "b": {"type": "boolean"}}},
        {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}},
    ],
)
def test_any_schema_is_fitted(schema: dict[str, Any]) -> None:
    jsonschema.validate(_filled(schema, _as_json(BOOKED)), schema)

"""Fills a JSON schema with plausible values out of a call's transcript: the model's structured answers. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.openai import objections
from rehearsal.openai.emails import email_in
from rehearsal.openai.intents import Intent, has, normalise, understand, vocabulary

_SPEAKER_LINE: Final = re.compile(
    r"(?im)^\W*(?:\[[^\]]*\]\W*)?(?P<who>agent|assistant|ai|callee|lead|user|customer|person|caller|human|prospect)"
    r"\W{0,3}\s*[:>-]\s*(?P<text>.+)$"
)
_AGENT_NAMES: Final = frozenset({"agent", "assistant", "ai"})
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class _Story:
    """What happened in the call, as far as the words tell."""

    callee: tuple[str, ...]
    agent: tuple[str, ...]
    approved: tuple[str, ...] = ()

    def _callee_is(self, *intents: Intent) -> bool:
        return any(has(text, intent) for text in self.callee for intent in intents)

    def _agent_says(self, pattern: str) -> bool:
        return any(re.search(pattern, normalise(text)) for text in self.agent)

    @property
    def outcome(self) -> str:
        if self._agent_says(r"\byou('re| are) (now )?booked\b|\bbooked for\b"):
            return "booked"
        if self._callee_is(Intent.OPT_OUT):
            return "do_not_call"
        if self._callee_is(Intent.WRONG_NUMBER):
            return "wrong_number"
        if self._callee_is(Intent.VOICEMAIL):
            return "voicemail"
        if self._callee_is(Intent.CALLBACK):
            return "callback"
        if self._callee_is(Intent.GATEKEEPER):
            return "gatekeeper"
        if self._callee_is(Intent.NOT_INTERESTED):
            return "not_interested"
        if self._callee_is(Intent.YES, Intent.ASKS_TIMES):
            return "interested"
        return "no_conversation" if not self.callee else "unclear"

    @property
    def objections(self) -> list[str]:
        return [text for text in self.callee if objections.makes_one(text)]

    @property
    def promises(self) -> list[str]:
        """Sentences of the agent that bind it, and share too few words with every approved claim that was named."""
        if not self.approved:
            return []
        sentences = [one.strip() for text in self.agent for one in re.findall(r"[^.!?]+[.!?]*", text)]
        return [
            one
            for one in sentences
            if _BINDING.search(normalise(one)) and not any(_covers(claim, one) for claim in self.approved)
        ]

    @property
    def sentence(self) -> str:
        text = _SENTENCES[self.outcome]
        if self.objections:
            text += " They raised a concern before that."
        return text


_BINDING: Final = re.compile(
    r"\b(?:promise|guarantee\w*|discount|refund|warranty|free|percent|money back|no risk|no obligation"
    r"|better than|cheap(?:er|est))\b"
)


def _covers(claim: str, sentence: str) -> bool:
    words = set(vocabulary(sentence))
    return len(words & set(vocabulary(claim))) >= 0.5 * len(words)


_SENTENCES: Final = {
    "booked": "The callee was interested and booked an appointment.",
    "do_not_call": "The callee asked not to be called again.",
    "wrong_number": "The number belongs to somebody else.",
    "voicemail": "The call reached a voicemail.",
    "callback": "The callee asked to be called back at another time.",
    "gatekeeper": "Somebody else answered for the callee.",
    "not_interested": "The callee was not interested.",
    "interested": "The callee showed interest, and nothing was booked yet.",
    "no_conversation": "Nobody said anything in this call.",
    "unclear": "The call ended without a clear result.",
}
_SYNONYMS: Final = {
    "booked": "booked appointment meeting scheduled success converted positive hot won qualified interested yes high",
    "do_not_call": "do_not_call dnc opt opted out unsubscribe removed not_interested negative lost no cold none",
    "wrong_number": "wrong number wrong_number invalid bad neutral no cold none",
    "voicemail": "voicemail machine no_answer unreachable neutral none cold",
    "callback": "callback call_back later follow follow_up rescheduled neutral warm medium maybe",
    "gatekeeper": "gatekeeper third neutral no_decision cold low",
    "not_interested": "not_interested rejected declined negative lost no cold none low",
    "interested": "interested follow_up warm positive yes high qualified maybe",
    "no_conversation": "no_conversation no_answer hung_up dropped silence neutral none cold",
    "unclear": "unclear unknown other neutral none inconclusive low",
}
_TEMPERATURE: Final = {"booked": 1.0, "interested": 0.8, "callback": 0.6, "gatekeeper": 0.4, "unclear": 0.4}


def _story(messages: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> _Story:
    """The transcript stands in one message's lines ("Agent: ..."), or is the messages themselves."""
    callee: list[str] = []
    agent: list[str] = []
    for text in texts:
        for who, said in _spoken_lines(_decoded(text)):
            (agent if who in _AGENT_NAMES else callee).append(said)
    if callee or agent:
        approved = tuple(claim for text in texts for claim in _approved(_decoded(text)))
        return _Story(tuple(callee), tuple(agent), approved)
    for match in _SPEAKER_LINE.finditer("\n".join(texts)):
        (agent if match["who"].lower() in _AGENT_NAMES else callee).append(match["text"].strip())
    if not callee and not agent:
        for message, text in zip(messages, texts, strict=True):
            if message.get("role") == "assistant":
                agent.append(text)
            elif message.get("role") == "user":
                callee.append(text)
    return _Story(tuple(callee), tuple(agent))


def _approved(value: Any) -> list[str]:
    """The claims that the request allows."""
    claims = value.get("approved_claims", []) if isinstance(value, dict) else []
    return [str(claim) for claim in claims] if isinstance(claims, list) else []


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _spoken_lines(value: Any) -> list[tuple[str, str]]:
    """Speaker and words of every transcript line anywhere in a JSON value."""
    if isinstance(value, list):
        return [line for one in value for line in _spoken_lines(one)]
    if not isinstance(value, dict):
        return []
    who = next((value[key] for key in ("speaker", "role", "who", "from") if isinstance(value.get(key), str)), None)
    said = next((value[key] for key in ("text", "content", "words") if isinstance(value.get(key), str)), None)
    if who is not None and said is not None:
        return [(who.lower(), said)]
    return [line for one in value.values() for line in _spoken_lines(one)]


def fill(schema: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> str:
    """JSON text that fits the schema; `texts` are the texts of `messages`, one each."""
    story = _story(messages, texts)
    return json.dumps(_value(schema, "", story, schema, 0))


def _value(schema: Mapping[str, Any], name: str, story: _Story, root: Mapping[str, Any], depth: int) -> Any:
    schema = _resolved(schema, root)
    for combiner in ("anyOf", "oneOf"):
        if combiner in schema:
            return _one_of(schema[combiner], name, story, root, depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _choice(schema["enum"], name, story)
    kind = schema.get("type")
    if isinstance(kind, list):
        options = [dict(schema) | {"type": one} for one in kind]
        return _one_of(options, name, story, root, depth)
    match kind:
        case "object":
            properties = schema.get("properties", {})
            if depth >= _DEPTH:
                return {}
            return {key: _value(one, key, story, root, depth + 1) for key, one in properties.items()}
        case "array":
            return _list(schema, name, story, root, depth)
        case "boolean":
            return _truth(name, story)
        case "integer" | "number":
            return _amount(schema, name, story)
        case "null":
            return None
    return _text(schema, name, story) or ""


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = root
        for part in str(schema["$ref"]).lstrip("#/").split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        schema = found
    if len(schema.get("allOf", [])) == 1:
        return _resolved(schema["allOf"][0], root)
    return schema


def _one_of(options: Sequence[Any], name: str, story: _Story, root: Mapping[str, Any], depth: int) -> Any:
    """Null where it is allowed and nothing was heard of it, else the first other kind."""
    others = [one for one in options if _resolved(one, root).get("type") != "null"]
    if not others:
        return None
    if len(others) < len(options):
        first = _resolved(others[0], root)
        if first.get("type", "string") == "string" and "enum" not in first and _text(first, name, story) is None:
            return None
        if first.get("type") in {"object", "array"} and depth > 1:
            return None
    return _value(others[0], name, story, root, depth)


def _choice(options: Sequence[Any], name: str, story: _Story) -> Any:
    wanted = _SYNONYMS[story.outcome].split()
    if story.outcome in options:
        return story.outcome

    def rank(option: Any) -> tuple[int, int]:
        words = re.split(r"[^a-z]+", str(option).lower())
        places = [wanted.index(word) for word in (str(option).lower(), *words) if word in wanted]
        return (0, min(places)) if places else (1, options.index(option))

    return min(options, key=rank)


def _list(schema: Mapping[str, Any], name: str, story: _Story, root: Mapping[str, Any], depth: int) -> list[Any]:
    items = _resolved(schema.get("items", {}), root)
    least = int(schema.get("minItems", 0))
    if items.get("type") == "object" and re.search(r"promise|commitment|violation", name):
        return [_about_promise(items, quote) for quote in story.promises]
    if items.get("type") == "string" and "enum" not in items:
        heard = story.objections if re.search(r"objection|concern|question", name) else []
        if re.search(r"next|action|todo|follow|step", name):
            heard = ["Follow up as agreed in the call."]
        heard = heard[: int(schema.get("maxItems", 5))]
        return heard + ["None"] * max(0, least - len(heard))
    return [_value(items, name, story, root, depth + 1) for _ in range(least)]


def _about_promise(schema: Mapping[str, Any], quote: str) -> dict[str, str]:
    wanted = schema.get("properties", {})
    return {key: quote if re.search(r"quote|words|said", key) else "No approved claim covers this." for key in wanted}


def _truth(name: str, story: _Story) -> bool:
    outcome = story.outcome
    words = name.lower()
    if re.search(r"opt|do_not|dnc|unsubscribe", words):
        return outcome == "do_not_call"
    if re.search(r"book|appointment|meeting|scheduled", words):
        return outcome == "booked"
    if re.search(r"call_?back|follow", words):
        return outcome == "callback"
    if "wrong" in words:
        return outcome == "wrong_number"
    if re.search(r"voicemail|machine", words):
        return outcome == "voicemail"
    if re.search(r"interest|qualified|success|reached", words):
        return outcome in {"booked", "interested", "callback"}
    if re.search(r"objection|concern", words):
        return bool(story.objections)
    return False


def _amount(schema: Mapping[str, Any], name: str, story: _Story) -> float | int:
    low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
    high = float(schema.get("maximum", schema.get("exclusiveMaximum", max(low + 10, 10))))
    share = _TEMPERATURE.get(story.outcome, 0.1)
    if not re.search(r"score|interest|rating|confidence|likelihood|probability|sentiment|level", name.lower()):
        share = 0.0
    value = low + (high - low) * share
    return round(value) if schema.get("type") == "integer" else round(value, 3)


def _text(schema: Mapping[str, Any], name: str, story: _Story) -> str | None:
    words = name.lower()
    if "email" in words or "e_mail" in words:
        return next((found for text in reversed(story.callee) if (found := email_in(text))), None)
    if re.search(r"summary|notes?$|description|overview|recap|^$|reason|result", words):
        return story.sentence[: int(schema.get("maxLength", 10_000))]
    if re.search(r"objection|concern", words):
        return "; ".join(story.objections) or None
    if re.search(r"next|action|follow", words):
        return "Follow up as agreed in the call."
    if re.search(r"callback|call_back|when|time|date", words):
        asked = [text for text in story.callee if understand(text) is Intent.CALLBACK]
        plain = "format" not in schema and "pattern" not in schema
        return asked[-1] if asked and plain and "callback" in words else None
    if re.search(r"quote|words|said", words):
        return story.callee[-1] if story.callee else None
    return None

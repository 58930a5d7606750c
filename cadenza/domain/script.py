"""A sales script: what the agent is, says first, may claim, and answers to objections."""

import re
from collections.abc import Mapping
from string import Formatter
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cadenza.domain.line import Line

_OWN_FIELDS = frozenset({Line.DISCLOSURE, Line.OPENING, Line.SCREENING_REPLY, Line.FAREWELL})
PLACEHOLDERS = frozenset({"first_name", "company", "agent_name", "agent_company", "callback_number"})
"""What a script's texts may hold in braces; and `{custom.NAME|words}`: a lead's custom field, or the words for leads
without it."""

_CUSTOM = re.compile(r"\{custom\.(\w{1,60})\|([^{}|]*)\}")
_OPENER = re.compile(r"[\w ,'\u2019-]{1,60}[.!?]")
_SPEAKABLE = re.compile(r"[\w .,'\u2019&%$€£/()+:-]{1,80}")

DEFAULT_VOICEMAIL = (
    "Hello, this is {agent_name}, an AI assistant calling for {agent_company}. I was calling about a short "
    "introduction and will not take your time now. If it suits you, ring us back at {callback_number}. "
    "Again, {callback_number}. If you would rather not hear from us, tell us and we will not call again. Goodbye."
)


DEFAULT_OPENERS = (
    "Great.", "Perfect.", "Sure.", "Of course.", "No problem.", "I see.", "I understand.", "Good question.",
    "Thank you.", "Have a great day.", "Goodbye.",
)  # fmt: skip


class Objection(BaseModel):
    """An objection and its approved answer, spoken as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    heard: Annotated[str, Field(description="What the callee says, in a few words: the model matches on it")]
    phrases: Annotated[
        tuple[str, ...],
        Field(description="How people say it. A turn that says this and little else gets the answer at once, no model"),
    ] = ()
    answer: str


class Script(BaseModel):
    """All texts and facts of a campaign. Texts may hold `{first_name}` and the other placeholders, and custom fields of
    the leads as `{custom.plan|your plan}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent_name: str = "Ava"
    agent_company: str
    purpose: Annotated[str, Field(description="One sentence: why we call")]
    disclosure: Annotated[
        str, Field(description="First words, fixed: who calls, that it is an AI, that the call is recorded")
    ] = "Hi, this is {agent_name}, an AI assistant calling for {agent_company}. This call is recorded."
    opening: Annotated[str, Field(description="The first question, right after the disclosure")]
    goal: str = "Book a short introductory call with one of our specialists."
    facts: tuple[str, ...] = Field((), description="The only claims the agent may make")
    objections: tuple[Objection, ...] = ()
    voicemail: str = DEFAULT_VOICEMAIL
    farewell: str = "Thank you for your time. Goodbye."
    screening_reply: str = (
        "This is {agent_name}, an AI assistant calling for {agent_company}, about a short introductory call."
    )
    lines: Mapping[Line, str] = Field(
        default_factory=dict,
        description="Own words for what the agent says without the model (`reprompt`, `checking`, ...); a script in "
        "another language than English needs them",
    )
    openers: Annotated[tuple[str, ...], Field(max_length=30)] = Field(
        DEFAULT_OPENERS,
        description="Short sentences to begin a reply with: rendered before the campaign starts, so that they sound at "
        "once. A script in another language than English names its own",
    )
    callback_number: str = Field("", description="Number said in the voicemail; empty: the caller ID")

    @field_validator("disclosure")
    @classmethod
    def _says_that_it_is_an_ai(cls, value: str) -> str:
        if not re.search(r"\bA\.?I\.?\b|artificial|virtual assistant|automated", value):
            raise ValueError("must say that the caller is an AI (for example 'an AI assistant'): the law asks for it")
        return value

    @field_validator("lines")
    @classmethod
    def _no_line_twice(cls, value: Mapping[Line, str]) -> Mapping[Line, str]:
        for line in value:
            if line in _OWN_FIELDS:
                raise ValueError(f"{line.value} has a field of its own: set script.{line.value}")
        return value

    @field_validator("openers")
    @classmethod
    def _are_short_sentences(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for opener in value:
            if not _OPENER.fullmatch(opener):
                raise ValueError(f"{opener[:60]!r} is no short sentence: use up to 60 letters, and . ! or ? at the end")
        return value

    @model_validator(mode="after")
    def _known_placeholders(self) -> "Script":
        fields = ("disclosure", "opening", "voicemail", "farewell", "screening_reply")
        own = {f"lines.{line.value}": text for line, text in self.lines.items()}
        for name, written in {**{name: getattr(self, name) for name in fields}, **own}.items():
            text = _CUSTOM.sub("", written)
            for field in {field for _, field, _, _ in Formatter().parse(text) if field is not None}:
                if field.startswith("custom."):
                    raise ValueError(f"{name}: {{{field}}} needs words for leads without it: {{{field}|your plan}}")
                if field not in PLACEHOLDERS:
                    known = ", ".join(sorted(PLACEHOLDERS))
                    raise ValueError(f"{name}: {{{field}}} is not known; use one of {known}")
        ids = [objection.id for objection in self.objections]
        if len(set(ids)) != len(ids):
            raise ValueError("objections: two have the same id")
        return self

    @property
    def announces_recording(self) -> bool:
        """Whether the first words say so, as far as that can be told: the word is looked for in English."""
        return bool(re.search(r"\brecord", self.disclosure, re.IGNORECASE))

    @property
    def custom_fields(self) -> frozenset[str]:
        """Names of the custom fields that its texts speak."""
        texts = [self.disclosure, self.opening, self.voicemail, self.farewell, self.screening_reply]
        texts += [*self.lines.values(), *(objection.answer for objection in self.objections)]
        return frozenset(name for text in texts for name, _ in _CUSTOM.findall(text))

    def say(
        self,
        text: str,
        *,
        first_name: str = "",
        company: str = "",
        caller_id: str = "",
        custom: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """A text with its placeholders filled. What is missing leaves no gap behind."""
        number = self.callback_number or caller_id
        with_fields = _CUSTOM.sub(lambda field: speakable(custom.get(field[1])) or field[2], text)
        filled = with_fields.format(
            first_name=first_name or "there", company=company or "your company", agent_name=self.agent_name,
            agent_company=self.agent_company, callback_number=spoken_number(number),
        )  # fmt: skip
        return re.sub(r"\s+", " ", filled).strip()

    def greeting(self, first_name: str = "", company: str = "") -> tuple[str, str]:
        """The disclosure and the opening, as two sentences groups to render and to mark apart."""
        return (
            self.say(self.disclosure, first_name=first_name, company=company),
            self.say(self.opening, first_name=first_name, company=company),
        )


def speakable(value: Any) -> str:
    """A custom field's value as it may be spoken: one short line of plain words, or nothing. It came from a file."""
    text = re.sub(r"\s+", " ", str(value)).strip() if isinstance(value, str | int | float) else ""
    return text if _SPEAKABLE.fullmatch(text) else ""


def spoken_number(e164: str) -> str:
    """`+12125550123` as digit groups that a voice reads well: `2 1 2, 5 5 5, 0 1 2 3`."""
    digits = re.sub(r"\D", "", e164)
    if len(digits) == 11 and digits.startswith("1"):
        groups = [digits[1:4], digits[4:7], digits[7:]]
    else:
        groups = [digits[max(0, end - 3) : end] for end in range(len(digits), 0, -3)][::-1]
    return ", ".join(" ".join(group) for group in groups)

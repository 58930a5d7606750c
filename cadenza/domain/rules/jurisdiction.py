"""What the rules of one jurisdiction are made of. Every rule carries how sure it is and where it is from."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cadenza.domain.calling_hours import DAYS
from cadenza.domain.consent import ConsentGrade, LineType
from cadenza.domain.open_times import WHOLE_DAY, Span, to_span
from cadenza.domain.phone_zones import country_zones
from cadenza.domain.places import has_states, state_code

UNIONS = frozenset({"EU"})


def real_jurisdiction(written: str) -> str:
    """The id as it is. Raises ValueError if there is no such country or state."""
    country, _, state = written.partition("-")
    if country not in UNIONS and not country_zones(country):
        raise ValueError(f"there is no country {country}")
    if state and has_states(country) and state_code(country, state) != state:
        raise ValueError(f"there is no state {state} in {country}")
    return written


JurisdictionId = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), AfterValidator(real_jurisdiction)
]
"""`AU`, `US-FL`: a country (ISO 3166), or one of its states; `EU` for the Union."""


class Grade(StrEnum):
    """How sure a rule is. All but the operator's are from research, and none is legal advice."""

    PRIMARY = "P"  # the text of the law was read
    SECONDARY = "S"  # somebody's account of it was read
    MEMORY = "M"  # not confirmed: ask counsel before you rely on it
    RECOMMENDED = "R"  # no law is known to ask for it
    OPERATOR = "O"  # the operator's own


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GradedRule(_Part):
    """What every rule has: how sure it is, where it is from, and what else there is to know."""

    grade: Grade
    source: Annotated[str, StringConstraints(min_length=1)]
    note: str = ""

    @property
    def words(self) -> str:
        """What the rule asks for, for people."""
        raise NotImplementedError


Weekday = Annotated[str, StringConstraints(pattern=f"^({'|'.join(DAYS)})$")]
_SHORT = {"daily": DAYS, "weekdays": DAYS[:5], "weekend": DAYS[5:]}


def _days(written: Any) -> Any:
    return _SHORT.get(written, written) if isinstance(written, str) else written


class HoursRule(GradedRule):
    """When calls are allowed on some days, local time; without `opens` and `closes`, not at all."""

    days: Annotated[tuple[Weekday, ...], BeforeValidator(_days), Field(min_length=1)]
    opens: time | None = None
    closes: Annotated[time | None, Field(description="Excluded; 00:00 means midnight at the end of the day")] = None

    @field_validator("opens", "closes")
    @classmethod
    def _whole_minutes(cls, at: time | None) -> time | None:
        if at is not None and (at.second or at.microsecond or at.tzinfo):
            raise ValueError("write a local time in whole minutes, such as 08:00")
        return at

    @model_validator(mode="after")
    def _opens_first(self) -> "HoursRule":
        if (self.opens is None) != (self.closes is None):
            raise ValueError("give both `opens` and `closes`, or neither for a closed day")
        if self.opens is not None and self.closes is not None and time(0) != self.closes <= self.opens:
            raise ValueError("`closes` must be later than `opens`; write 00:00 for midnight")
        return self

    @property
    def span(self) -> Span | None:
        return None if self.opens is None or self.closes is None else to_span(self.opens, self.closes)

    @property
    def words(self) -> str:
        every_day = set(self.days) == set(DAYS)
        days = "every day" if every_day else f"on {', '.join(map(str.capitalize, self.days))}"
        if self.opens is None or self.closes is None:
            return f"no calls {days}"
        return f"calls {self.opens:%H:%M} to {self.closes:%H:%M} {days}"


class HolidayCalendar(StrEnum):
    """Which public holidays count."""

    NATIONAL = "national"
    STATE = "state"  # the nation's and the state's; where the state is not known, those of every state


class HolidayRule(GradedRule):
    """Whether public holidays are barred."""

    barred: bool
    calendar: HolidayCalendar = HolidayCalendar.STATE

    @property
    def words(self) -> str:
        if not self.barred:
            return "calls on public holidays are allowed"
        return f"no calls on public holidays ({'national' if self.calendar == 'national' else 'national and state'})"


class AttemptCap(GradedRule):
    """So many calls to one number within any stretch of so many hours, over all campaigns and caller IDs."""

    calls: Annotated[int, Field(ge=1)]
    within_hours: Annotated[int, Field(ge=1, le=8784)]

    @property
    def words(self) -> str:
        return f"at most {self.calls} call{'s' * (self.calls > 1)} to a number in {self.within_hours} hours"


class GapAfter(StrEnum):
    ANY_CALL = "any_call"
    ABANDONED_CALL = "abandoned_call"  # answered by a person, and nobody spoke


class MinimumGap(GradedRule):
    """Hours that must pass after a call before the number is called again."""

    hours: Annotated[int, Field(ge=1, le=8784)]
    after: GapAfter = GapAfter.ANY_CALL

    @property
    def words(self) -> str:
        return f"{self.hours} hours after {'a call' if self.after is GapAfter.ANY_CALL else 'an abandoned call'}"


class ConsentRule(GradedRule):
    """The consent that an artificial voice needs, by kind of line."""

    needs: ConsentGrade
    lines: Annotated[tuple[LineType, ...], Field(min_length=1)] = tuple(LineType)

    @property
    def words(self) -> str:
        lines = "" if set(self.lines) == set(LineType) else f" for {', '.join(self.lines)} lines"
        return f"a consent of grade {self.needs.value}{lines}"


class DoNotCallRule(GradedRule):
    """A register that numbers are held against. The copy that is used may not be older than this."""

    register_name: str
    max_age_days: Annotated[int, Field(ge=1, le=366)]

    @property
    def words(self) -> str:
        return f"numbers on the {self.register_name} are not called; a copy not older than {self.max_age_days} days"


class Disclosure(StrEnum):
    """What has to be said in the call."""

    AI_AT_START = "ai_at_start"
    AI_WHEN_ASKED = "ai_when_asked"
    LIVE_VOICE_FIRST = "live_voice_first"  # a person announces the artificial voice
    IDENTITY = "identity"
    PURPOSE = "purpose"
    CALLBACK_NUMBER = "callback_number"
    OPT_OUT = "opt_out"  # offered by the call itself
    END_ON_REQUEST = "end_on_request"


class DisclosureRule(GradedRule):
    says: Disclosure
    within_seconds: Annotated[int | None, Field(ge=1)] = None

    @property
    def words(self) -> str:
        within = f" within {self.within_seconds} seconds" if self.within_seconds else ""
        return f"in the call: {self.says.value.replace('_', ' ')}{within}"


class RecordingConsent(StrEnum):
    """What recording a call needs. The second includes the first."""

    ANNOUNCED = "announced"
    ALL_PARTIES = "all_parties"  # who objects is not recorded


class RecordingRule(GradedRule):
    needs: RecordingConsent

    @property
    def words(self) -> str:
        every_party = self.needs is RecordingConsent.ALL_PARTIES
        return "recording needs every party's consent" if every_party else "recording is announced"


class LegalNote(GradedRule):
    """What no decision is made of, but a person must know. `review`: ask counsel before calling there."""

    text: Annotated[str, StringConstraints(min_length=1)]
    review: bool = False

    @property
    def words(self) -> str:
        return self.text


class Jurisdiction(_Part):
    """The rules of a country, a union of countries (`covers`) or a state. A state's add to those of its country."""

    id: JurisdictionId
    name: Annotated[str, StringConstraints(min_length=1)]
    covers: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()
    hours: tuple[HoursRule, ...] = Field((), validate_default=True)
    holidays: HolidayRule | None = None
    attempt_caps: tuple[AttemptCap, ...] = ()
    minimum_gaps: tuple[MinimumGap, ...] = ()
    consent: tuple[ConsentRule, ...] = ()
    do_not_call: DoNotCallRule | None = None
    disclosures: tuple[DisclosureRule, ...] = ()
    recording: RecordingRule | None = None
    notes: tuple[LegalNote, ...] = ()

    @property
    def country(self) -> str:
        return self.id[:2]

    @property
    def state(self) -> str:
        return self.id[3:]

    @field_validator("hours")
    @classmethod
    def _each_day_once(cls, hours: tuple[HoursRule, ...], info: ValidationInfo) -> tuple[HoursRule, ...]:
        days = [day for rule in hours for day in rule.days]
        if twice := [day for day in DAYS if days.count(day) > 1]:
            raise ValueError(f"a day may stand in one rule only; twice: {', '.join(twice)}")
        is_state = "-" in info.data.get("id", "-")
        if not is_state and (missing := [day for day in DAYS if day not in days]):
            raise ValueError(f"a country needs a rule for every day; missing: {', '.join(missing)}")
        return hours

    def span(self, weekday: int) -> Span | None:
        """When this jurisdiction allows calls on a weekday (Monday is 0); None: not at all."""
        rule = next((rule for rule in self.hours if DAYS[weekday] in rule.days), None)
        return WHOLE_DAY if rule is None else rule.span

    @property
    def named_rules(self) -> tuple[tuple[str, GradedRule], ...]:
        """Every rule of this jurisdiction, with the name of the field that holds it."""
        names = ("hours", "attempt_caps", "minimum_gaps", "consent", "disclosures", "notes")
        single = ((name, getattr(self, name)) for name in ("holidays", "do_not_call", "recording"))
        return (
            *((name, rule) for name in names for rule in getattr(self, name)),
            *((name, rule) for name, rule in single if rule is not None),
        )

    @property
    def rules(self) -> tuple[GradedRule, ...]:
        """Every rule of this jurisdiction."""
        return tuple(rule for _name, rule in self.named_rules)


class BlackoutDay(_Part):
    """A day without calls in some places: a proclaimed holiday, mourning, a disaster, or the operator's wish."""

    day: date
    places: Annotated[tuple[JurisdictionId, ...], Field(description="Empty: everywhere")] = ()
    reason: Annotated[str, StringConstraints(min_length=1)]

"""What the gate is asked and what it answers: data only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cadenza.domain.consent import Consent, LineType
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.place import Place
from cadenza.domain.policy import CampaignPolicy


class Rule(StrEnum):
    """Stable ids of the reasons not to ring."""

    NUMBER_NOT_CALLABLE = "number_not_callable"
    SUPPRESSED = "suppressed"
    CAMPAIGN_CANCELLED = "campaign_cancelled"
    LEAD_CLOSED = "lead_closed"
    ON_DO_NOT_CALL = "on_do_not_call"
    DO_NOT_CALL_LIST_STALE = "do_not_call_list_stale"
    NO_CONSENT = "no_consent"
    NUMBER_REASSIGNED = "number_reassigned"
    OUTSIDE_LEGAL_HOURS = "outside_legal_hours"
    PUBLIC_HOLIDAY = "public_holiday"
    HOLIDAYS_UNKNOWN = "holidays_unknown"
    BLACKOUT_DAY = "blackout_day"
    OUTSIDE_HOURS = "outside_hours"  # the campaign's own
    NEVER_OPEN = "never_open"
    ATTEMPT_CAP = "attempt_cap"  # the law's
    MINIMUM_GAP = "minimum_gap"
    DAILY_CAP = "daily_cap"  # the campaign's own
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    ACCOUNT_HELD = "account_held"
    # Not asked of the gate, but of the attempt
    LEASE_LAPSED = "lease_lapsed"
    NOT_RESERVED = "not_reserved"
    OTHER_CALL = "other_call"


class RegisterFacts(BaseModel):
    """What the do-not-call registers and the list of reassigned numbers say of one number."""

    model_config = ConfigDict(frozen=True)

    registers: Mapping[str, AwareDatetime] = Field(
        {}, description="By jurisdiction: the date of the copy of its do-not-call register that was checked"
    )
    listed_on: frozenset[str] = Field(frozenset(), description="Jurisdictions whose register holds the number")
    reassigned_on: date | None = Field(None, description="When the number is known to have gone to somebody else")


class GateFacts(BaseModel):
    """What the gate must know of a lead, its number and its campaign."""

    model_config = ConfigDict(frozen=True)

    campaign_state: CampaignState
    policy: CampaignPolicy
    places: tuple[Place, ...] = Field(description="Every place the called party may be in; none: never called")
    suppressed: bool
    closed: bool = False
    line: LineType | None = Field(LineType.UNKNOWN, description="None: not an ordinary line; never called")
    recent_calls: Sequence[AwareDatetime] = Field(
        (), description="Starts of calls to the number, over all campaigns, as far back as `Gate.history_needed`"
    )
    abandoned_calls: Sequence[AwareDatetime] = Field((), description="Those that a person answered and nobody spoke in")
    consent: Consent | None = None
    registers: Mapping[str, AwareDatetime] = Field(
        {}, description="By jurisdiction: the date of the copy of its do-not-call register that was checked"
    )
    listed_on: frozenset[str] = Field(frozenset(), description="Jurisdictions whose register holds the number")
    reassigned_on: date | None = Field(None, description="When the number is known to have gone to somebody else")
    held: str = Field("", description="Why the account calls nobody at the moment: its circuit breaker, or a person")

    @property
    def zone(self) -> str:
        """The first of the zones that the callee may be in; UTC if none is known."""
        return next((zone for place in self.places for zone in place.zones), "UTC")

    def without_switches(self) -> "GateFacts":
        """As if the campaign ran and the account could call: a pause moves no plan, and stops no call that rings."""
        if self.campaign_state is CampaignState.CANCELLED:
            return self
        return self.model_copy(update={"campaign_state": CampaignState.RUNNING, "held": ""})


class GateDecision(BaseModel):
    """`rule` is None when the call may be made.

    `next_at` is the first instant at which the answer would be yes if nothing but time changes; None if there is none.
    Then, if `is_final`, the lead can be closed; otherwise a person has to act first (resume, load a list).
    `jurisdiction`, `grade` and `source` are those of the rule, where it is the law's. `rules_version` names the book.
    """

    model_config = ConfigDict(frozen=True)

    rule: Rule | None = None
    reason: str = ""
    next_at: datetime | None = None
    is_final: bool = False
    jurisdiction: str = ""
    grade: str = ""
    source: str = ""
    rules_version: str = ""

    @property
    def allowed(self) -> bool:
        return self.rule is None


FOR_A_PERSON = frozenset({Rule.NO_CONSENT, Rule.DO_NOT_CALL_LIST_STALE})
"""What time does not mend, and a person can: by a consent, by a new copy of a register. Such a lead is held."""

SWITCHES = frozenset({Rule.CAMPAIGN_NOT_RUNNING, Rule.ACCOUNT_HELD})
"""What somebody, or a breaker, switches off and on again: it moves no plan."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says: `demands` is what it asks for, `reason` why it refuses, `until` from when it would not."""

    rule: Rule
    passed: bool
    demands: str
    reason: str = ""
    until: datetime | None = None
    jurisdiction: str = ""
    grade: str = ""
    source: str = ""

"""The rule book: every jurisdiction's rules, with the operator's changes laid over them, under one version."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import BlackoutDay, Grade, Jurisdiction, JurisdictionId

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
_Model = TypeVar("_Model", bound=BaseModel)


class RuleProblem(BaseModel):
    """One thing that is wrong with a rule table. `field` is the path to it: `jurisdictions.US-FL.hours[0].opens`."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str
    fix: str


class RulesRefused(Exception):
    """The rules cannot be used. `problems` names each field."""

    def __init__(self, problems: tuple[RuleProblem, ...]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = problems


class RuleTable(BaseModel):
    """The form of the data: rows by jurisdiction, and days without calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version
    about: tuple[str, ...] = ()
    jurisdictions: dict[JurisdictionId, Jurisdiction] = {}
    blackout_days: tuple[BlackoutDay, ...] = ()

    @field_validator("jurisdictions")
    @classmethod
    def _states_have_countries(cls, rows: dict[str, Jurisdiction]) -> dict[str, Jurisdiction]:
        if alone := next((row for row in rows.values() if row.state and row.country not in rows), None):
            raise ValueError(f"{alone.id} has no row for its country {alone.country}")
        return rows


class RuleOverlay(BaseModel):
    """The operator's changes. A row that exists is changed field by field (null takes a field away), another is added.
    A rule without grade and source gets the operator's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version
    jurisdictions: dict[JurisdictionId, Annotated[dict[str, Any], Field(description="Fields of a Jurisdiction")]] = {}
    blackout_days: tuple[BlackoutDay, ...] = ()


class RuleBook:
    """Rules that were checked, and which of them hold where. Equal versions mean equal rules: the version ends with a
    digest of all rows."""

    def __init__(self, version: str, jurisdictions: Mapping[str, Any], blackout_days: Any = ()) -> None:
        """Takes rows as data, as in a JSON file. Raises RulesRefused."""
        rows = {
            key: {"id": key, **row} if isinstance(row, Mapping) else row for key, row in sorted(jurisdictions.items())
        }
        table = _validated(RuleTable, {"version": version, "jurisdictions": rows, "blackout_days": blackout_days})
        self._rows = jurisdictions
        self.table = table
        self.jurisdictions: Mapping[str, Jurisdiction] = table.jurisdictions
        self.blackout_days = table.blackout_days
        self.content: dict[str, Any] = table.model_dump(mode="json", exclude={"version", "about"})
        written = json.dumps(self.content, sort_keys=True)
        self.version = f"{table.version}-{hashlib.sha256(written.encode()).hexdigest()[:8]}"

    def with_overlay(self, overlay: Mapping[str, Any]) -> "RuleBook":
        """This book with the operator's changes (the form is `RuleOverlay`). Raises RulesRefused."""
        try:
            changes = _validated(RuleOverlay, overlay)
        except RulesRefused as refused:
            raise RulesRefused((*refused.problems, *self._further_problems(overlay, refused))) from None
        return RuleBook(
            f"{self.table.version}.{changes.version}",
            self._changed_rows(changes.jurisdictions, changes.version),
            (*self.blackout_days, *changes.blackout_days),
        )

    def _changed_rows(self, changes: Mapping[str, Mapping[str, Any]], version: str) -> dict[str, Any]:
        rows = dict(self._rows)
        for key, fields in changes.items():
            row = {**rows.get(key, {}), **_signed(fields, version)}
            rows[key] = {field: value for field, value in row.items() if value is not None}
        return rows

    def _further_problems(self, overlay: Mapping[str, Any], refused: RulesRefused) -> tuple[RuleProblem, ...]:
        """What is wrong inside the rows of an overlay whose form is wrong elsewhere: all is told at once."""
        stated = overlay.get("jurisdictions") if isinstance(overlay, Mapping) else None
        known = {one.field for one in refused.problems}
        whole = {
            key: fields
            for key, fields in (stated.items() if isinstance(stated, Mapping) else ())
            if isinstance(fields, Mapping) and f"jurisdictions.{key}" not in known
        }
        try:
            RuleBook(self.table.version, self._changed_rows(whole, "tried"))
        except RulesRefused as more:
            return more.problems
        return ()

    def rows_for(self, place: Place) -> tuple[Jurisdiction, ...]:
        """Every row that holds at the place: its country's, its union's, its state's. Where the state is not known,
        those of all states of the country; where the book does not know the country, all rows."""
        rows = self.jurisdictions.values()
        whole = tuple(row for row in rows if not row.state and place.country in (row.id, *row.covers))
        states = tuple(row for row in rows if row.state and row.country == place.country)
        if not whole:
            return tuple(rows)
        return whole + (tuple(row for row in states if row.state == place.state) if place.state else states)

    def knows(self, place: Place) -> bool:
        """True if the book has rules for the country."""
        return any(place.country in (row.id, *row.covers) for row in self.jurisdictions.values())

    @property
    def longest_window(self) -> timedelta:
        """How far back calls to a number matter to any rule."""
        rows = self.jurisdictions.values()
        hours = [cap.within_hours for row in rows for cap in row.attempt_caps]
        hours += [gap.hours for row in rows for gap in row.minimum_gaps]
        return timedelta(hours=max(hours, default=0))

    def blackouts_at(self, place: Place) -> tuple[BlackoutDay, ...]:
        """Days without calls at the place. One for a state holds wherever in its country the state is not known."""
        return tuple(
            day for day in self.blackout_days if not day.places or any(_may_be(place, at) for at in day.places)
        )


def standard_rules() -> RuleBook:
    """The rules that come with Cadenza, read and checked once."""
    return _standard()


@cache
def _standard() -> RuleBook:
    text = (files("cadenza.domain.rules") / "jurisdictions.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return RuleBook(table["version"], table["jurisdictions"])


def _may_be(place: Place, jurisdiction: str) -> bool:
    country, _, state = jurisdiction.partition("-")
    return place.country in ("", country) and (not state or place.state in ("", state))


def _signed(fields: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The operator's rules with grade and source filled in where they have none."""
    signature = {"grade": Grade.OPERATOR.value, "source": f"operator's rules {version}"}

    def sign(rule: Any) -> Any:
        return {**signature, **rule} if isinstance(rule, Mapping) else rule

    return {
        field: [sign(one) for one in value] if isinstance(value, list | tuple) else sign(value)
        for field, value in fields.items()
    }


_FIXES = {
    "missing": "Add the field.",
    "extra_forbidden": "Take it out, or correct its name.",
    "string_pattern_mismatch": "Write it as in docs/rules.md, for example US-FL, AU, monday or 2026-11.",
    "time_parsing": "Write a local time such as 08:00.",
    "date_from_datetime_parsing": "Write a day such as 2026-12-24.",
    "date_parsing": "Write a day such as 2026-12-24.",
    "enum": "Use one of the values that the message names.",
}


def _validated(model: type[_Model], data: Any) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RulesRefused(
            tuple(
                RuleProblem(
                    field=_path(one["loc"]),
                    message=one["msg"].removeprefix("Value error, "),
                    fix=_FIXES.get(one["type"], "See docs/rules.md for the form of a row."),
                )
                for one in error.errors(include_url=False, include_input=False)
            )
        ) from None


def _path(parts: tuple[int | str, ...]) -> str:
    path = ""
    for part in (part for part in parts if part != "[key]"):
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the table"

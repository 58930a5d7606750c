"""The calling rules: those in force, those that were, and the operator's changes to them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.authorship import Author, Authorship
from api.context import ApiContext, Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.schemas.instants import Instant
from api.schemas.pages import Limit, Page
from api.schemas.problems import FieldError, ProblemCode
from api.schemas.rules import (
    BlackoutDayOut,
    DayHours,
    JurisdictionOut,
    OverlayIn,
    OverlayOut,
    PlaceRulesOut,
    RuleChangeOut,
    RulesOut,
    RuleVersionDetail,
    RuleVersionOut,
)
from cadenza.domain.open_times import zone_data_version
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import real_jurisdiction
from cadenza.domain.rules.loosened import loosened
from cadenza.domain.rules.open_week import open_week
from cadenza.domain.rules.rule_book import RulesRefused, standard_rules
from cadenza.records.rules_in_force import (
    find_rule_version,
    list_rule_versions,
    newest_overlay,
    plan_change,
    put_in_force,
)

router = APIRouter(prefix="/v1/rules", tags=["Rules"])
_Reason = Annotated[str, Query(min_length=1, max_length=200, description="Why: kept with it and in the audit log")]
_DryRun = Annotated[bool, Query(description="Only say what would change")]
_OnlyIf = Annotated[
    str | None, Query(max_length=210, description="Only if this version is in force: nobody changed it meanwhile")
]
_AcceptWeaker = Annotated[
    bool, Query(description="Also if rules of law do not hold any more afterwards: ask counsel before")
]


@router.get("", summary="Read the rules in force", responses=guarded())
async def read(context: Context) -> RulesOut:
    """Every jurisdiction, each rule with grade and source. Research, not legal advice."""
    async with context.database.transaction() as session:
        book = (await context.rules.gate(session)).rules
    return RulesOut(
        version=book.version,
        base_version=context.rules.base.version,
        zone_data=zone_data_version(),
        weakened=loosened(standard_rules(), book),
        jurisdictions=[JurisdictionOut.of(row) for row in book.jurisdictions.values()],
        blackout_days=[BlackoutDayOut.of(day) for day in book.blackout_days],
    )


@router.get("/versions", summary="List the rules that were in force", responses=guarded())
async def versions(
    context: Context,
    at: Annotated[
        Instant | None, Query(description="The book in force at this instant comes first; those before follow")
    ] = None,
    limit: Limit = 50,
    after: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the page before")] = None,
) -> Page[RuleVersionOut]:
    """Newest first: from when, by whom, why, and what each changed. Every decision of the gate in the audit log names
    the version that it was made under (`details.rules_version`)."""
    async with context.database.transaction() as session:
        await context.rules.gate(session)  # on record also if nobody was called yet
        before = int(after) if after else None
        found = await list_rule_versions(session, at=at, before=before, limit=limit)
    items = [RuleVersionOut.model_validate({**row.model_dump(), "in_force_until": until}) for row, until in found]
    return Page(items=items, next=str(found[-1][0].id) if len(found) == limit else None)


@router.get("/versions/{version}", summary="Read rules that were in force", responses=guarded(404))
async def read_version(version: str, context: Context) -> RuleVersionDetail:
    """The whole book, as it was when it first came into force."""
    async with context.database.transaction() as session:
        await context.rules.gate(session)
        found = await find_rule_version(session, version)
    if found is None:
        raise not_found("version of the rules", "GET /v1/rules/versions lists them")
    return RuleVersionDetail.model_validate(found.model_dump())


@router.get("/overlay", summary="Read the changes made over the API", responses=guarded())
async def read_overlay(context: Context) -> OverlayOut:
    """As they were sent; what CALLING_RULES changes is not among them."""
    async with context.database.transaction() as session:
        row = await newest_overlay(session)
    return OverlayOut(overlay=None) if row is None else OverlayOut.model_validate(row.model_dump())


@router.put("/overlay", summary="Change the rules", responses=guarded(409))
async def put_overlay(
    body: OverlayIn,
    reason: _Reason,
    context: Context,
    author: Author,
    dry_run: _DryRun = False,
    accept_weaker: _AcceptWeaker = False,
    only_if: _OnlyIf = None,
) -> RuleChangeOut:
    """In force in every process from its next decision on, at planning, admission, before the POST and at the answer.
    All or nothing: a mistake names its field, and the rules stay as they are. A change that takes rules of law away
    needs `accept_weaker`. Calls that ring are judged by the new rules when they are answered; leads that wait for an
    opening are asked about at the time found before."""
    overlay = body.model_dump(mode="json", exclude_unset=True)
    wish = _Wish(reason, dry_run=dry_run, accept_weaker=accept_weaker, only_if=only_if)
    return await _change(context, overlay, author, wish)


@router.delete("/overlay", summary="Withdraw the changes", responses=guarded(409))
async def withdraw_overlay(
    reason: _Reason,
    context: Context,
    author: Author,
    dry_run: _DryRun = False,
    accept_weaker: _AcceptWeaker = False,
    only_if: _OnlyIf = None,
) -> RuleChangeOut:
    """Back to the standard rules and the file of CALLING_RULES. What was in force stays on record."""
    wish = _Wish(reason, dry_run=dry_run, accept_weaker=accept_weaker, only_if=only_if)
    return await _change(context, None, author, wish)


@router.get("/{jurisdiction}", summary="Read the rules of a place", responses=guarded(404))
async def read_place(jurisdiction: str, context: Context) -> PlaceRulesOut:
    """All that holds in a country (`AU`) or a state (`US-FL`): its own rows and its country's, and the hours that they
    leave open. A country that the book does not know is held to the strictest of all."""
    try:
        country, _, state = real_jurisdiction(jurisdiction.upper()).partition("-")
    except ValueError:
        raise not_found("country or state", "write AU or US-FL") from None
    async with context.database.transaction() as session:
        book = (await context.rules.gate(session)).rules
    place = Place(country, state)
    rows = book.rows_for(place)
    return PlaceRulesOut(
        id=place.id,
        version=book.version,
        is_known=book.knows(place),
        zones=list(place.zones),
        week={day: DayHours.of(span) for day, span in open_week(rows).items()},
        jurisdictions=[JurisdictionOut.of(row) for row in rows],
        blackout_days=[BlackoutDayOut.of(day) for day in book.blackouts_at(place)],
    )


@dataclass(frozen=True)
class _Wish:
    """What comes with a change."""

    reason: str
    dry_run: bool
    accept_weaker: bool
    only_if: str | None


async def _change(
    context: ApiContext, overlay: Mapping[str, Any] | None, author: Authorship, wish: _Wish
) -> RuleChangeOut:
    async with context.database.transaction() as session:
        with suppress(RulesRefused):  # changes that do not fit can be mended here
            await context.rules.gate(session)  # the book before is on record
        try:
            change = await plan_change(session, context.rules.base, overlay)
        except RulesRefused as refused:
            raise _refused(refused) from None
        if wish.only_if not in {None, change.before}:
            raise _changed_meanwhile(change.before)
        if change.weakened and not (wish.accept_weaker or wish.dry_run):
            raise _weaker(change.weakened)
        if not wish.dry_run and not change.changes_nothing:
            await put_in_force(session, change, who=author.who, why=wish.reason)
    return RuleChangeOut(
        version=change.book.version, is_in_force=not wish.dry_run, changes=change.changes, weakened=change.weakened
    )


def _refused(refused: RulesRefused) -> Problem:
    return Problem(
        422,
        ProblemCode.BAD_RULES,
        "These rules cannot be used",
        "Nothing was changed. Each error names its field and what to do; the form is in docs/rules.md.",
        errors=[FieldError(field=one.field, message=one.message, fix=one.fix) for one in refused.problems],
    )


def _changed_meanwhile(version: str) -> Problem:
    fix = "Look at what changed (GET /v1/rules/versions), and send this version if your change still holds."
    return Problem(
        409,
        ProblemCode.CONFLICT,
        "The rules were changed meanwhile",
        "Nothing was changed.",
        errors=[FieldError(field="only_if", message=f"Version {version} is in force.", fix=fix)],
    )


def _weaker(rules: list[str]) -> Problem:
    parts = [rule.partition(": ") for rule in rules]
    fix = "Keep this rule; or, if counsel agrees, send accept_weaker=true."
    return Problem(
        409,
        ProblemCode.RULES_WEAKENED,
        "Rules of law would not hold any more",
        "Nothing was changed. Each error names a rule that a law is known to ask for.",
        errors=[FieldError(field=f"jurisdictions.{row}", message=words, fix=fix) for row, _, words in parts],
    )

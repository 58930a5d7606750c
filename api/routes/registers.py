"""Do-not-call registers, and answers about reassigned numbers."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.authorship import Author
from api.context import Context
from api.problems import Problem, not_found
from api.received_file import received_file
from api.routes.answers import guarded
from api.routes.number_files import NUMBERS_BODY, file_body, list_out, refused_list
from api.schemas.campaigns import CountryCode
from api.schemas.compliance import ListOut, RegisterOut
from api.schemas.instants import Instant
from api.schemas.pages import Page
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.row_problem import FileRefused
from cadenza.domain.rules.jurisdiction import real_jurisdiction
from cadenza.records.number_uploads import CopyTooOld, load_answers, load_register, remove_register
from cadenza.records.registers import list_registers

router = APIRouter(prefix="/v1", tags=["Registers"])
_Jurisdiction = Annotated[str, Query(max_length=10, description="As in the calling rules: US, US-FL, AU, GB")]
_Name = Annotated[
    str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$", description="Of the register: national, TPS, CTPS")
]
_ANSWERS_BODY = file_body(
    "number,date,result\n2125550123,2026-10-01,no\n2125550124,2026-10-01,yes\n",
    "CSV: number, the date that was asked about, and yes, no or no data, as the database answers.",
)


@router.get("/registers", summary="List do-not-call registers", responses=guarded())
async def list_all(
    context: Context,
    all_copies: Annotated[bool, Query(description="Also the copies that newer ones replaced")] = False,
) -> Page[RegisterOut]:
    """The current copies with their age and size, on one page."""
    async with context.database.transaction() as session:
        found = await list_registers(session, all_copies=all_copies)
    return Page(items=[RegisterOut.model_validate(copy, from_attributes=True) for copy in found])


@router.post(
    "/registers",
    status_code=201,
    summary="Load a do-not-call register",
    responses=guarded(409, 413, 415),
    openapi_extra=NUMBERS_BODY,
)
async def load(
    request: Request,
    context: Context,
    author: Author,
    jurisdiction: _Jurisdiction,
    copied_at: Annotated[Instant, Query(description="When its keeper gave out this copy: its age counts")],
    name: _Name = "national",
    internal: Annotated[bool, Query(description="Your own list for this jurisdiction, not the law's register")] = False,
    country: Annotated[
        CountryCode | None, Query(description="Country of numbers without +; else the jurisdiction's")
    ] = None,
) -> ListOut:
    """A whole copy: it takes the place of the one before in one step. Numbers on it are not called where the calling
    rules ask for this jurisdiction's register. An older copy than the present one is refused."""
    place = _place(jurisdiction)
    if copied_at > datetime.now(UTC):
        raise _invalid("copied_at", "The copy is from the future.", "Give the day on which its keeper gave it out.")
    async with received_file(request) as file, context.upload_places, context.database.transaction() as session:
        try:
            result = await load_register(
                session, file.stream, jurisdiction=place, name=name, is_internal=internal, copied_at=copied_at,
                country=country or place[:2], who=author.who,
            )  # fmt: skip
        except FileRefused as refusal:
            raise refused_list(refusal) from None
        except CopyTooOld as error:
            raise Problem(
                409,
                ProblemCode.CONFLICT,
                "A newer copy is loaded",
                f"The present copy is of {error.present:%Y-%m-%d %H:%M} UTC. Remove it first, to go back.",
            ) from None
    return list_out(result)


@router.delete("/registers", status_code=204, summary="Remove a register", responses=guarded(404))
async def remove(
    context: Context,
    author: Author,
    jurisdiction: _Jurisdiction,
    reason: Annotated[str, Query(min_length=1, max_length=200, description="Why: kept in the audit log")],
    name: _Name = "national",
) -> None:
    """Where the calling rules ask for it, nobody is called any more until a copy is loaded."""
    async with context.database.transaction() as session:
        if not await remove_register(session, _place(jurisdiction), name, who=author.who, why=reason):
            raise not_found("register", "GET /v1/registers lists them")


@router.post(
    "/reassigned-numbers",
    status_code=201,
    summary="Load answers about reassigned numbers",
    responses=guarded(413, 415),
    openapi_extra=_ANSWERS_BODY,
)
async def load_reassigned(
    request: Request,
    context: Context,
    author: Author,
    checked_on: Annotated[date | None, Query(description="When the database was asked; default: today")] = None,
) -> ListOut:
    """A "yes" ends the consents given before: for as long as nothing newer is stated, the number is not called where a
    consent is needed."""
    today = datetime.now(UTC).date()
    if checked_on is not None and checked_on > today:
        raise _invalid("checked_on", "This day is still to come.", "Give the day on which the database was asked.")
    async with received_file(request) as file, context.upload_places, context.database.transaction() as session:
        try:
            result = await load_answers(session, file.stream, checked_on=checked_on or today, who=author.who)
        except FileRefused as refusal:
            raise refused_list(refusal) from None
    return list_out(result)


def _place(jurisdiction: str) -> str:
    try:
        return real_jurisdiction(jurisdiction.upper())
    except ValueError as error:
        raise _invalid("jurisdiction", str(error), "Write a country such as AU, or a state such as US-FL.") from None


def _invalid(field: str, message: str, fix: str) -> Problem:
    return Problem(
        422,
        ProblemCode.INVALID_REQUEST,
        "The request is not valid",
        "Each error names its field and what to do.",
        errors=[FieldError(field=field, message=message, fix=fix)],
    )

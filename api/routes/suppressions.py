"""Numbers that are never called again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorship import Author
from api.context import Context
from api.problems import not_found
from api.received_file import received_file
from api.routes.answers import guarded
from api.routes.number_files import NUMBERS_BODY, list_out, refused_list
from api.routes.phones import read_any_phone
from api.schemas.campaigns import CountryCode
from api.schemas.compliance import (
    ListOut,
    SuppressionDetail,
    SuppressionEventOut,
    SuppressionsIn,
    SuppressionsOut,
)
from api.schemas.lists import SuppressionIn, SuppressionOut
from api.schemas.pages import Cursor, Limit, Page
from cadenza.domain.identifiers import new_id
from cadenza.domain.row_problem import FileRefused
from cadenza.domain.suppression import SuppressionSource
from cadenza.records.audit import note_change
from cadenza.records.leads import list_suppressions
from cadenza.records.number_uploads import suppress_list
from cadenza.records.suppressions import (
    lift_suppression,
    list_suppression_events,
    suppress_number,
    suppress_numbers,
)

router = APIRouter(prefix="/v1/suppressions", tags=["Suppressions"])
_Reason = Annotated[str, Query(min_length=1, max_length=200, description="Why: kept with it and in the audit log")]


@router.get("", summary="List suppressed numbers", responses=guarded())
async def list_all(
    context: Context,
    phone: Annotated[str | None, Query(max_length=40, description="Only this number")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Page[SuppressionOut]:
    """In the order of the numbers."""
    number = read_any_phone(phone, "US", "phone") if phone else None
    async with context.database.transaction() as session:
        found = await list_suppressions(session, phone=number, after=after, limit=limit)
    items = [SuppressionOut.model_validate(suppression) for suppression in found]
    return Page(items=items, next=items[-1].phone if len(items) == limit else None)


@router.post(
    "",
    status_code=201,
    summary="Suppress a number",
    responses={**guarded(), 200: {"model": SuppressionOut, "description": "It was suppressed before"}},
)
async def add(body: SuppressionIn, response: Response, context: Context, author: Author) -> SuppressionOut:
    """At once and in every campaign: leads with this number are closed, what is not answered yet is called off, also
    while it rings."""
    number = read_any_phone(body.phone, body.country, "phone")
    async with context.database.transaction() as session:
        is_new = await suppress_number(
            session, number, reason=body.reason, source=SuppressionSource.API, who=author.who
        )
        found = await list_suppressions(session, phone=number, after=None, limit=1)
    response.status_code = 201 if is_new else 200
    return SuppressionOut.model_validate(found[0])


@router.post("/bulk", summary="Suppress many numbers", responses=guarded())
async def add_many(body: SuppressionsIn, context: Context, author: Author) -> SuppressionsOut:
    """All or none: a number that cannot be read is named by its place, and nothing is changed."""
    numbers = sorted(
        {read_any_phone(phone, body.country, f"phones.{place}") for place, phone in enumerate(body.phones)}
    )
    async with context.database.transaction() as session:
        new = await suppress_numbers(
            session, numbers, reason=body.reason, source=SuppressionSource.API, who=author.who, reference=new_id("sl")
        )
        for number in numbers:
            await note_change(
                session, "suppression.added", who=author.who, why=body.reason, phone=number,
                source=SuppressionSource.API.value, was_suppressed=number not in new,
            )  # fmt: skip
    return SuppressionsOut(numbers=len(numbers), new=len(new))


@router.post(
    "/upload",
    status_code=201,
    summary="Suppress a list",
    responses=guarded(413, 415),
    openapi_extra=NUMBERS_BODY,
)
async def upload(
    request: Request,
    context: Context,
    author: Author,
    reason: _Reason = "on an uploaded list",
    country: Annotated[CountryCode, Query(description="Country of numbers without +")] = "US",
) -> ListOut:
    """Numbers in any column that a lead file may have them in, or alone, one in a line. Good rows are taken, each bad
    one is reported; numbers that no campaign could call are taken, too. Nothing is ever lifted by a list."""
    async with received_file(request) as file, context.upload_places, context.database.transaction() as session:
        try:
            result = await suppress_list(
                session, file.stream, country=country, reason=reason, who=author.who, name=file.name
            )
        except FileRefused as refusal:
            raise refused_list(refusal) from None
    return list_out(result)


@router.get("/{phone}", summary="Read a number's suppression", responses=guarded(404))
async def read(phone: str, context: Context) -> SuppressionDetail:
    """Whether it is suppressed, and everything that was ever asked: by whom, how, why and when."""
    number = read_any_phone(phone, "US", "phone")
    async with context.database.transaction() as session:
        found = await list_suppressions(session, phone=number, after=None, limit=1)
        events = await list_suppression_events(session, number)
    if not events and not found:
        raise not_found("suppression", "GET /v1/suppressions lists them")
    return SuppressionDetail(
        phone=number,
        is_suppressed=bool(found),
        suppression=SuppressionOut.model_validate(found[0]) if found else None,
        events=[SuppressionEventOut.model_validate(event) for event in events],
    )


@router.delete("/{phone}", status_code=204, summary="Lift a suppression", responses=guarded(404))
async def lift(phone: str, reason: _Reason, context: Context, author: Author) -> None:
    """Only with a reason, such as a new written consent of the person. Leads that were closed stay closed; who asked
    before, and who lifted it, stays on record."""
    number = read_any_phone(phone, "US", "phone")
    async with context.database.transaction() as session:
        lifted = await lift_suppression(session, number, reason=reason, who=author.who, source=SuppressionSource.API)
    if not lifted:
        raise not_found("suppression", "GET /v1/suppressions lists them")

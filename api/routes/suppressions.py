"""Numbers that are never called again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.context import Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.routes.phones import read_phone
from api.schemas.lists import SuppressionIn, SuppressionOut
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.problems import ProblemCode
from cadenza.records.leads import list_suppressions
from cadenza.records.suppressions import is_suppressed, suppress_number

router = APIRouter(prefix="/v1/suppressions", tags=["Suppressions"])


@router.get("", summary="List suppressed numbers", responses=guarded())
async def list_all(
    context: Context,
    phone: Annotated[str | None, Query(max_length=40, description="Only this number")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Page[SuppressionOut]:
    """In the order of the numbers."""
    number = read_phone(phone, "US", "phone") if phone else None
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
async def add(body: SuppressionIn, response: Response, context: Context) -> SuppressionOut:
    """At once and in every campaign: leads with this number are closed, and what is not ringing yet is called off."""
    number = read_phone(body.phone, body.country, "phone")
    async with context.database.transaction() as session:
        is_new = await suppress_number(session, number, reason=body.reason, source="api")
        found = await list_suppressions(session, phone=number, after=None, limit=1)
    response.status_code = 201 if is_new else 200
    return SuppressionOut.model_validate(found[0])


@router.delete("/{phone}", status_code=204, summary="Refused: a suppression stays", responses=guarded(404, 409))
async def remove(phone: str, context: Context) -> None:
    """Always refused. Who asked not to be called is not called again; the record proves that it was honoured."""
    number = read_phone(phone, "US", "phone")
    async with context.database.transaction() as session:
        if not await is_suppressed(session, number):
            raise not_found("suppression", "GET /v1/suppressions lists them")
    raise Problem(
        409,
        ProblemCode.SUPPRESSION_IS_PERMANENT,
        "Suppressions are never deleted",
        "If the person gave a new, written consent, use another number of theirs.",
    )

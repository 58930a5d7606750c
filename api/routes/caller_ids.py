"""The numbers that calls are made from, in pools."""

from fastapi import APIRouter

from api.authorship import Author
from api.context import ApiContext, Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.routes.phones import read_any_phone
from api.schemas.caller_ids import CallerIdChange, CallerIdIn, CallerIdOut, caller_id_out
from api.schemas.pages import Page
from api.schemas.problems import FieldError, ProblemCode
from cadenza.records.audit import note_change
from cadenza.records.caller_ids import (
    CallerIdTaken,
    add_caller_id,
    change_caller_id,
    get_caller_id,
    list_caller_ids,
    remove_caller_id,
)
from cadenza.records.campaigns import UnknownCampaign, get_campaign

router = APIRouter(prefix="/v1/caller-ids", tags=["Caller IDs"])
_WHERE = "GET /v1/caller-ids lists them"


@router.get("", summary="List caller IDs with their health", responses=guarded())
async def list_all(context: Context) -> Page[CallerIdOut]:
    """All pools on one page, the shared one first. Without any number each campaign calls with its `caller_id`."""
    async with context.database.transaction() as session:
        found = await list_caller_ids(session, context.account_id)
    return Page(items=[caller_id_out(one) for one in found])


@router.post("", status_code=201, summary="Add a caller ID", responses=guarded(404, 409))
async def add(body: CallerIdIn, context: Context, author: Author) -> CallerIdOut:
    """Used from the next tick on (half a second). A number is in one pool only."""
    phone = read_any_phone(body.phone, body.country, "phone")
    async with context.database.transaction() as session:
        try:
            if body.campaign_id is not None:
                await get_campaign(session, body.campaign_id)
            await add_caller_id(
                session, context.account_id, phone, campaign_id=body.campaign_id, daily_cap=body.daily_cap
            )
        except UnknownCampaign:
            raise not_found("campaign", "GET /v1/campaigns lists them") from None
        except CallerIdTaken:
            message, fix = "This number is in a pool already.", "Remove it there first, or leave it."
            raise Problem(
                409,
                ProblemCode.CONFLICT,
                "The number is in a pool already",
                message,
                errors=[FieldError(field="phone", message=message, fix=fix)],
            ) from None
        await note_change(
            session, "caller_id.added", who=author.who, why=author.why, phone=phone, campaign_id=body.campaign_id,
            daily_cap=body.daily_cap,
        )  # fmt: skip
    return await _read(context, phone)


@router.patch("/{phone}", summary="Change a caller ID", responses=guarded(404))
async def change(phone: str, body: CallerIdChange, context: Context, author: Author) -> CallerIdOut:
    """Pause it, take it up again (which ends a rest, and forgets what made it rest), or change its daily cap."""
    number = read_any_phone(phone, "US", "phone")
    async with context.database.transaction() as session:
        found = await change_caller_id(session, context.account_id, number, state=body.state, daily_cap=body.daily_cap)
        if found:
            changes = body.model_dump(mode="json", exclude_none=True)
            await note_change(session, "caller_id.changed", who=author.who, why=author.why, phone=number, **changes)
    if not found:
        raise not_found("caller ID", _WHERE)
    return await _read(context, number)


@router.delete("/{phone}", status_code=204, summary="Remove a caller ID", responses=guarded(404))
async def remove(phone: str, context: Context, author: Author) -> None:
    """Its pool goes on without it; what it called stays on record. Calls under way go on."""
    number = read_any_phone(phone, "US", "phone")
    async with context.database.transaction() as session:
        found = await remove_caller_id(session, context.account_id, number)
        if found:
            await note_change(session, "caller_id.removed", who=author.who, why=author.why, phone=number)
    if not found:
        raise not_found("caller ID", _WHERE)


async def _read(context: ApiContext, phone: str) -> CallerIdOut:
    async with context.database.transaction() as session:
        found = await get_caller_id(session, context.account_id, phone)
    if found is None:
        raise not_found("caller ID", _WHERE)
    return caller_id_out(found)

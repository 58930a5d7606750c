"""The audit log: read, exported, verified. Nothing here changes it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.context import Context
from api.problems import Problem
from api.routes.answers import guarded
from api.routes.phones import read_any_phone
from api.schemas.compliance import AuditEntryOut, AuditVerdict
from api.schemas.instants import Instant
from api.schemas.pages import Limit, Page
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.audit_chain import Head, parse_head
from cadenza.records.audit import exported_chain, list_audit, seal_entries, verify_chain
from cadenza.records.database import Database
from cadenza.records.number_key import key_changes

router = APIRouter(prefix="/v1/audit", tags=["Audit"])


@router.get("", summary="Read the audit log", responses=guarded())
async def read(
    context: Context,
    kind: Annotated[
        str | None, Query(max_length=60, description="Of this kind, or those that begin with it (`campaign.`)")
    ] = None,
    who: Annotated[str | None, Query(max_length=60, description="By this key (`key:ak_...`), or callee, gate")] = None,
    campaign: Annotated[str | None, Query(max_length=50, description="About this campaign")] = None,
    lead: Annotated[str | None, Query(max_length=50, description="About this lead")] = None,
    phone: Annotated[str | None, Query(max_length=40, description="About this number, found by its hash")] = None,
    since: Annotated[Instant | None, Query(description="Not before")] = None,
    until: Annotated[Instant | None, Query(description="Before")] = None,
    limit: Limit = 50,
    after: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the page before")] = None,
) -> Page[AuditEntryOut]:
    """Newest first. Filters are combined. Entries hold ids and a keyed hash of numbers, no names and no numbers."""
    number = read_any_phone(phone, "US", "phone") if phone else None
    async with context.database.transaction() as session:
        found = await list_audit(
            session, kind=kind, who=who, campaign_id=campaign, lead_id=lead, phone=number, since=since, until=until,
            before=int(after) if after else None, limit=limit,
        )  # fmt: skip
    items = [
        AuditEntryOut.model_validate(
            {**entry.model_dump(), "position": seal.position if seal else None, "hash": seal.hash if seal else None}
        )
        for entry, seal in found
    ]
    return Page(items=items, next=str(items[-1].id) if len(items) == limit else None)


@router.get("/verify", summary="Verify the audit log", responses=guarded())
async def verify(
    context: Context,
    head: Annotated[
        str | None, Query(max_length=100, description="POSITION:HASH, noted earlier: finds a log that was cut")
    ] = None,
) -> AuditVerdict:
    """Every hash is computed anew, from the first entry on. Reads the whole log: some seconds for a million entries.
    No key takes part: a changed AUDIT_HASH_KEY or SIGNING_SECRET breaks nothing, and is told apart from a change."""
    noted = _noted(head)
    async with context.database.transaction() as session:
        await seal_entries(session)
    async with context.database.transaction() as session:
        reached, broken = await verify_chain(session, noted)
        changed = await key_changes(session)
    return AuditVerdict(
        is_intact=broken is None,
        head=str(reached),
        broken_at=broken.position if broken else None,
        entry_id=broken.entry_id if broken else None,
        reason=broken.reason if broken else "",
        number_key_changed_at=changed[-1].at if changed else None,
    )


@router.get(
    "/export",
    summary="Export the audit log",
    response_class=StreamingResponse,
    responses={
        **guarded(),
        200: {
            "description": "JSON Lines, in the chain's order",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
    },
)
async def export(context: Context) -> StreamingResponse:
    """The whole chain, one entry in a line. `cadenza audit verify --file` verifies it without this system."""
    async with context.database.transaction() as session:
        await seal_entries(session)
    return StreamingResponse(_lines(context.database), media_type="application/x-ndjson")


async def _lines(database: Database) -> AsyncIterator[str]:
    async for entry in exported_chain(database):
        yield entry.model_dump_json() + "\n"


def _noted(head: str | None) -> Head | None:
    if head is None:
        return None
    try:
        return parse_head(head)
    except ValueError as error:
        raise Problem(
            422,
            ProblemCode.INVALID_REQUEST,
            "The request is not valid",
            "Each error names its field and what to do.",
            errors=[FieldError(field="head", message=str(error), fix="Leave it out, or give a whole head.")],
        ) from None

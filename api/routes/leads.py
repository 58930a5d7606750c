"""Leads: where each one is, what comes next, and why one was not called."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Context
from api.problems import not_found
from api.routes.answers import guarded
from api.routes.phones import read_phone
from api.schemas.calls import CallOut
from api.schemas.leads import ConsentOut, LeadDetail, LeadOut, OtherPhoneOut, RefusalOut
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.why import WhyOut
from cadenza.domain.gate import Rule
from cadenza.domain.outcomes import LeadOutcome, LeadState
from cadenza.records.leads import (
    get_lead,
    list_attempts,
    list_consents,
    list_leads,
    list_other_phones,
    list_refusals,
    suppressed_among,
)
from cadenza.records.why import explain_lead

router = APIRouter(prefix="/v1", tags=["Leads"])
REFUSALS_SHOWN = 20


@router.get("/leads", summary="List leads", responses=guarded())
async def list_all(
    context: Context,
    campaign: Annotated[str | None, Query(max_length=50, description="Of this campaign")] = None,
    upload: Annotated[str | None, Query(max_length=50, description="Of this upload")] = None,
    state: Annotated[LeadState | None, Query(description="In this state")] = None,
    outcome: Annotated[LeadOutcome | None, Query(description="With this final outcome")] = None,
    phone: Annotated[str | None, Query(max_length=40, description="With this number, E.164 (%2B12125550146)")] = None,
    held: Annotated[Rule | None, Query(description="Held for a person by this rule, such as no_consent")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Page[LeadOut]:
    """In the order in which they were added. Filters are combined."""
    number = read_phone(phone, "US", "phone") if phone else None
    async with context.database.transaction() as session:
        found = await list_leads(
            session,
            campaign_id=campaign,
            upload_id=upload,
            state=state,
            outcome=outcome,
            phone=number,
            held_rule=held,
            after=after,
            limit=limit,
        )
    items = [LeadOut.model_validate(lead) for lead in found]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/leads/{lead_id}", summary="Read a lead", responses=guarded(404))
async def read(lead_id: str, context: Context) -> LeadDetail:
    """With its further numbers, its consents, its calls, its next step and why, and the last times that the gate said
    no."""
    async with context.database.transaction() as session:
        lead = await get_lead(session, lead_id)
        if lead is None:
            raise not_found("lead", "GET /v1/leads lists them")
        attempts = await list_attempts(session, lead_id)
        refusals = await list_refusals(session, lead_id=lead_id, campaign_id=None, before=None, limit=REFUSALS_SHOWN)
        suppressed = await suppressed_among(session, [lead.phone])
        others = await list_other_phones(session, lead_id)
        consents = await list_consents(session, lead.phone)
    return LeadDetail.model_validate(
        {
            **lead.model_dump(),
            "calls": [CallOut.model_validate(attempt) for attempt in attempts],
            "refusals": [RefusalOut.model_validate(refusal) for refusal in refusals],
            "is_suppressed": bool(suppressed),
            "other_phones": [OtherPhoneOut.model_validate(other) for other in others],
            "consents": [ConsentOut.model_validate(consent) for consent in consents],
        }
    )


@router.get("/leads/{lead_id}/why", summary="Why is it not called now?", responses=guarded(404))
async def why(lead_id: str, context: Context) -> WhyOut:
    """What every rule of the gate says about the lead now, with what it asks for, its jurisdiction, grade and source;
    and the first instant at which a call may be made. Times in UTC and by every clock that the person may go by."""
    async with context.database.transaction() as session:
        found = await explain_lead(session, lead_id, await context.rules.gate(session))
        if found is None:
            raise not_found("lead", "GET /v1/leads lists them")
        return WhyOut.of(found)


@router.get("/gate-refusals", summary="Why was it not called?", responses=guarded())
async def refusals(
    context: Context,
    lead: Annotated[str | None, Query(max_length=50, description="Of this lead")] = None,
    campaign: Annotated[str | None, Query(max_length=50, description="Of this campaign's leads")] = None,
    limit: Limit = 50,
    after: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the page before")] = None,
) -> Page[RefusalOut]:
    """Every "no" of the gate with the rule's id, newest first."""
    async with context.database.transaction() as session:
        found = await list_refusals(
            session, lead_id=lead, campaign_id=campaign, before=int(after) if after else None, limit=limit
        )
    items = [RefusalOut.model_validate(refusal) for refusal in found]
    return Page(items=items, next=str(items[-1].id) if len(items) == limit else None)

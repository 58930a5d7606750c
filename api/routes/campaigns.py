"""Campaigns: made, read, changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from api.authorship import Author
from api.context import Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.schemas.campaigns import CampaignIn, CampaignOut, CampaignPatch, RepIn, RepOut
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.identifiers import new_id
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.script import Script
from cadenza.records.audit import note_change
from cadenza.records.campaigns import (
    EDITABLE,
    RepDetails,
    UnknownCampaign,
    WrongState,
    add_campaign,
    count_leads,
    get_campaign,
    list_campaigns,
    list_reps,
    write_reps,
)
from cadenza.records.tables import Campaign
from cadenza.records.transfers import suppressed_among

router = APIRouter(prefix="/v1/campaigns", tags=["Campaigns"])


@router.post("", status_code=201, summary="Create a campaign", responses=guarded())
async def create(body: CampaignIn, context: Context, author: Author) -> CampaignOut:
    """From a script, a policy and the reps whose calendars are booked. It is a draft: nobody is called yet."""
    campaign = Campaign(
        id=new_id("cp"),
        account_id=context.account_id,
        name=body.name,
        script=body.script.model_dump(mode="json"),
        policy=body.policy.model_dump(mode="json"),
        booking=body.booking.model_dump(mode="json") if body.booking else None,
        default_country=body.default_country,
        caller_id=body.caller_id,
        webhook_url=str(body.webhook_url) if body.webhook_url else None,
    )
    async with context.database.transaction() as session:
        await _refuse_suppressed_targets(session, body.policy)
        _refuse_unannounced_recording(body.script, body.policy)
        await add_campaign(session, campaign, _details(body.reps))
        await note_change(session, "campaign.created", who=author.who, why=author.why, campaign_id=campaign.id)
        await session.refresh(campaign)
        return await campaign_out(session, campaign)


@router.get("", summary="List campaigns", responses=guarded())
async def list_all(
    context: Context,
    limit: Limit = 50,
    after: Cursor = None,
    state: Annotated[CampaignState | None, Query(description="Only those in this state")] = None,
) -> Page[CampaignOut]:
    """Newest first."""
    async with context.database.transaction() as session:
        found = await list_campaigns(session, state=state, before=after, limit=limit)
        ids = [campaign.id for campaign in found]
        reps, leads = await list_reps(session, ids), await count_leads(session, ids)
    items = [_out(campaign, [*map(_rep, reps[campaign.id])], leads[campaign.id]) for campaign in found]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{campaign_id}", summary="Read a campaign", responses=guarded(404))
async def read(campaign_id: str, context: Context) -> CampaignOut:
    """With its reps, and its leads counted by state."""
    async with context.database.transaction() as session:
        return await campaign_out(session, await known_campaign(session, campaign_id))


@router.patch("/{campaign_id}", summary="Change a campaign", responses=guarded(404, 409))
async def change(campaign_id: str, body: CampaignPatch, context: Context, author: Author) -> CampaignOut:
    """Only a draft or a paused campaign. Each next step of a lead reads the new script and policy."""
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id, lock=True)
        if CampaignState(campaign.state) not in EDITABLE:
            raise wrong_state(WrongState(CampaignState(campaign.state), "change"))
        for name, value in body.model_dump(mode="json", exclude_unset=True, exclude={"reps", "policy"}).items():
            if value is not None or name in {"booking", "webhook_url"}:
                setattr(campaign, name, value)
        if body.policy is not None:
            campaign.policy = _merged_policy(campaign.policy, body.policy)
            await _refuse_suppressed_targets(session, CampaignPolicy.model_validate(campaign.policy))
        if body.policy is not None or body.script is not None:
            _refuse_unannounced_recording(
                Script.model_validate(campaign.script), CampaignPolicy.model_validate(campaign.policy)
            )
        session.add(campaign)
        await session.flush()
        if body.reps is not None:
            await write_reps(session, campaign_id, _details(body.reps))
        await note_change(
            session, "campaign.changed", who=author.who, why=author.why, campaign_id=campaign_id,
            fields=sorted(body.model_fields_set), policy=body.policy or {},
        )  # fmt: skip
        return await campaign_out(session, campaign)


async def known_campaign(session: AsyncSession, campaign_id: str, *, lock: bool = False) -> Campaign:
    """The campaign, or the 404 problem."""
    try:
        return await get_campaign(session, campaign_id, lock=lock)
    except UnknownCampaign:
        raise not_found("campaign", "GET /v1/campaigns lists them") from None


def wrong_state(error: WrongState) -> Problem:
    """The 409 problem."""
    return Problem(
        409,
        ProblemCode.WRONG_CAMPAIGN_STATE,
        "The campaign's state forbids this",
        f"The campaign is {error.state.value}; to {error.action} it is not possible now.",
    )


async def campaign_out(session: AsyncSession, campaign: Campaign) -> CampaignOut:
    reps = (await list_reps(session, [campaign.id]))[campaign.id]
    leads = (await count_leads(session, [campaign.id]))[campaign.id]
    return _out(campaign, [*map(_rep, reps)], leads)


def _out(campaign: Campaign, reps: list[RepOut], leads: dict[str, int]) -> CampaignOut:
    return CampaignOut.model_validate({**campaign.model_dump(), "reps": reps, "leads": leads})


def _rep(rep: object) -> RepOut:
    return RepOut.model_validate(rep, from_attributes=True)


def _details(reps: list[RepIn]) -> list[RepDetails]:
    keys = [(rep.email, rep.provider) for rep in reps]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise _invalid(f"reps.{position}.email", "Two reps have the same e-mail and provider.", "Remove one.")
    return [RepDetails.model_validate(rep.model_dump(mode="json")) for rep in reps]


def _merged_policy(present: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = {**present, **changes}
    if isinstance(limits := changes.get("breakers"), dict):
        merged["breakers"] = {**present.get("breakers", {}), **limits}
    try:
        return CampaignPolicy.model_validate(merged).model_dump(mode="json")
    except ValidationError as error:
        finding = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(["policy", *map(str, finding["loc"])])
        raise _invalid(field, finding["msg"], "Correct this setting; the API's documentation lists all.") from None


def _refuse_unannounced_recording(script: Script, policy: CampaignPolicy) -> None:
    if policy.record_calls and policy.language.lower().startswith("en") and not script.announces_recording:
        raise _invalid(
            "script.disclosure",
            "Calls of this campaign are recorded, and its first words do not say so.",
            "Add 'This call is recorded.', or set policy.record_calls to false.",
        )


async def _refuse_suppressed_targets(session: AsyncSession, policy: CampaignPolicy) -> None:
    """A number that asked never to be called is not dialled for a callee either."""
    suppressed = await suppressed_among(session, [target.phone for target in policy.transfer_targets])
    for position, target in enumerate(policy.transfer_targets):
        if target.phone in suppressed:
            raise _invalid(
                f"policy.transfer_targets.{position}.phone",
                "This number is suppressed: it is never called.",
                "Give another number, or lift the suppression (DELETE /v1/suppressions/{phone}).",
            )


def _invalid(field: str, message: str, fix: str) -> Problem:
    return Problem(
        422,
        ProblemCode.INVALID_REQUEST,
        "The request is not valid",
        "Each error names its field and what to do.",
        errors=[FieldError(field=field, message=message, fix=fix)],
    )

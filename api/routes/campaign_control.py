"""Start, pause, resume, cancel: one row changes, and the dialer's next tick obeys."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession

from api.authorship import Author, Authorship
from api.context import ApiContext, Context
from api.problems import Problem
from api.routes.answers import guarded
from api.routes.campaigns import campaign_out, known_campaign, wrong_state
from api.schemas.campaigns import CampaignOut
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.outcomes import CalendarProvider, CampaignState
from cadenza.records.audit import note_change
from cadenza.records.booking_tables import Rep
from cadenza.records.campaigns import (
    WrongState,
    begin_preparing,
    cancel_campaign,
    has_leads,
    list_reps,
    pause_campaign,
    resume_campaign,
)
from cadenza.records.tables import Campaign
from cadenza.settings import Settings

router = APIRouter(prefix="/v1/campaigns/{campaign_id}", tags=["Campaigns"])


@router.post("/start", status_code=202, summary="Start a campaign", responses=guarded(404, 409))
async def start(campaign_id: str, context: Context, author: Author) -> CampaignOut:
    """Checks that it has leads, that the vendors' keys are set, and reps if it books. Then its audio is rendered
    (`preparing`), and it runs. Starting a running campaign changes nothing."""
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id)
        if campaign.state == CampaignState.DRAFT:
            await _check_ready(session, context, campaign)
        try:
            campaign = await begin_preparing(session, campaign_id, context.settings.twilio_from_number)
        except WrongState as error:
            raise wrong_state(error) from None
        await note_change(session, "campaign.started", who=author.who, why=author.why, campaign_id=campaign_id)
    await context.orchestration.launch(campaign_id)
    async with context.database.transaction() as session:
        return await campaign_out(session, campaign)


@router.post("/pause", summary="Pause a campaign", responses=guarded(404, 409))
async def pause(campaign_id: str, context: Context, author: Author) -> CampaignOut:
    """Within two seconds nothing new is rung, and what is not ringing yet is called off. Conversations go on."""
    return await _moved(context, campaign_id, pause_campaign, "campaign.paused", author)


@router.post("/resume", summary="Resume a paused campaign", responses=guarded(404, 409))
async def resume(campaign_id: str, context: Context, author: Author) -> CampaignOut:
    """Goes on where it was, also where it had paused by itself: what ended before does not pause it again. What an edit
    of the script changed is rendered meanwhile."""
    answer = await _moved(context, campaign_id, resume_campaign, "campaign.resumed", author)
    await context.orchestration.launch(campaign_id)
    return answer


@router.post("/cancel", summary="Cancel a campaign", responses=guarded(404, 409))
async def cancel(campaign_id: str, context: Context, author: Author) -> CampaignOut:
    """For good: every unfinished lead ends as `cancelled`, after the call that is under way, if there is one."""
    return await _moved(context, campaign_id, cancel_campaign, "campaign.cancelled", author)


async def _moved(
    context: ApiContext,
    campaign_id: str,
    move: Callable[[AsyncSession, str], Awaitable[Campaign]],
    kind: str,
    author: Authorship,
) -> CampaignOut:
    async with context.database.transaction() as session:
        await known_campaign(session, campaign_id)
        try:
            campaign = await move(session, campaign_id)
        except WrongState as error:
            raise wrong_state(error) from None
        await note_change(session, kind, who=author.who, why=author.why, campaign_id=campaign_id)
        return await campaign_out(session, campaign)


async def _check_ready(session: AsyncSession, context: ApiContext, campaign: Campaign) -> None:
    missing: list[FieldError] = []
    if not await has_leads(session, campaign.id):
        missing.append(
            FieldError(
                field="leads",
                message="The campaign has no leads.",
                fix=f"Upload a file to /v1/campaigns/{campaign.id}/leads.",
            )
        )
    reps = [rep for rep in (await list_reps(session, [campaign.id]))[campaign.id] if rep.active]
    if campaign.booking is not None and not reps:
        missing.append(
            FieldError(
                field="reps",
                message="The campaign books appointments, and no rep is listed.",
                fix="Add reps, or remove the booking plan, with PATCH.",
            )
        )
    missing += missing_settings(context.settings, reps, has_caller_id=bool(campaign.caller_id))
    if missing:
        raise Problem(
            409,
            ProblemCode.CAMPAIGN_NOT_READY,
            "The campaign cannot start yet",
            "Each error names what is missing.",
            errors=missing,
        )


def missing_settings(settings: Settings, reps: list[Rep], *, has_caller_id: bool) -> list[FieldError]:
    """The vendors' keys without which the campaign's calls would fail."""
    providers = {rep.provider for rep in reps}
    needed = {
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": settings.twilio_auth_token.get_secret_value(),
        "TWILIO_FROM_NUMBER": settings.twilio_from_number or has_caller_id,
        "ASSEMBLYAI_API_KEY": settings.assemblyai_api_key.get_secret_value(),
        "OPENAI_API_KEY": settings.openai_api_key.get_secret_value(),
        "ELEVENLABS_API_KEY": settings.elevenlabs_api_key.get_secret_value(),
    }
    if CalendarProvider.CALENDLY in providers:
        needed["CALENDLY_TOKEN"] = settings.calendly_token.get_secret_value()
    if CalendarProvider.TEAMS in providers:
        needed |= {
            "MICROSOFT_TENANT_ID": settings.microsoft_tenant_id,
            "MICROSOFT_CLIENT_ID": settings.microsoft_client_id,
            "MICROSOFT_CLIENT_SECRET": settings.microsoft_client_secret.get_secret_value(),
        }
    return [
        FieldError(field=name, message="This setting is empty.", fix=f"Set {name} in .env and start again.")
        for name, value in needed.items()
        if not value
    ]

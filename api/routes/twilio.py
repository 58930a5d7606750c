"""Twilio's webhooks. Each is stored before it is acted on, and answered before it is delivered."""

import time
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData

from api.context import ApiContext, Context
from api.delivery import apply_event
from api.routes.answers import errors
from api.webhooks.events import EventKind, answered_by, fingerprint, is_delivered, kept_fields
from api.webhooks.patience import DATABASE_AWAY, PatientRoute
from api.webhooks.signature import SignedForm
from api.webhooks.twiml import connect_to_bridge, dial_target, hang_up
from cadenza.domain.outcomes import CallStatus
from cadenza.domain.policy import CampaignPolicy
from cadenza.records.attempts import admit_answer
from cadenza.records.call_tables import Transfer
from cadenza.records.events import StoredEvent, count_recent_events, store_event
from cadenza.records.tables import Attempt, Campaign, Lead
from cadenza.records.transfers import claim_dial, give_up_dial

router = APIRouter(prefix="/webhooks/twilio", tags=["Carrier"], route_class=PatientRoute)
_log = structlog.get_logger("api.webhooks")

MAX_RECONNECTS = 8
RECONNECT_WINDOW_SECONDS = 30.0
"""A call is given up when no bridge kept it so often within this time. A long call may outlive any number of bridges:
what ends it is silence that lasts, not a count."""
QUICK_SUCCESSION_SECONDS = 3.0
"""A stream that ended so soon after another one was not kept by any bridge. What broke longer ago is another story: a
callee who hears a second silence is not made to wait for the first."""

AttemptId = Annotated[str, Query(max_length=60, description="The attempt that the call belongs to")]
TransferId = Annotated[int, Query(ge=0, le=1_000_000, description="The transfer: its place in the call's journal")]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"CallSid": "CA00000000000000000000000000000001", "CallStatus": "in-progress"},
            }
        },
    }
}
_XML: dict[int | str, dict[str, Any]] = {
    200: {"description": "TwiML", "content": {"application/xml": {"schema": {"type": "string"}}}}
}
_PROBLEMS = errors(403, 413, 422)


@router.post(
    "/answer", summary="A call was answered", response_class=Response, responses=_XML | _PROBLEMS, openapi_extra=_FORM
)
async def answer(attempt: AttemptId, form: SignedForm, context: Context) -> Response:
    """The last gate: whom the rules did not let be called when it rang, who is suppressed meanwhile, a closed lead or a
    second call for the attempt is hung up. Otherwise the call is connected to a voice bridge."""
    await _take(context, EventKind.ANSWER, attempt, form)
    async with context.database.transaction() as session:
        if await session.get(Attempt, attempt) is None:
            return _xml(hang_up())
        call_sid = str(form.get("CallSid", ""))
        verdict = answered_by(form.get("AnsweredBy"))
        decision = await admit_answer(session, attempt, call_sid, await context.rules.gate(session), verdict)
    if not decision.allowed:
        _log.info("answered call refused", attempt=attempt, rule=decision.rule)
        return _xml(hang_up())
    return _xml(connect_to_bridge(context.settings, attempt, time.time()))


@router.post("/status", status_code=204, summary="A call progressed", responses=_PROBLEMS, openapi_extra=_FORM)
async def status(attempt: AttemptId, form: SignedForm, context: Context) -> None:
    """Repeats and any order are tolerated."""
    await _take(context, EventKind.STATUS, attempt, form)


@router.post("/machine", status_code=204, summary="Machine or person?", responses=_PROBLEMS, openapi_extra=_FORM)
async def machine(attempt: AttemptId, form: SignedForm, context: Context) -> None:
    """The verdict of the carrier's machine detection."""
    await _take(context, EventKind.MACHINE, attempt, form)


@router.post("/recording", status_code=204, summary="A recording is ready", responses=_PROBLEMS, openapi_extra=_FORM)
async def recording(attempt: AttemptId, form: SignedForm, context: Context) -> None:
    """It is fetched in the background."""
    await _take(context, EventKind.RECORDING, attempt, form)


@router.post("/stream", status_code=204, summary="A media stream changed", responses=_PROBLEMS, openapi_extra=_FORM)
async def stream(attempt: AttemptId, form: SignedForm, context: Context) -> None:
    """One that broke is looked after: should the carrier not go on by itself, the call is brought back."""
    await _take(context, EventKind.STREAM, attempt, form)


@router.post(
    "/after-stream",
    summary="A media stream ended",
    response_class=Response,
    responses=_XML | _PROBLEMS,
    openapi_extra=_FORM,
)
async def after_stream(attempt: AttemptId, request: Request, form: SignedForm, context: Context) -> Response:
    """If the conversation is over, hang up. If a person was announced to the callee, connect them. If the bridge died
    in mid-call, another one takes the call."""
    return await _go_on(attempt, request, form, context)


async def _go_on(
    attempt: str, request: Request, form: FormData, context: ApiContext, *, not_taken: bool = False
) -> Response:
    """`not_taken`: the carrier did not get our answer to this question before."""
    visit = request.headers.get("i-twilio-idempotency-token") or str(request.state.request_id)
    await _take(context, EventKind.AFTER_STREAM, attempt, form, visit)
    async with context.database.transaction() as session:
        found = await session.get(Attempt, attempt)
        if found is None or await _is_over(session, found, form):
            return _xml(hang_up())
        transfer = await claim_dial(session, attempt, visit, not_taken=not_taken)
        if transfer is not None:
            return _xml(await _dial(session, context, found, transfer))
        await give_up_dial(session, attempt)
        visits = await count_recent_events(session, attempt, EventKind.AFTER_STREAM, RECONNECT_WINDOW_SECONDS)
        quick = await count_recent_events(session, attempt, EventKind.AFTER_STREAM, QUICK_SUCCESSION_SECONDS)
    if visits > MAX_RECONNECTS:
        _log.error("call given up: no bridge keeps it", attempt=attempt)
        return _xml(hang_up())
    _log.warning("media stream ended in mid-call; connecting again", attempt=attempt, times=visits)
    # At once if a bridge had the call, for somebody is listening; else with a breath for a bridge to come back.
    return _xml(connect_to_bridge(context.settings, attempt, time.time(), pause_seconds=0 if quick <= 1 else 1))


@router.post("/transfer", status_code=204, summary="A transfer progressed", responses=_PROBLEMS, openapi_extra=_FORM)
async def transfer(attempt: AttemptId, transfer: TransferId, form: SignedForm, context: Context) -> None:
    """About the target's call, not the callee's."""
    await _take(context, EventKind.TRANSFER, attempt, form, Transfer=str(transfer))


@router.post(
    "/after-transfer",
    summary="A transfer ended",
    response_class=Response,
    responses=_XML | _PROBLEMS,
    openapi_extra=_FORM,
)
async def after_transfer(attempt: AttemptId, transfer: TransferId, form: SignedForm, context: Context) -> Response:
    """If the target took the call, it is over. If not, the callee comes back to the agent."""
    await _take(context, EventKind.AFTER_TRANSFER, attempt, form, Transfer=str(transfer))
    async with context.database.transaction() as session:
        found = await session.get(Attempt, attempt)
        if found is None or await _is_over(session, found, form):
            return _xml(hang_up())
    return _xml(connect_to_bridge(context.settings, attempt, time.time()))


@router.post(
    "/fallback",
    summary="Another document could not be had",
    response_class=Response,
    responses=_XML | _PROBLEMS,
    openapi_extra=_FORM,
)
async def fallback(attempt: AttemptId, request: Request, form: SignedForm, context: Context) -> Response:
    """The carrier waited in vain for what comes next (all our processes died, or were slow). Answered as the document
    that it could not have, named by `ErrorUrl`: a live call is not lost to one lost request."""
    match str(form.get("ErrorUrl", "")).partition("?")[0].rpartition("/")[2]:
        case "answer":
            return await answer(attempt, form, context)
        case "after-stream":
            return await _go_on(attempt, request, form, context, not_taken=True)
        case "after-transfer":
            asked = dict(parse_qsl(urlsplit(str(form["ErrorUrl"])).query)).get("transfer", "")
            return await after_transfer(attempt, int(asked) if asked.isdecimal() else 0, form, context)
    return _xml(hang_up())


@router.post(
    "/voicemail-played",
    summary="The voicemail message was played",
    response_class=Response,
    responses=_XML | _PROBLEMS,
    openapi_extra=_FORM,
)
async def voicemail_played(attempt: AttemptId, form: SignedForm, context: Context) -> Response:
    """The carrier asks what comes next: the proof that it played the message to its end."""
    await _take(context, EventKind.VOICEMAIL_PLAYED, attempt, form)
    return _xml(hang_up())


async def _dial(session: AsyncSession, context: ApiContext, attempt: Attempt, transfer: Transfer) -> str:
    campaign = await session.get_one(Campaign, attempt.campaign_id)
    _log.info("callee is connected to a person", attempt=attempt.id, target=transfer.target_id)
    return dial_target(
        context.settings,
        attempt.id,
        transfer.position,
        phone=transfer.phone,
        caller_id=attempt.from_number or context.settings.twilio_from_number,
        policy=CampaignPolicy.model_validate(campaign.policy),
    )


async def _take(
    context: ApiContext, kind: EventKind, attempt_id: str, form: FormData, visit: str = "", **more: str
) -> None:
    """Store the event, apply it to SQL, and have it delivered. A repeat of a stored one changes nothing."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)} | more
    payload, call_sid = kept_fields(kind, fields), fields.get("CallSid", "")[:64]
    async with context.database.transaction() as session:
        attempt = await session.get(Attempt, attempt_id)
        waits = attempt is not None and is_delivered(kind, fields)
        event_id = await store_event(
            session,
            attempt_id=attempt_id,
            kind=kind,
            fingerprint=fingerprint(kind, attempt_id, fields, visit),
            call_sid=call_sid,
            payload=payload,
            is_delivered=not waits,
        )
        if attempt is None:
            _log.warning("webhook for an unknown attempt", kind=kind)
        if event_id is None or attempt is None or not waits:
            return
        event = StoredEvent(event_id, attempt_id, attempt.campaign_id, attempt.lead_id, kind.value, call_sid, payload)
        applied = await _applied(session, event)
    if applied:
        context.delivery.offer(event)


async def _applied(session: AsyncSession, event: StoredEvent) -> bool:
    """False if it could not be applied now: the event stays stored, and the delivery loop tries again."""
    try:
        async with session.begin_nested():
            await apply_event(session, event)
    except DATABASE_AWAY:
        raise
    except SQLAlchemyError as error:
        _log.warning("event not applied yet", event_id=event.id, kind=event.kind, error=type(error).__name__)
        return False
    return True


async def _is_over(session: AsyncSession, attempt: Attempt, form: FormData) -> bool:
    if attempt.conversation_over or attempt.outcome is not None:
        return True
    if form.get("CallStatus") in {status.value for status in CallStatus if status.is_terminal}:
        return True
    lead = await session.get(Lead, attempt.lead_id)
    return lead is not None and lead.voicemail_attempt_id == attempt.id


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")

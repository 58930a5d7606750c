"""Calls: what happened, what was said, and the sound of it."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from api.context import ApiContext, Context
from api.pricing import prices
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.schemas.calls import CallDetail, CallOut, NoteIn, NoteOut, StageLatencyOut, TranscriptOut, TransferOut, TurnOut
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.problems import ProblemCode
from cadenza.domain.outcomes import AttemptOutcome, AttemptState
from cadenza.domain.reporting import estimate_cost
from cadenza.records.call_notes import MOST_NOTES, NoteRefusal, add_note
from cadenza.records.call_tables import Recording
from cadenza.records.calls import find_recording, get_call, list_calls, list_turns
from cadenza.records.reports import reply_latency, sum_call_usage
from cadenza.records.tables import Attempt
from cadenza.records.transfers import list_transfers

router = APIRouter(prefix="/v1/calls", tags=["Calls"])


@router.get("", summary="List calls", responses=guarded())
async def list_all(
    context: Context,
    campaign: Annotated[str | None, Query(max_length=50, description="Of this campaign")] = None,
    lead: Annotated[str | None, Query(max_length=50, description="Of this lead")] = None,
    state: Annotated[AttemptState | None, Query(description="In this state")] = None,
    outcome: Annotated[AttemptOutcome | None, Query(description="With this outcome")] = None,
    unapproved_promises: Annotated[
        bool | None, Query(description="true: only calls in which the agent promised what nobody approved")
    ] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Page[CallOut]:
    """The newest leads' calls first. Attempts that rang nobody are listed too, with the rule that refused them."""
    async with context.database.transaction() as session:
        found = await list_calls(
            session,
            campaign_id=campaign,
            lead_id=lead,
            state=state,
            outcome=outcome,
            has_unapproved_promises=unapproved_promises,
            before=after,
            limit=limit,
        )
    items = [CallOut.model_validate(attempt) for attempt in found]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{call_id}", summary="Read a call", responses=guarded(404))
async def read(call_id: str, context: Context) -> CallDetail:
    """Status, outcome, how long the callee waited for replies, and the estimated cost."""
    async with context.database.transaction() as session:
        attempt = await _known(session, call_id)
        usage = await sum_call_usage(session, call_id)
        latency = await reply_latency(session, attempt_id=call_id)
        recording = await find_recording(session, call_id)
        transfers = await list_transfers(session, call_id)
    return CallDetail.model_validate(
        {
            **attempt.model_dump(),
            "reply_latency": [StageLatencyOut.model_validate(stage) for stage in latency],
            "cost": estimate_cost(usage, prices(context.settings)),
            "transfers": [TransferOut.model_validate(transfer) for transfer in transfers],
            "has_recording": recording is not None and recording.path is not None,
        }
    )


@router.get("/{call_id}/transcript", summary="Read what was said", responses=guarded(404))
async def transcript(call_id: str, context: Context) -> TranscriptOut:
    """Turn by turn, also while the call goes on. The agent's words are those that were really played."""
    async with context.database.transaction() as session:
        await _known(session, call_id)
        turns = await list_turns(session, call_id)
    return TranscriptOut(call_id=call_id, turns=[TurnOut.model_validate(turn) for turn in turns])


@router.post("/{call_id}/context", status_code=202, summary="Tell a call a fact", responses=guarded(404, 409))
async def tell(call_id: str, note: NoteIn, context: Context) -> NoteOut:
    """The agent knows it from its next reply on, about a second later; it interrupts nobody. A call that is not
    answered yet takes it along, and it survives the death of the bridge that has the call. At most 20 for a call."""
    async with context.database.transaction() as session:
        kept = await add_note(session, call_id, note.text)
    match kept:
        case NoteRefusal.UNKNOWN_CALL:
            raise not_found("call", "GET /v1/calls lists them")
        case NoteRefusal.CALL_OVER:
            detail = "Only a call that is under way can be told something."
            raise Problem(409, ProblemCode.CALL_OVER, "The call is over", detail)
        case NoteRefusal.TOO_MANY:
            detail = f"A call takes {MOST_NOTES}. Put several facts into one."
            raise Problem(409, ProblemCode.TOO_MANY_NOTES, "The call was told too much", detail)
    return NoteOut(id=kept, call_id=call_id)


@router.get(
    "/{call_id}/recording",
    summary="Hear a call",
    response_class=FileResponse,
    responses={
        **guarded(404),
        200: {
            "description": "A WAV file: the callee left, the agent right",
            "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {
            "description": "The part asked for with `Range`",
            "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def recording(call_id: str, context: Context) -> FileResponse:
    """Understands `Range`, so that a player may jump. It is there some seconds after the call's end."""
    async with context.database.transaction() as session:
        await _known(session, call_id)
        found = await find_recording(session, call_id)
    path = _file(context, found)
    return FileResponse(path, media_type="audio/wav", filename=f"{call_id}.wav", content_disposition_type="inline")


async def _known(session: AsyncSession, call_id: str) -> Attempt:
    attempt = await get_call(session, call_id)
    if attempt is None:
        raise not_found("call", "GET /v1/calls lists them")
    return attempt


def _file(context: ApiContext, found: Recording | None) -> Path:
    if found is None or found.path is None:
        detail = "The call was not recorded." if found is None else "The recording is still on its way; try again soon."
        raise Problem(404, ProblemCode.NO_RECORDING, "There is no recording", detail)
    folder = context.settings.data_dir.resolve()
    path = (folder / found.path).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise Problem(404, ProblemCode.NO_RECORDING, "There is no recording", "Its file is gone from the data folder.")
    return path

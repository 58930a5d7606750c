"""Lead files come in; every row gets a result."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.context import ApiContext, Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.routes.campaigns import known_campaign, wrong_state
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.problems import FieldError, ProblemCode
from api.schemas.uploads import RowFinding, UploadOut, UploadResultOut
from cadenza.domain.lead_file import parse_lead_file
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.row_problem import WARNINGS, FileRefused, RowCode
from cadenza.records.campaigns import UPLOADABLE, WrongState
from cadenza.records.tables import Campaign, RowError, Upload
from cadenza.records.uploads import (
    file_hash,
    find_upload,
    get_upload,
    list_row_errors,
    list_uploads,
    lock_uploads,
    save_upload,
)

router = APIRouter(prefix="/v1", tags=["Leads"])
FINDINGS_SHOWN = 200

_CSV = "First Name,Phone,Company,Time Zone\nAda,+12125550146,Abbott & Co,America/New_York\n"
_OBJECTS = [{"first_name": "Ada", "phone": "+12125550146", "company": "Abbott & Co"}]
_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "CSV (any delimiter; UTF-8, UTF-16 or Windows-1252), a JSON array, or JSON Lines; as the body, "
        "or as the file of a form. Columns are known by the names that HubSpot, Salesforce and people use.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                "example": _OBJECTS,
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"first_name": "Ada", "phone": "+12125550146"}\n',
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
_TYPES = {"text/csv", "application/csv", "text/plain", "application/json", "application/x-ndjson", "application/jsonl",
          "application/octet-stream", "application/vnd.ms-excel", "text/tab-separated-values", ""}  # fmt: skip


@router.post(
    "/campaigns/{campaign_id}/leads",
    status_code=201,
    summary="Upload leads",
    responses={
        **guarded(404, 409, 413, 415),
        200: {"model": UploadResultOut, "description": "The same file was here before: nothing was changed"},
    },
    openapi_extra=_FILE_BODY,
)
async def upload(campaign_id: str, request: Request, response: Response, context: Context) -> UploadResultOut:
    """Good rows become leads; each other row is reported with its reason and a fix. Nobody is called by an upload.

    Sending the same file again changes nothing and answers 200 with `already_uploaded`.
    """
    data, file_name = await _read_file(request, context)
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id)
    _check_open(campaign)
    sha256 = file_hash(data, campaign.default_country)
    async with context.database.transaction() as session:
        known = await find_upload(session, campaign_id, sha256)
    if known is not None:
        response.status_code = 200
        return await _result(context, known.upload_id, is_repeat=True)
    try:
        lead_file = await asyncio.to_thread(parse_lead_file, data, campaign.default_country)
    except FileRefused as refusal:
        raise _refused(refusal) from None
    async with context.database.transaction() as session:
        await lock_uploads(session, campaign_id)
        _check_open(await known_campaign(session, campaign_id))
        saved = await find_upload(session, campaign_id, sha256) or await save_upload(
            session, campaign_id, file_name, sha256, lead_file
        )
    if saved.accepted and not saved.is_repeat and campaign.state in {CampaignState.RUNNING, CampaignState.PREPARING}:
        await context.orchestration.launch(campaign_id)  # greet the new leads by their names, too
    response.status_code = 200 if saved.is_repeat else 201
    return await _result(context, saved.upload_id, is_repeat=saved.is_repeat)


@router.get("/campaigns/{campaign_id}/uploads", summary="List uploads", responses=guarded(404))
async def list_of_campaign(
    campaign_id: str, context: Context, limit: Limit = 50, after: Cursor = None
) -> Page[UploadOut]:
    """Newest first."""
    async with context.database.transaction() as session:
        await known_campaign(session, campaign_id)
        found = await list_uploads(session, campaign_id, before=after, limit=limit)
    items = [UploadOut.model_validate(upload.model_dump()) for upload in found]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/uploads/{upload_id}", summary="Read an upload, row by row", responses=guarded(404))
async def read(
    upload_id: str,
    context: Context,
    limit: Limit = FINDINGS_SHOWN,
    after: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the page before")] = None,
    warnings: Annotated[bool, Query(description="Warnings too, not only errors")] = True,
) -> UploadResultOut:
    """What was found in each row, in the file's order."""
    return await _result(context, upload_id, after=int(after or 0), limit=limit, with_warnings=warnings)


async def _result(
    context: ApiContext,
    upload_id: str,
    *,
    is_repeat: bool = False,
    after: int = 0,
    limit: int = FINDINGS_SHOWN,
    with_warnings: bool = True,
) -> UploadResultOut:
    async with context.database.transaction() as session:
        found: Upload | None = await get_upload(session, upload_id)
        if found is None:
            raise not_found("upload", "GET /v1/campaigns/{id}/uploads lists them")
        errors = await list_row_errors(session, upload_id, after=after, limit=limit, with_warnings=with_warnings)
    return UploadResultOut.model_validate(
        {
            **found.model_dump(),
            "already_uploaded": is_repeat,
            "findings": [_finding(error) for error in errors],
            "next": str(errors[-1].id) if len(errors) == limit else None,
        }
    )


def _finding(error: RowError) -> RowFinding:
    severity = "warning" if RowCode(error.code) in WARNINGS else "error"
    return RowFinding.model_validate({**error.model_dump(), "severity": severity})


async def _read_file(request: Request, context: ApiContext) -> tuple[bytes, str]:
    """The file and its name, from the body or from a form."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                for value in form.values():
                    if isinstance(value, UploadFile):
                        return await value.read(), value.filename or "leads"
        except HTTPException as error:
            raise _no_file(str(error.detail)) from None
        raise _no_file("The form holds no file.")
    if content_type not in _TYPES:
        raise Problem(
            415,
            ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            "This content type is not understood",
            "Send text/csv, application/json, application/x-ndjson, or a form with a file.",
        )
    return await request.body(), "leads.json" if "json" in content_type else "leads.csv"


def _no_file(detail: str) -> Problem:
    return Problem(
        422,
        ProblemCode.INVALID_REQUEST,
        "The request is not valid",
        detail,
        errors=[FieldError(field="file", message=detail, fix="Send the lead file in the form's field `file`.")],
    )


def _check_open(campaign: Campaign) -> None:
    state = CampaignState(campaign.state)
    if state not in UPLOADABLE:
        raise wrong_state(WrongState(state, "upload leads into"))


def _refused(refusal: FileRefused) -> Problem:
    return Problem(
        422,
        ProblemCode(refusal.code.value),
        "The file cannot be taken",
        refusal.message,
        errors=[FieldError(field="file", message=refusal.message, fix=refusal.fix)],
    )

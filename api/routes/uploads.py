"""Lead files come in; every row gets a result."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.authorship import Author
from api.context import ApiContext, Context
from api.problems import Problem, not_found
from api.received_file import XLSX, received_file
from api.routes.answers import guarded
from api.routes.campaigns import known_campaign, wrong_state
from api.schemas.pages import Cursor, Limit, Page
from api.schemas.problems import FieldError, ProblemCode
from api.schemas.uploads import (
    ActiveElsewhere,
    PreviewColumn,
    PreviewOut,
    PreviewRow,
    RowFinding,
    UploadOut,
    UploadResultOut,
)
from cadenza.domain.lead_columns import TARGETS
from cadenza.domain.lead_file import LeadFile, ReadOptions, RowResult, open_lead_file, peek
from cadenza.domain.outcomes import CampaignState, UploadState
from cadenza.domain.row_problem import WARNINGS, FileCode, FileRefused, RowCode, RowProblem
from cadenza.records.campaigns import WrongState
from cadenza.records.rejected_rows import rejected_csv
from cadenza.records.tables import Campaign, RowError, Upload
from cadenza.records.uploading import check_open, take_file
from cadenza.records.uploads import UploadOptions, get_upload, list_row_errors, list_uploads

router = APIRouter(prefix="/v1", tags=["Leads"])
FINDINGS_SHOWN = 200
PREVIEW_ROWS = 20
_SAMPLES = 3

_CSV = "First Name,Phone,Company,Time Zone\nAda,+12125550146,Abbott & Co,America/New_York\n"
_OBJECTS = [{"first_name": "Ada", "phone": "+12125550146", "company": "Abbott & Co"}]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "CSV (any delimiter; UTF-8, UTF-16 or Windows-1252), an Excel workbook (.xlsx), a JSON array, "
        "or JSON Lines; as the body, or as the file of a form. Columns are known by the names that HubSpot, Salesforce "
        "and people use.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            XLSX: _BINARY,
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


def _mapping(
    mapping: Annotated[
        str | None,
        Query(
            max_length=50_000,
            description='What columns are, as a JSON object by header: `{"Plan": "custom:plan", "Tel 2": '
            '"work_phone"}`. Columns that it does not name keep what their name is known for.',
        ),
    ] = None,
) -> dict[str, str]:
    try:
        read = json.loads(mapping or "{}")
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not all(isinstance(target, str) for target in read.values()):
        raise Problem(
            422,
            ProblemCode.BAD_MAPPING,
            "The mapping cannot be read",
            "It is not a JSON object of headers and targets.",
            errors=[FieldError(field="mapping", message="Not a JSON object of texts.", fix=f"Targets are: {TARGETS}.")],
        )
    return read


Mapping = Annotated[dict[str, str], Depends(_mapping)]
KeepUnknown = Annotated[bool, Query(description="Keep columns that are not understood as custom fields")]


@router.post(
    "/campaigns/{campaign_id}/leads",
    status_code=201,
    summary="Upload leads",
    responses={
        **guarded(404, 409, 413, 415),
        200: {"model": UploadResultOut, "description": "Nothing was changed: a dry run, or the file was here before"},
    },
    openapi_extra=_FILE_BODY,
)
async def upload(
    campaign_id: str,
    request: Request,
    response: Response,
    context: Context,
    author: Author,
    mapping: Mapping,
    mapping_of: Annotated[
        str | None, Query(max_length=50, description="Columns as in this earlier upload: for its corrected rows")
    ] = None,
    keep_unknown: KeepUnknown = False,
    active_elsewhere: Annotated[
        ActiveElsewhere, Query(description="Numbers that another campaign is calling: refuse or take them")
    ] = ActiveElsewhere.REFUSE,
    dry_run: Annotated[bool, Query(description="Find out what would happen, and change nothing")] = False,
) -> UploadResultOut:
    """Good rows become leads; each other row is reported with its reason and a fix. Nobody is called by an upload.

    Sending the same file again changes nothing and answers 200 with `already_uploaded`. While a large file is taken,
    `GET /v1/campaigns/{id}/uploads` shows how far it is. A file whose upload broke off may simply be sent again.
    """
    await _open_campaign(context, campaign_id)
    if mapping_of is not None:
        mapping = {**(await _known_upload(context, mapping_of)).mapping, **mapping}
    options = UploadOptions(
        mapping=mapping,
        keep_unknown=keep_unknown,
        take_active=active_elsewhere is ActiveElsewhere.TAKE,
        dry_run=dry_run,
    )
    async with received_file(request) as file, context.upload_places:
        try:
            taken = await take_file(
                context.database,
                campaign_id,
                file,
                options,
                max_rows=context.settings.max_upload_rows,
                who=author.who,
                why=author.why,
            )
        except FileRefused as refusal:
            raise _refused(refusal) from None
        except WrongState as error:
            raise wrong_state(error) from None
    if taken.accepted and not taken.is_repeat and not dry_run:
        state = (await _open_campaign(context, campaign_id)).state
        if state in {CampaignState.RUNNING, CampaignState.PREPARING}:
            await context.orchestration.launch(campaign_id)  # greet the new leads by their names, too
    response.status_code = 200 if taken.is_repeat or dry_run else 201
    return await _result(context, taken.upload_id, is_repeat=taken.is_repeat)


@router.post(
    "/campaigns/{campaign_id}/leads/preview",
    summary="Preview a lead file",
    responses=guarded(404, 409, 413, 415),
    openapi_extra=_FILE_BODY,
)
async def preview(
    campaign_id: str, request: Request, context: Context, mapping: Mapping, keep_unknown: KeepUnknown = False
) -> PreviewOut:
    """What each column would be taken for, and the first 20 rows as they would be read. Nothing is kept."""
    campaign = await _open_campaign(context, campaign_id)
    options = ReadOptions(default_country=campaign.default_country, mapping=mapping, keep_unknown=keep_unknown)
    async with received_file(request) as file, context.upload_places:
        try:
            lead_file = await asyncio.to_thread(open_lead_file, file.stream, options)
            rows = await asyncio.to_thread(peek, lead_file, PREVIEW_ROWS)
        except FileRefused as refusal:
            raise _refused(refusal) from None
    return _preview(lead_file, rows)


@router.get("/campaigns/{campaign_id}/uploads", summary="List uploads", responses=guarded(404))
async def list_of_campaign(
    campaign_id: str, context: Context, limit: Limit = 50, after: Cursor = None
) -> Page[UploadOut]:
    """Newest first; those that are under way with their progress, and dry runs, too."""
    async with context.database.transaction() as session:
        await known_campaign(session, campaign_id)
        found = await list_uploads(session, campaign_id, before=after, limit=limit)
    items = [UploadOut.model_validate(_fields(upload)) for upload in found]
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


@router.get(
    "/uploads/{upload_id}/rejected.csv",
    summary="Rows to correct",
    response_class=StreamingResponse,
    responses={
        **guarded(404),
        200: {
            "description": "CSV, UTF-8 with a byte order mark",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
    },
)
async def rejected(upload_id: str, context: Context) -> StreamingResponse:
    """The rows that were not taken, with the file's own columns and, after them, what is wrong and what to do.

    Correct them and upload the file again with `mapping_of` set to this upload: the columns with the errors are
    ignored. Cells that a spreadsheet would run as a formula have an apostrophe before them, which is taken off again.
    """
    found = await _known_upload(context, upload_id)
    return StreamingResponse(
        rejected_csv(context.database, found),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{upload_id}-rejected.csv"'},
    )


async def _open_campaign(context: ApiContext, campaign_id: str) -> Campaign:
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id)
    try:
        check_open(CampaignState(campaign.state))
    except WrongState as error:
        raise wrong_state(error) from None
    return campaign


async def _known_upload(context: ApiContext, upload_id: str) -> Upload:
    async with context.database.transaction() as session:
        found = await get_upload(session, upload_id)
    if found is None:
        raise not_found("upload", "GET /v1/campaigns/{id}/uploads lists them")
    return found


async def _result(
    context: ApiContext,
    upload_id: str,
    *,
    is_repeat: bool = False,
    after: int = 0,
    limit: int = FINDINGS_SHOWN,
    with_warnings: bool = True,
) -> UploadResultOut:
    found = await _known_upload(context, upload_id)
    async with context.database.transaction() as session:
        errors = await list_row_errors(session, upload_id, after=after, limit=limit, with_warnings=with_warnings)
    return UploadResultOut.model_validate(
        {
            **_fields(found),
            "already_uploaded": is_repeat,
            "findings": [_finding(error) for error in errors],
            "next": str(errors[-1].id) if len(errors) == limit else None,
        }
    )


def _fields(upload: Upload) -> dict[str, Any]:
    is_read = upload.state in {UploadState.DONE, UploadState.STORING} or not upload.size_bytes
    progress = 1.0 if is_read else min(1.0, upload.bytes_read / upload.size_bytes)
    return {**upload.model_dump(), "progress": round(progress, 3)}


def _finding(found: RowError | RowProblem) -> RowFinding:
    severity = "warning" if RowCode(found.code) in WARNINGS else "error"
    return RowFinding.model_validate({**found.model_dump(), "severity": severity})


def _preview(lead_file: LeadFile, rows: list[RowResult]) -> PreviewOut:
    mapping = lead_file.plan.mapping
    columns = []
    for position, name in enumerate(lead_file.plan.headers):
        texts = (row.cells[position] for row in rows if position < len(row.cells) and row.cells[position].strip())
        samples = [text[:100] for text, _ in zip(texts, range(_SAMPLES), strict=False)]
        columns.append(PreviewColumn(name=name, target=mapping[name], samples=samples))
    return PreviewOut(
        kind=lead_file.form.kind,
        encoding=lead_file.form.encoding,
        delimiter=lead_file.delimiter,
        columns=columns,
        targets=TARGETS.split(", "),
        rows=[
            PreviewRow(
                row=row.row,
                cells=list(row.cells),
                lead=row.lead.model_dump(mode="json", exclude={"row"}) if row.lead else None,
                findings=[_finding(problem) for problem in row.problems],
            )
            for row in rows
        ],
        warnings=[_finding(warning) for warning in lead_file.warnings],
    )


def _refused(refusal: FileRefused) -> Problem:
    field = "mapping" if refusal.code is FileCode.BAD_MAPPING else "file"
    return Problem(
        422,
        ProblemCode(refusal.code.value),
        "The file cannot be taken",
        refusal.message,
        errors=[FieldError(field=field, message=refusal.message, fix=refusal.fix)],
    )

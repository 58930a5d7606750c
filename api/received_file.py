"""A lead file on its way in: written to a temporary file piece by piece, never held whole."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.problems import Problem
from api.schemas.problems import FieldError, ProblemCode
from cadenza.records.uploading import ReceivedFile

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPES = {
    "text/csv", "application/csv", "text/plain", "text/tab-separated-values", "application/vnd.ms-excel", XLSX,
    "application/json", "application/x-ndjson", "application/jsonl", "application/octet-stream", "",
}  # fmt: skip
_HELD_BYTES = 1 << 20
_PIECE = 1 << 20


@asynccontextmanager
async def received_file(request: Request) -> AsyncIterator[ReceivedFile]:
    """The request's file, from its body or from a form; gone at the end. What it is, its content decides."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        form = await _form(request)
        try:
            file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
            if file is None:
                raise _no_file("The form holds no file.")
            yield await asyncio.to_thread(_digested, file.file, file.filename or "leads")
        finally:
            await form.close()
        return
    if content_type not in _TYPES:
        raise Problem(
            415,
            ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            "This content type is not understood",
            "Send text/csv, application/json, application/x-ndjson, an Excel workbook, or a form with a file.",
        )
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as body:
        async for piece in request.stream():
            body.write(piece)
        yield await asyncio.to_thread(_digested, cast(BinaryIO, body), _NAMES.get(content_type, "leads.csv"))


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=20)
    except HTTPException as error:
        raise _no_file(str(error.detail)) from None


_NAMES = {XLSX: "leads.xlsx", "application/json": "leads.json", "application/x-ndjson": "leads.jsonl"}


def _digested(stream: BinaryIO, name: str) -> ReceivedFile:
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while piece := stream.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return ReceivedFile(stream, name, size, digest.hexdigest())


def _no_file(detail: str) -> Problem:
    return Problem(
        422,
        ProblemCode.INVALID_REQUEST,
        "The request is not valid",
        detail,
        errors=[FieldError(field="file", message=detail, fix="Send the lead file in the form's field `file`.")],
    )

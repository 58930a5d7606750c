"""Uploads of lead files as they are kept: found, listed, begun, ended. Nothing is called by an upload."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import UploadState
from cadenza.domain.row_problem import WARNINGS
from cadenza.records.tables import RowError, Upload


class UploadOptions(BaseModel):
    """How a file is to be taken. `take_active` takes leads that other campaigns are calling; `dry_run` finds out what
    would happen and changes no lead."""

    model_config = ConfigDict(frozen=True)

    mapping: dict[str, str] = {}
    keep_unknown: bool = False
    take_active: bool = False
    dry_run: bool = False


def upload_hash(digest: str, default_country: str, options: UploadOptions) -> str:
    """The same bytes read otherwise are another upload. `digest` is the file's own SHA-256."""
    reading: list[Any] = [default_country, sorted(options.mapping.items()), options.keep_unknown, options.take_active]
    return hashlib.sha256(orjson.dumps([digest, *reading])).hexdigest()


async def lock_uploads(session: AsyncSession, campaign_id: str) -> None:
    """One upload into a campaign at a time, so that the same file sent twice at once counts once."""
    await session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"upload:{campaign_id}"}
    )


async def find_upload(session: AsyncSession, campaign_id: str, sha256: str) -> Upload | None:
    """The upload that took this file."""
    query = select(Upload).where(
        Upload.campaign_id == campaign_id,
        Upload.sha256 == sha256,
        Upload.state == UploadState.DONE.value,
        col(Upload.dry_run).is_(False),
    )
    return (await session.exec(query)).first()


async def begin_upload(session: AsyncSession, upload: Upload) -> None:
    """Show an upload that is under way. Who calls holds the campaign's lock, so that others found under way are dead.
    A dry run takes the place of an earlier one of the same file."""
    await session.execute(
        text(
            "update upload set state = :interrupted, finished_at = now() "
            "where campaign_id = :campaign and state = any(:under_way)"
        ),
        {
            "interrupted": UploadState.INTERRUPTED.value,
            "campaign": upload.campaign_id,
            "under_way": [UploadState.READING.value, UploadState.STORING.value],
        },
    )
    if upload.dry_run:
        await session.execute(
            text("delete from upload where campaign_id = :campaign and sha256 = :sha256 and dry_run"),
            {"campaign": upload.campaign_id, "sha256": upload.sha256},
        )
    session.add(upload)
    await session.flush()


async def note_progress(
    session: AsyncSession, upload_id: str, *, state: UploadState, rows: int, bytes_read: int
) -> None:
    await session.execute(
        text("update upload set state = :state, rows = :rows, bytes_read = :bytes where id = :id"),
        {"state": state.value, "rows": rows, "bytes": bytes_read, "id": upload_id},
    )


async def finish_upload(session: AsyncSession, upload_id: str, *, rows: int, accepted: int) -> None:
    await session.execute(
        text(
            "update upload set state = :done, rows = :rows, accepted = :accepted, rejected = :rejected, "
            "bytes_read = size_bytes, finished_at = clock_timestamp() where id = :id"
        ),
        {
            "done": UploadState.DONE.value,
            "rows": rows,
            "accepted": accepted,
            "rejected": rows - accepted,
            "id": upload_id,
        },
    )


async def forget_upload(session: AsyncSession, upload_id: str) -> None:
    """Nothing of the file was taken."""
    await session.execute(text("delete from upload where id = :id and state <> 'done'"), {"id": upload_id})


async def get_upload(session: AsyncSession, upload_id: str) -> Upload | None:
    return await session.get(Upload, upload_id)


async def list_uploads(session: AsyncSession, campaign_id: str, *, before: str | None, limit: int) -> list[Upload]:
    """Newest first."""
    query = select(Upload).where(Upload.campaign_id == campaign_id).order_by(col(Upload.id).desc()).limit(limit)
    if before is not None:
        query = query.where(Upload.id < before)
    return list(await session.exec(query))


async def list_row_errors(
    session: AsyncSession, upload_id: str, *, after: int, limit: int, with_warnings: bool = True
) -> list[RowError]:
    """In the file's order. `after` is the last id of the page before."""
    query = (
        select(RowError)
        .where(RowError.upload_id == upload_id, col(RowError.id) > after)
        .order_by(col(RowError.id))
        .limit(limit)
    )
    if not with_warnings:
        query = query.where(col(RowError.code).not_in([code.value for code in WARNINGS]))
    return list(await session.exec(query))

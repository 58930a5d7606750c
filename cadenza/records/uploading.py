"""A lead file into a campaign, in bounded memory: read in pieces on a thread, copied piece by piece, judged and written
in one transaction.

What a death leaves: the upload's own row says `reading` or `storing`, and nothing else is there. The next upload into
the campaign calls it `interrupted`; the same file may be sent again and is then taken as if for the first time.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.identifiers import new_id
from cadenza.domain.lead_file import LeadFile, ReadOptions, RowResult, no_rows, open_lead_file
from cadenza.domain.outcomes import CampaignState, UploadState
from cadenza.records.audit import note_change
from cadenza.records.campaigns import UPLOADABLE, WrongState, get_campaign
from cadenza.records.database import Database
from cadenza.records.tables import Upload
from cadenza.records.upload_stage import StagedRows, finish_stage, open_stage, stage_rows, staged
from cadenza.records.uploads import (
    UploadOptions,
    begin_upload,
    find_upload,
    finish_upload,
    forget_upload,
    lock_uploads,
    note_progress,
    upload_hash,
)

ROWS_AT_ONCE = 500
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class ReceivedFile:
    """A file that has arrived whole. `digest` is the SHA-256 of its bytes."""

    stream: BinaryIO
    name: str
    size_bytes: int
    digest: str


@dataclass(frozen=True)
class Taken:
    """Which upload holds the file's results, and whether it had been taken before."""

    upload_id: str
    accepted: int
    is_repeat: bool


async def take_file(
    database: Database,
    campaign_id: str,
    file: ReceivedFile,
    options: UploadOptions,
    *,
    max_rows: int,
    who: str = "",
    why: str = "",
) -> Taken:
    """Take the file's good rows and keep a finding for each other. Raises UnknownCampaign, WrongState, and FileRefused
    (then nothing of it was taken)."""
    upload_id = new_id("up")
    begun = False
    try:
        async with database.transaction() as session:
            await lock_uploads(session, campaign_id)
            campaign = await get_campaign(session, campaign_id)
            check_open(CampaignState(campaign.state))
            sha256 = upload_hash(file.digest, campaign.default_country, options)
            if not options.dry_run and (known := await find_upload(session, campaign_id, sha256)):
                return Taken(known.id, known.accepted, is_repeat=True)
            reading = ReadOptions(
                default_country=campaign.default_country,
                mapping=options.mapping,
                keep_unknown=options.keep_unknown,
                max_rows=max_rows,
            )
            lead_file = await asyncio.to_thread(open_lead_file, file.stream, reading)
            async with database.transaction() as beside:
                await begin_upload(beside, _upload(upload_id, campaign_id, sha256, file, options, lead_file))
                begun = True
            rows = await _stage(session, database, upload_id, file, lead_file)
            accepted = await finish_stage(
                session, campaign_id, upload_id, take_active=options.take_active, dry_run=options.dry_run
            )
            # Held until the commit, so that a cancelled campaign closes these leads or has none of them
            state = await session.execute(
                text("select state from campaign where id = :id for share"), {"id": campaign_id}
            )
            check_open(CampaignState(state.scalar_one()))
            await finish_upload(session, upload_id, rows=rows, accepted=accepted)
            if not options.dry_run:
                await note_change(
                    session, "upload.taken", who=who, why=why, campaign_id=campaign_id,
                    upload=upload_id, rows=rows, accepted=accepted,
                )  # fmt: skip
    except Exception:
        if begun:
            async with database.transaction() as beside:
                await forget_upload(beside, upload_id)
        raise
    return Taken(upload_id, accepted, is_repeat=False)


async def _stage(
    session: AsyncSession, database: Database, upload_id: str, file: ReceivedFile, lead_file: LeadFile
) -> int:
    """Copy the file's rows into the stage, and let others see how far it is. Returns how many rows there are."""
    await open_stage(session)
    await stage_rows(session, staged([], lead_file.warnings))
    results = lead_file.results()
    rows, told_at = 0, time.monotonic()
    while True:
        count, piece = await asyncio.to_thread(_next_piece, results)
        if not count:
            break
        await stage_rows(session, piece)
        rows += count
        if time.monotonic() - told_at > PROGRESS_SECONDS:
            await _tell(database, upload_id, UploadState.READING, rows, file.stream.tell())
            told_at = time.monotonic()
    if not rows:
        raise no_rows(lead_file)
    await _tell(database, upload_id, UploadState.STORING, rows, file.size_bytes)
    return rows


def _next_piece(results: Iterator[RowResult]) -> tuple[int, StagedRows]:
    piece = list(islice(results, ROWS_AT_ONCE))
    return len(piece), staged(piece)


async def _tell(database: Database, upload_id: str, state: UploadState, rows: int, bytes_read: int) -> None:
    async with database.transaction() as beside:
        await note_progress(beside, upload_id, state=state, rows=rows, bytes_read=bytes_read)


def _upload(
    upload_id: str, campaign_id: str, sha256: str, file: ReceivedFile, options: UploadOptions, lead_file: LeadFile
) -> Upload:
    return Upload(
        id=upload_id,
        campaign_id=campaign_id,
        file_name=file.name[:200],
        sha256=sha256,
        state=UploadState.READING.value,
        dry_run=options.dry_run,
        kind=lead_file.form.kind.value,
        encoding=lead_file.form.encoding,
        size_bytes=file.size_bytes,
        columns=list(lead_file.plan.headers),
        mapping=lead_file.plan.mapping,
        rows=0,
        accepted=0,
        rejected=0,
    )


def check_open(state: CampaignState) -> None:
    """Raises WrongState for a campaign that takes no leads any more."""
    if state not in UPLOADABLE:
        raise WrongState(state, "upload leads into")

"""Recordings: fetched from the carrier into the data folder, and deleted in both places when they are old.

| activity | input | result | start-to-close |
|---|---|---|---|
| `fetch_recording` | `RecordingInput` | `FetchedRecording` | 5 min, heartbeat 15 s, retries for an hour |
| `delete_old_recordings` | none | `DeletedRecordings` | 10 min, heartbeat 15 s; once a day |

A recording that is not ready yet is an ApplicationError of type `recording_not_ready`, with its own retry delay.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeat import heartbeating
from cadenza.domain.messages import RecordingInput
from cadenza.records.call_tables import Recording
from cadenza.records.database import Database
from cadenza.records.recordings import (
    forget_recording,
    get_recording,
    mark_fetched,
    note_recording,
    recordings_to_delete,
)
from cadenza.records.tables import Attempt
from cadenza.settings import Settings

FOLDER = "recordings"
_SID = re.compile(r"RE[0-9a-fA-F]{32}")
_NOT_READY_SECONDS = 5
_READY = "completed"
_COMING = frozenset({"in-progress", "processing", "paused", "stopped"})


class FetchedRecording(BaseModel):
    """`path` is relative to the data folder; empty where the carrier has no recording after all."""

    model_config = ConfigDict(frozen=True)
    path: str = ""
    size_bytes: int = 0
    duration_seconds: int = 0


class DeletedRecordings(BaseModel):
    model_config = ConfigDict(frozen=True)
    deleted: int


class RecordingActivities:
    """Talks to the carrier's media over HTTP. One for each worker process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._data_dir = settings.data_dir
        self._retention_days = settings.recording_retention_days
        self._root = f"/2010-04-01/Accounts/{settings.twilio_account_sid}/Recordings"
        # Our own address, not the one in the callback: the request carries our credentials.
        self._http = httpx.Client(
            base_url=settings.twilio_base_url,
            auth=(settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()),
            timeout=httpx.Timeout(30, connect=5),
        )

    def all(self) -> list[Callable[..., Any]]:
        """What to register with a worker."""
        return [self.fetch_recording, self.delete_old_recordings]

    async def close(self) -> None:
        self._http.close()

    @activity.defn
    async def fetch_recording(self, request: RecordingInput) -> FetchedRecording:
        """Store one recording as a WAV file, once."""
        sid = request.recording_sid
        if not _SID.fullmatch(sid):
            raise ApplicationError("not a recording's id", type="bad_recording_id", non_retryable=True)
        async with self._database.transaction() as session:
            known = await get_recording(session, sid)
            attempt = await session.get(Attempt, request.attempt_id)
        if attempt is None:
            raise ApplicationError(f"no attempt {request.attempt_id}", type="unknown_attempt", non_retryable=True)
        if known is not None and (done := self._stored(known)) is not None:
            return done
        async with heartbeating():
            facts = await asyncio.to_thread(self._describe, sid)
            if facts["status"] != _READY:
                return self._not_there(sid, str(facts["status"]))
            duration = max(0, int(facts.get("duration") or 0))
            channels = int(facts.get("channels") or 1)
            async with self._database.transaction() as session:
                await note_recording(
                    session,
                    sid=sid,
                    attempt_id=request.attempt_id,
                    source_url=f"{self._root}/{sid}",
                    duration_seconds=duration,
                    channels=channels,
                )
            path = f"{FOLDER}/{sid}.wav"
            size = await asyncio.to_thread(self._download, sid, channels, self._data_dir / path)
            async with self._database.transaction() as session:
                is_known = await mark_fetched(session, sid, path=path, size_bytes=size)
            if not is_known:
                (self._data_dir / path).unlink(missing_ok=True)  # it was erased while it was on its way
                return FetchedRecording()
        return FetchedRecording(path=path, size_bytes=size, duration_seconds=duration)

    @activity.defn
    async def delete_old_recordings(self) -> DeletedRecordings:
        """Delete what is older than the retention, or was asked to be erased, at the carrier first: a failure leaves
        the row for the next run."""
        deleted = 0
        async with heartbeating():
            while True:
                async with self._database.transaction() as session:
                    old = await recordings_to_delete(session, self._retention_days)
                for recording in old:
                    await asyncio.to_thread(self._delete, recording)
                    async with self._database.transaction() as session:
                        await forget_recording(session, recording.sid)
                    deleted += 1
                if not old:
                    return DeletedRecordings(deleted=deleted)

    def _stored(self, recording: Recording) -> FetchedRecording | None:
        """What an earlier run stored, if the file is still there in full."""
        if recording.path is None or recording.size_bytes is None:
            return None
        file = self._data_dir / recording.path
        if not file.is_file() or file.stat().st_size != recording.size_bytes:
            return None
        return FetchedRecording(
            path=recording.path, size_bytes=recording.size_bytes, duration_seconds=recording.duration_seconds
        )

    def _not_there(self, sid: str, status: str) -> FetchedRecording:
        if status in _COMING:
            raise ApplicationError(
                f"recording {sid} is {status}",
                type="recording_not_ready",
                next_retry_delay=timedelta(seconds=_NOT_READY_SECONDS),
            )
        return FetchedRecording()  # absent, failed, deleted: there is nothing to fetch

    def _describe(self, sid: str) -> dict[str, Any]:
        answer = self._ask("GET", f"{self._root}/{sid}.json")
        if answer.status_code == 404:
            return {"status": "absent"}
        facts: dict[str, Any] = answer.json()
        return facts

    def _download(self, sid: str, channels: int, target: Path) -> int:
        """Stream into a temporary name and rename, so that nobody sees half a file. Returns its size in bytes."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{uuid4().hex}.part")
        try:
            with self._http.stream(
                "GET", f"{self._root}/{sid}.wav", params={"RequestedChannels": str(channels)}
            ) as answer:
                if answer.status_code != 200:
                    raise _carrier_error(sid, answer.status_code)
                with part.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
            size = part.stat().st_size
            part.replace(target)
        except httpx.HTTPError as error:
            raise ApplicationError(f"recording {sid}: {type(error).__name__}", type="carrier_unreachable") from None
        finally:
            part.unlink(missing_ok=True)
        return size

    def _delete(self, recording: Recording) -> None:
        self._ask("DELETE", f"{self._root}/{recording.sid}.json")
        if recording.path:
            (self._data_dir / recording.path).unlink(missing_ok=True)

    def _ask(self, method: str, path: str) -> httpx.Response:
        """404 is an answer: there is no such recording."""
        sid = path.rsplit("/", 1)[-1].removesuffix(".json")
        try:
            answer = self._http.request(method, path)
        except httpx.HTTPError as error:
            raise ApplicationError(f"recording {sid}: {type(error).__name__}", type="carrier_unreachable") from None
        if answer.status_code >= 400 and answer.status_code != 404:
            raise _carrier_error(sid, answer.status_code)
        return answer


def _carrier_error(sid: str, status: int) -> ApplicationError:
    if status == 404:  # the description was there, the media is not yet
        return ApplicationError(f"recording {sid} has no media yet", type="recording_not_ready")
    final = status in {401, 403}
    return ApplicationError(f"recording {sid}: status {status}", type="carrier_refused", non_retryable=final)

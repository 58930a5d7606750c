"""Recordings fetched from the emulated carrier. Pins: a file is there in full or not at all, credentials go to our own
address only, and what is old is gone in both places."""

import wave
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.recordings import FetchedRecording, RecordingActivities
from cadenza.domain.messages import RecordingInput
from rehearsal.twilio.call import RecordingSettings
from rehearsal.twilio.recording import Recording
from rehearsal.twilio.server import build
from rehearsal.world import World, create_world
from tests.activities.house import House, rehearsal_settings

pytestmark = pytest.mark.servers
SID = "RE" + "0a" * 16


class Archive:
    def __init__(self, house: House, world: World, activities: RecordingActivities, data_dir: Path) -> None:
        self.house, self.world, self.activities, self.data_dir = house, world, activities, data_dir

    def record(self, seconds: float = 2.0, *, finished: bool = True) -> Recording:
        recording = Recording(SID, "CA1", RecordingSettings(channels=2), datetime.now(UTC), self.data_dir / "carrier")
        recording.write(b"\x10" * int(seconds * 8000), b"\x90" * int(seconds * 8000))
        if finished:
            recording.finish()
        self.world.calls["CA1"] = SimpleNamespace(recordings=[recording])
        return recording

    async def fetch(self, attempt_id: str, sid: str = SID) -> FetchedRecording:
        wish = RecordingInput(attempt_id=attempt_id, recording_sid=sid)
        return await ActivityEnvironment().run(self.activities.fetch_recording, wish)

    def fault(self, operation: str, effect: str, **more: Any) -> None:
        self.world.faults.order({"vendor": "twilio", "operation": operation, "effect": effect, **more})

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.data_dir / "recordings").glob("*"))


@pytest_asyncio.fixture
async def archive(house: House, tmp_path: Path) -> AsyncIterator[Archive]:
    world = create_world(rehearsal_settings(tmp_path), write_truth=False)
    emulator = build(world)
    await emulator.start("127.0.0.1", 0)
    settings = rehearsal_settings(tmp_path, twilio_base_url=f"http://127.0.0.1:{emulator.port}")
    activities = RecordingActivities(settings, house.database)
    yield Archive(house, world, activities, tmp_path)
    await activities.close()
    world.calls.clear()
    await emulator.stop()


@pytest_asyncio.fixture
async def attempt(house: House) -> str:
    return await house.attempt(await house.lead(await house.campaign()))


async def test_a_recording_is_stored_with_both_channels(archive: Archive, attempt: str) -> None:
    archive.record(seconds=2.0)
    fetched = await archive.fetch(attempt)
    assert fetched.path == f"recordings/{SID}.wav" and fetched.duration_seconds == 2
    with wave.open(str(archive.data_dir / fetched.path)) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 16000)
    (row,) = await archive.house.run("select path, size_bytes, channels, fetched_at, attempt_id from recording")
    assert (row.path, row.size_bytes, row.channels, row.attempt_id) == (fetched.path, fetched.size_bytes, 2, attempt)
    assert row.fetched_at is not None
    assert archive.files() == [f"{SID}.wav"]


async def test_a_recording_that_is_there_is_not_fetched_again(archive: Archive, attempt: str) -> None:
    archive.record()
    first = await archive.fetch(attempt)
    archive.world.calls.clear()
    assert await archive.fetch(attempt) == first


async def test_a_file_that_is_gone_is_fetched_again(archive: Archive, attempt: str) -> None:
    archive.record()
    first = await archive.fetch(attempt)
    (archive.data_dir / first.path).unlink()
    assert await archive.fetch(attempt) == first
    assert (archive.data_dir / first.path).is_file()


async def test_one_that_is_not_ready_is_tried_again_in_seconds(archive: Archive, attempt: str) -> None:
    recording = archive.record(finished=False)
    with pytest.raises(ApplicationError) as failure:
        await archive.fetch(attempt)
    assert failure.value.type == "recording_not_ready" and failure.value.next_retry_delay
    recording.finish()
    assert (await archive.fetch(attempt)).size_bytes > 0


async def test_a_call_that_recorded_nothing_leaves_nothing(archive: Archive, attempt: str) -> None:
    archive.record(seconds=0)
    assert await archive.fetch(attempt) == FetchedRecording()
    assert await archive.fetch(attempt, sid="RE" + "ff" * 16) == FetchedRecording()
    assert archive.files() == []


@pytest.mark.parametrize(
    ("operation", "effect", "kind", "final"),
    [
        ("fetch_media", "status:503", "carrier_refused", False),
        ("fetch_media", "cut_socket", "carrier_unreachable", False),
        ("fetch_recording", "status:401", "carrier_refused", True),
        ("fetch_recording", "status:503", "carrier_refused", False),
    ],
)
async def test_a_failed_download_leaves_no_half_file(
    archive: Archive, attempt: str, operation: str, effect: str, kind: str, final: bool
) -> None:
    archive.record()
    archive.fault(operation, effect)
    with pytest.raises(ApplicationError) as failure:
        await archive.fetch(attempt)
    assert (failure.value.type, failure.value.non_retryable) == (kind, final)
    assert archive.files() == []
    assert (await archive.fetch(attempt)).size_bytes > 0


@pytest.mark.parametrize("sid", ["../../etc/passwd", "RE123", "", "RE" + "zz" * 16])
async def test_what_is_no_recordings_id_never_becomes_a_path(archive: Archive, attempt: str, sid: str) -> None:
    with pytest.raises(ApplicationError) as failure:
        await archive.fetch(attempt, sid=sid)
    assert failure.value.type == "bad_recording_id" and failure.value.non_retryable


async def test_recordings_past_their_time_go_here_and_at_the_carrier(archive: Archive, attempt: str) -> None:
    archive.record()
    fetched = await archive.fetch(attempt)
    environment = ActivityEnvironment()
    assert (await environment.run(archive.activities.delete_old_recordings)).deleted == 0
    await archive.house.run("update recording set created_at = now() - interval '91 days'")
    assert (await environment.run(archive.activities.delete_old_recordings)).deleted == 1
    assert not (archive.data_dir / fetched.path).exists()
    assert archive.world.calls["CA1"].recordings == []
    assert await archive.house.run("select 1 from recording") == []


async def test_a_recording_whose_erasure_was_asked_for_goes_at_once_also_where_none_is_too_old(
    archive: Archive, attempt: str
) -> None:
    archive.record()
    fetched = await archive.fetch(attempt)
    archive.activities._retention_days = 0
    await archive.house.run("update recording set erase_asked_at = now()")
    assert (await ActivityEnvironment().run(archive.activities.delete_old_recordings)).deleted == 1
    assert not (archive.data_dir / fetched.path).exists()
    assert archive.world.calls["CA1"].recordings == []


async def test_a_carrier_that_refuses_to_delete_leaves_the_row_for_next_time(archive: Archive, attempt: str) -> None:
    archive.record()
    await archive.fetch(attempt)
    await archive.house.run("update recording set created_at = now() - interval '91 days'")
    archive.fault("delete_recording", "status:503")
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(archive.activities.delete_old_recordings)
    assert len(await archive.house.run("select 1 from recording")) == 1
    assert (await ActivityEnvironment().run(archive.activities.delete_old_recordings)).deleted == 1

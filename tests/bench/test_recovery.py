"""What the recovery bench reads and reckons; the rest of it is the real system, and runs only as a bench."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import recovery
from bench.recovery import PlacedCalls, longest_silence

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)


def after(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=one) for one in seconds]


@pytest.mark.parametrize(
    ("calls", "longest"),
    [((3.0, 3.2, 3.4), 3.0), ((0.1, 6.1, 6.3), 6.0), ((0.5,), 0.5)],
    ids=["nothing was on its way", "one was still on its way", "one call"],
)
def test_the_longest_silence_is_not_ended_by_what_was_still_on_its_way(calls: Sequence[float], longest: float) -> None:
    assert longest_silence(NOON, after(*calls)) == pytest.approx(longest)


def line(kind: str, at: datetime) -> str:
    return json.dumps({"kind": kind, "at": at.isoformat()}) + "\n"


def test_calls_are_read_on_where_the_log_was_left_and_never_half(tmp_path: Path) -> None:
    placed = PlacedCalls(tmp_path / "truth.jsonl")
    assert placed.since(NOON) == []
    one, two, three = after(1, 2, 3)
    late = line("placed", three)
    placed.log.write_text(line("placed", one) + line("ringing", one) + line("placed", two) + late[:9])
    assert placed.since(NOON) == [one, two]
    with placed.log.open("a") as log:
        log.write(late[9:])
    assert placed.since(NOON) == [one, two, three]
    assert placed.since(one) == [two, three]


async def test_calls_that_do_not_come_are_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(TimeoutError):
        await PlacedCalls(tmp_path / "none").until(NOON, 1)
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await PlacedCalls(tmp_path / "none").until_steady()


def test_every_lead_is_a_fictional_number_that_an_upload_takes(tmp_path: Path) -> None:
    rows = recovery._lead_file(tmp_path).read_text().splitlines()[1:]
    numbers = [row.split(",")[2] for row in rows]
    assert len(set(numbers)) == len(numbers) > 300
    assert all(number[5:10] == "55501" for number in numbers)

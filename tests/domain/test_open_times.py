"""Pins down: local time by stretches is local time by the standard library, and the first opening is the first."""

import os
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzdata
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cadenza.domain.open_times import (
    _CHUNK,
    DAY,
    SECOND,
    WHOLE_DAY,
    Span,
    ZoneHours,
    both,
    day_number,
    first_open,
    local_moment,
    to_date,
    to_instant,
    to_microseconds,
    to_span,
    weekday_of,
    zone_data_version,
)

ZONES = (
    "America/New_York", "America/St_Johns", "America/Vancouver", "America/Edmonton", "Australia/Lord_Howe",
    "Europe/Dublin", "Africa/Casablanca", "Pacific/Apia", "Pacific/Chatham", "Asia/Kathmandu", "Asia/Tehran",
    "Antarctica/Troll", "Pacific/Kiritimati",
)  # fmt: skip

zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))
minutes = st.integers(0, 1440)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(instants)
def test_microseconds_are_exact_both_ways(instant: datetime) -> None:
    assert to_instant(to_microseconds(instant)) == instant


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(st.dates())
def test_days_know_their_weekday(day: object) -> None:
    assert to_date(day_number(day)) == day  # type: ignore[arg-type]
    assert weekday_of(day_number(day)) == day.weekday()  # type: ignore[arg-type, attr-defined]


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(zones, instants)
@settings(max_examples=500, deadline=None)
@example("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC))  # the date that Samoa left out begins
@example("Pacific/Apia", datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC))
@example("America/Vancouver", datetime(2026, 11, 1, 9, tzinfo=UTC))
@example("Africa/Casablanca", datetime(2027, 2, 7, 2, tzinfo=UTC))
def test_local_time_is_that_of_the_standard_library(zone: str, instant: datetime) -> None:
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    assert local_moment(zone, to_microseconds(instant)) == to_microseconds(local)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(zones, st.integers(50, 170), st.integers(-2 * SECOND, 2 * SECOND))
@settings(deadline=None)
def test_nothing_is_lost_where_one_lookup_ends_and_the_next_begins(zone: str, chunk: int, off: int) -> None:
    instant = to_instant(chunk * _CHUNK + off)
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    assert local_moment(zone, chunk * _CHUNK + off) == to_microseconds(local)


def plainly_open(zone: str, span: Span | None, instant: datetime) -> bool:
    clock = instant.astimezone(ZoneInfo(zone)).time()
    since_midnight = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second) // timedelta(seconds=1)
    return span is not None and span[0] <= since_midnight * SECOND < span[1]


near_changes = st.sampled_from(
    [
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Europe/Dublin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        ("Africa/Casablanca", datetime(2027, 2, 7, 2, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("America/Edmonton", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ]
)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(near_changes, st.integers(-1500, 120), minutes, minutes)
@settings(max_examples=300, deadline=None)
def test_the_first_opening_near_a_change_of_the_clocks_is_the_first(
    change: tuple[str, datetime], before: int, one: int, other: int
) -> None:
    zone, at = change
    span = both((min(one, other) * 60 * SECOND, max(one, other) * 60 * SECOND), WHOLE_DAY)
    start = at + timedelta(minutes=before)
    found = ZoneHours(zone, lambda day: span).first_open(to_microseconds(start), to_microseconds(start) + 2 * DAY)
    walked = next(
        (
            start + timedelta(minutes=minute)
            for minute in range(2880)
            if plainly_open(zone, span, start + timedelta(minutes=minute))
        ),
        None,
    )
    assert (None if found is None else to_instant(found)) == walked


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(st.lists(zones, min_size=1, max_size=3), instants, minutes, minutes)
@settings(max_examples=200, deadline=None)
def test_zones_together_are_open_where_each_is_and_not_before(
    names: list[str], start: datetime, one: int, other: int
) -> None:
    span = both((min(one, other) * 60 * SECOND, max(one, other) * 60 * SECOND), WHOLE_DAY)
    hours = [ZoneHours(name, lambda day: None if weekday_of(day) == 6 else span) for name in names]
    moment = to_microseconds(start)
    found = first_open(hours, moment, moment + 3 * DAY)
    end = moment + 3 * DAY if found is None else found
    assert found is None or all(one.is_open(found) for one in hours)
    for looked_at in range(moment, end, 20 * 60 * SECOND):
        assert not all(one.is_open(looked_at) for one in hours)


def test_nothing_opens_at_or_after_the_end() -> None:
    hours = ZoneHours("UTC", lambda day: to_span(time(9), time(10)))
    assert hours.first_open(0, 9 * 3600 * SECOND) is None
    assert hours.first_open(0, 9 * 3600 * SECOND + 1) == 9 * 3600 * SECOND
    assert first_open([hours], 5, 5) is None


@pytest.mark.parametrize(
    ("zone", "hours"), [("America/Vancouver", -7), ("America/Edmonton", -6), ("America/Winnipeg", -5)]
)
def test_the_zone_data_knows_the_provinces_that_stopped_changing_their_clocks(zone: str, hours: int) -> None:
    assert datetime(2026, 12, 15, tzinfo=ZoneInfo(zone)).utcoffset() == timedelta(hours=hours)
    assert zone_data_version() >= "2026f"


def test_older_zone_data_of_the_system_is_not_used(tmp_path: Path) -> None:
    """A system whose Vancouver still falls back: the wheel's own data must win."""
    old = tmp_path / "America"
    old.mkdir()
    wheel = Path(tzdata.__file__).parent / "zoneinfo" / "America"
    (old / "Vancouver").write_bytes((wheel / "Los_Angeles").read_bytes())
    code = (
        "{}from datetime import datetime; from zoneinfo import ZoneInfo;"
        "print(datetime(2026, 12, 15, tzinfo=ZoneInfo('America/Vancouver')).utcoffset())"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}

    def offset(first: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code.format(first)], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert offset("") == "-1 day, 16:00:00"  # the trap is real
    assert offset("import cadenza.domain.gate;") == "-1 day, 17:00:00"

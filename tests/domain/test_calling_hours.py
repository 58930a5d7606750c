"""Pins down: no instant outside the hours passes, and the next opening is the earliest one, clock changes included."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cadenza  # noqa: F401  (sets the zone data's source)
from cadenza.domain.calling_hours import DayHours, WeeklyHours, is_open, next_open

ZONES = ["America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Europe/London", "Pacific/Apia",
         "America/Vancouver", "Asia/Kathmandu"]  # fmt: skip

minutes = st.integers(min_value=0, max_value=24 * 60 - 1)


@st.composite
def day_hours(draw: st.DrawFn) -> DayHours | None:
    if draw(st.booleans()):
        return None
    opens, closes = sorted([draw(minutes), draw(minutes)])
    if closes - opens < 15:
        closes = 0
    return DayHours(opens=time(opens // 60, opens % 60), closes=time(closes // 60, closes % 60))


weeks = st.builds(
    WeeklyHours, monday=day_hours(), tuesday=day_hours(), wednesday=day_hours(), thursday=day_hours(),
    friday=day_hours(), saturday=day_hours(), sunday=day_hours(),
)  # fmt: skip
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def locally_open(hours: WeeklyHours, instant: datetime, zone: str) -> bool:
    """The rule written again, plainly, as an independent check."""
    local = instant.astimezone(ZoneInfo(zone))
    day = getattr(hours, local.strftime("%A").lower())
    if day is None:
        return False
    closes = 24 * 3600 if day.closes == time(0) else day.closes.hour * 3600 + day.closes.minute * 60
    second = local.hour * 3600 + local.minute * 60 + local.second
    return day.opens.hour * 3600 + day.opens.minute * 60 <= second < closes


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(weeks, instants, st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True))
@settings(max_examples=300, deadline=None)
def test_the_next_opening_is_open_in_every_zone_and_nothing_before_it_is(
    hours: WeeklyHours, instant: datetime, zones: list[str]
) -> None:
    opening = next_open(hours, instant, zones)
    end = opening or instant + timedelta(days=14)
    if opening is not None:
        assert all(locally_open(hours, opening, zone) for zone in zones)
        assert opening >= instant
    moment = instant
    while moment < end:
        assert not all(locally_open(hours, moment, zone) for zone in zones), f"{moment} was open"
        moment += timedelta(minutes=15)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(weeks, instants, st.sampled_from(ZONES))
@settings(max_examples=300, deadline=None)
def test_open_means_the_same_as_the_rule_written_plainly(hours: WeeklyHours, instant: datetime, zone: str) -> None:
    assert is_open(hours, instant, [zone]) == locally_open(hours, instant, zone)


def test_a_number_without_a_zone_is_never_called() -> None:
    now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert not is_open(WeeklyHours.always(), now, [])
    assert next_open(WeeklyHours.always(), now, []) is None


def test_the_zone_data_is_the_wheels_own_and_knows_that_vancouver_stopped_changing_its_clocks() -> None:
    assert datetime(2026, 12, 15, tzinfo=ZoneInfo("America/Vancouver")).utcoffset() == timedelta(hours=-7)


@pytest.mark.parametrize(("opens", "closes"), [(time(20), time(9)), (time(9), time(9))])
def test_hours_that_close_before_they_open_are_refused(opens: time, closes: time) -> None:
    with pytest.raises(ValueError, match="later than"):
        DayHours(opens=opens, closes=closes)


def test_a_day_may_end_at_midnight() -> None:
    hours = WeeklyHours(friday=DayHours(opens=time(9), closes=time(0)))
    assert is_open(hours, datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), ["UTC"])
    assert not is_open(hours, datetime(2026, 11, 20, 8, 59, 59, tzinfo=UTC), ["UTC"])
    assert not is_open(hours, datetime(2026, 11, 21, tzinfo=UTC), ["UTC"])

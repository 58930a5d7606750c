"""Pins down: the states' own holidays, days in lieu, the seven national days of Australia, and who is unknown."""

from datetime import date

import pytest

from cadenza.domain.open_times import day_number
from cadenza.domain.rules.public_holidays import HolidayDays, has_calendar


def names(holidays: HolidayDays, *days: tuple[int, int, int]) -> list[str | None]:
    return [holidays.name(day_number(date(*day))) for day in days]


@pytest.mark.parametrize(
    ("state", "day", "name"),
    [
        ("AL", (2027, 4, 26), "Confederate Memorial Day"),
        ("AL", (2027, 6, 7), "Jefferson Davis Birthday"),
        ("UT", (2027, 7, 24), "Pioneer Day"),
        ("RI", (2027, 8, 9), "Victory Day"),
        ("LA", (2027, 2, 9), "Mardi Gras"),
        ("LA", (2027, 3, 26), "Good Friday"),
        ("LA", (2027, 10, 11), None),  # Columbus Day is none there
        ("MS", (2026, 7, 3), "Independence Day (observed)"),
        ("PA", (2028, 2, 29), None),
    ],
)
def test_a_states_own_days_count(state: str, day: tuple[int, int, int], name: str | None) -> None:
    assert names(HolidayDays("US", state), day) == [name]


def test_the_national_days_of_australia_are_seven() -> None:
    national = HolidayDays("AU")
    days = [day for day in range(day_number(date(2027, 1, 1)), day_number(date(2028, 1, 1))) if national.name(day)]
    assert len(days) == 7


def test_where_the_state_is_not_known_every_states_days_count() -> None:
    summer = (2027, 8, 30)  # a bank holiday in England, not in Scotland
    assert names(HolidayDays("GB"), summer) == [None]
    assert names(HolidayDays("GB", every_state=True), summer) == ["Late Summer Bank Holiday"]


def test_an_unknown_country_is_told_apart_from_one_without_holidays() -> None:
    assert HolidayDays("BR").is_known
    assert not HolidayDays("AC").is_known
    assert not HolidayDays("").is_known
    assert has_calendar("US", "FL")
    assert not has_calendar("US", "ZZ")

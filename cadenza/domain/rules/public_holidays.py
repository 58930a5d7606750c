"""Public holidays by local day, from the `holidays` library: looked up by the year, once.

Days in lieu count beside the days they stand for. Days that a governor proclaims are not in any library: they are
blackout days of the operator.
"""

from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from cadenza.domain.open_times import day_number, to_date

if TYPE_CHECKING:
    from collections.abc import Mapping


class HolidayDays:
    """The public holidays of one country, of one of its states, or of all of them (`every_state`)."""

    def __init__(self, country: str, state: str = "", *, every_state: bool = False) -> None:
        self.key = (country, state, every_state)

    def name(self, day: int) -> str | None:
        """The holiday's name on a local day (`day_number`); None if it is none."""
        return _of_year(*self.key, to_date(day).year).get(day)

    @property
    def is_known(self) -> bool:
        """False if the library does not know the country: then nobody can say whether a day is a holiday."""
        return self.key[0] in _states_by_country()


def has_calendar(country: str, state: str) -> bool:
    """True if the library knows the state's own holidays."""
    return state in _states_by_country().get(country, ())


@lru_cache(maxsize=4096)
def _of_year(country: str, state: str, every_state: bool, year: int) -> "Mapping[int, str]":
    from holidays import country_holidays  # takes 80 ms to import, and many processes never ask

    subdivisions = (None, *_states_by_country()[country]) if every_state else (state or None,)
    found: dict[int, str] = {}
    for subdivision in subdivisions:
        days = country_holidays(country, subdiv=subdivision, years=year)
        found |= {day_number(day): name for day, name in days.items() if day_number(day) not in found}
    return MappingProxyType(found)


@cache
def _states_by_country() -> dict[str, frozenset[str]]:
    from holidays import list_supported_countries

    return {country: frozenset(states) for country, states in list_supported_countries(include_aliases=False).items()}

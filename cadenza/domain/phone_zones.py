"""Every place and time zone that a number may be in. An answer that is too wide only shortens the calling window; one
that is too narrow rings somebody at night, so nothing here guesses.

Measured on phonenumbers 9.0.43: its North American answer for an unlisted exchange is a guess (423-265, in Eastern
time, answers Central only), so the union over the whole area code is taken, and what is known of the code's state is
added (`area_codes`). Its Australian answers are wrong (most of Queensland answers Sydney, the Northern Territory is
missing), so Australia has its own table.
"""

from functools import cache, lru_cache
from importlib.resources import files

import phonenumbers
from phonenumbers import timezone as number_zones
from phonenumbers.tzdata import TIMEZONE_DATA

from cadenza.domain.area_codes import LIBRARY_IS_WRONG, area_code_states
from cadenza.domain.place import UNKNOWN, Place

_MAINLAND = (
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Darwin",
    "Australia/Perth",
    "Australia/Sydney",
)
_AUSTRALIA: dict[str, tuple[Place, ...]] = {
    "2": (Place("AU", "NSW", ("Australia/Broken_Hill", "Australia/Sydney")), Place("AU", "ACT", ("Australia/Sydney",))),
    "3": (Place("AU", "VIC", ("Australia/Melbourne",)), Place("AU", "TAS", ("Australia/Hobart",))),
    # both sides of the border share the code
    "7": (Place("AU", "QLD", ("Australia/Brisbane",)), Place("AU", "NSW", ("Australia/Sydney",))),
    "1": (),  # 13, 1300, 1800, 190
    "8": (
        Place("AU", "SA", ("Australia/Adelaide",)),
        Place("AU", "NT", ("Australia/Darwin",)),
        Place("AU", "WA", ("Australia/Perth",)),
    ),
}
_INDIAN_OCEAN = {"89162": Place("CC", zones=("Indian/Cocos",)), "89164": Place("CX", zones=("Indian/Christmas",))}
_NOWHERE = len(TIMEZONE_DATA["1"])
"""Numbers without a place (toll-free, 500, 900) answer every zone of the numbering plan."""


def candidate_zones(number: phonenumbers.PhoneNumber, country: str | None) -> tuple[str, ...]:
    """IANA names, sorted; empty if the number says nothing about where it is."""
    return tuple(sorted({zone for place in _places_of(number, country) for zone in place.zones}))


@lru_cache(maxsize=65_536)
def number_places(e164: str) -> tuple[Place, ...]:
    """Every place that a valid number in E.164 may be in; empty if it says nothing about where it is."""
    number = phonenumbers.parse(e164)
    return _places_of(number, phonenumbers.region_code_for_number(number))


def _places_of(number: phonenumbers.PhoneNumber, country: str | None) -> tuple[Place, ...]:
    """`country` is what the library says of the number: to find it out takes a tenth of reading a lead."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 61:
        islands = _INDIAN_OCEAN.get(national[:5])
        return (islands,) if islands else _AUSTRALIA.get(national[:1], (Place("AU", zones=_MAINLAND),))
    if number.country_code == 1:
        return _area_code_places(national[:3], country or UNKNOWN)
    zones = tuple(sorted(number_zones.time_zones_for_number(number)))
    if zones == (number_zones.UNKNOWN_TIMEZONE,):
        zones = country_zones(country or UNKNOWN)
    return (Place(country, zones=zones),) if country and zones else ()


def country_zones(country: str) -> tuple[str, ...]:
    """Every zone of a country (ISO 3166), by the zone data's own table; empty if it is not a country."""
    return tuple(sorted(zone for land, zone in _zone_table() if land == country))


def zone_countries(zone: str) -> tuple[str, ...]:
    """The countries that the zone is of, by the same table."""
    return tuple(sorted(land for land, name in _zone_table() if name == zone))


@cache
def _zone_table() -> tuple[tuple[str, str], ...]:
    text = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return tuple((row[0], row[2]) for row in rows)


@cache
def _area_code_places(area_code: str, country: str) -> tuple[Place, ...]:
    prefix = f"1{area_code}"
    zones = {zone for key, found in TIMEZONE_DATA.items() if key.startswith(prefix) for zone in found}
    zones.discard(LIBRARY_IS_WRONG.get(area_code, ""))
    states = area_code_states(area_code)
    if states:
        return tuple(Place(land, state, tuple(sorted({*zones, *own}))) for land, state, own in states)
    return (Place(country, zones=tuple(sorted(zones))),) if 0 < len(zones) < _NOWHERE else ()

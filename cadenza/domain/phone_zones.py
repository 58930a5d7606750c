"""Every time zone a number may be in. An answer that is too wide only shortens the calling window; one that is too
narrow rings somebody at night, so nothing here guesses.

Measured on phonenumbers 9.0.43: its North American answer for an unlisted exchange is a guess (423-265, in Eastern
time, answers Central only), so the union over the whole area code is taken. Its Australian answers are wrong (most of
Queensland answers Sydney, the Northern Territory is missing), so Australia has its own table.
"""

from functools import cache

import phonenumbers
from phonenumbers import timezone as number_zones
from phonenumbers.tzdata import TIMEZONE_DATA

_MAINLAND = (
    "Australia/Sydney",
    "Australia/Brisbane",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Australia/Perth",
)
_AUSTRALIA: dict[str, tuple[str, ...]] = {
    "2": ("Australia/Sydney", "Australia/Broken_Hill"),
    "3": ("Australia/Melbourne", "Australia/Hobart"),
    "7": ("Australia/Brisbane", "Australia/Sydney"),  # both sides of the border share the code
    "8": ("Australia/Adelaide", "Australia/Darwin", "Australia/Perth"),
}
_NOWHERE = len(TIMEZONE_DATA["1"])
"""Numbers without a place (toll-free, 500, 900) answer every zone of the numbering plan."""


def candidate_zones(number: phonenumbers.PhoneNumber) -> tuple[str, ...]:
    """IANA names, sorted; empty if the number says nothing about where it is."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 61:
        return _AUSTRALIA.get(national[:1], _MAINLAND)
    if number.country_code == 1:
        return _area_code_zones(national[:3])
    zones = tuple(sorted(number_zones.time_zones_for_number(number)))
    return () if zones == (number_zones.UNKNOWN_TIMEZONE,) else zones


@cache
def _area_code_zones(area_code: str) -> tuple[str, ...]:
    prefix = f"1{area_code}"
    zones = {zone for key, found in TIMEZONE_DATA.items() if key.startswith(prefix) for zone in found}
    return () if len(zones) >= _NOWHERE else tuple(sorted(zones))

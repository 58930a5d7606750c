"""Graph's dates: a local date-time beside the name of its zone, IANA's or Windows' own."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from rehearsal.microsoft.errors import invalid

# From Unicode CLDR's windowsZones: the zones of the regions that rehearsals call.
_WINDOWS_ZONES = {
    "UTC": "UTC",
    "GMT Standard Time": "Europe/London",
    "W. Europe Standard Time": "Europe/Berlin",
    "Romance Standard Time": "Europe/Paris",
    "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver",
    "US Mountain Standard Time": "America/Phoenix",
    "Pacific Standard Time": "America/Los_Angeles",
    "Alaskan Standard Time": "America/Anchorage",
    "Hawaiian Standard Time": "Pacific/Honolulu",
    "Atlantic Standard Time": "America/Halifax",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "E. Australia Standard Time": "Australia/Brisbane",
    "Cen. Australia Standard Time": "Australia/Adelaide",
    "AUS Central Standard Time": "Australia/Darwin",
    "Tasmania Standard Time": "Australia/Hobart",
    "W. Australia Standard Time": "Australia/Perth",
    "New Zealand Standard Time": "Pacific/Auckland",
}
_PREFER = re.compile(r'outlook\.timezone\s*=\s*"([^"]+)"')
_SEVEN_DIGITS = re.compile(r"(\.\d{6})\d+")


def windows_name(zone: str) -> str:
    """Windows' name of an IANA zone, or the zone itself."""
    return next((name for name, iana in _WINDOWS_ZONES.items() if iana == zone), zone)


def find_zone(name: str) -> ZoneInfo:
    """Raises GraphError (400) for a zone that Graph does not know."""
    name = _WINDOWS_ZONES.get(name, name)
    if name not in available_timezones():
        raise invalid("A valid TimeZone value must be specified.", "TimeZoneNotSupportedException")
    return ZoneInfo(name)


def read_time(parameter: str, given: Any) -> datetime:
    """The instant (UTC) of a dateTimeTimeZone. Raises GraphError (400)."""
    if not isinstance(given, dict) or not isinstance(given.get("dateTime"), str):
        raise invalid(f"The property '{parameter}' is required.", "ErrorPropertyValidationFailure")
    zone = find_zone(str(given.get("timeZone") or "UTC"))
    return read_local(parameter, given["dateTime"], zone)


def read_local(parameter: str, text: str, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a date-time that may carry an offset; without one it is in `zone`."""
    try:
        moment = datetime.fromisoformat(_SEVEN_DIGITS.sub(r"\1", text))
    except ValueError:
        raise invalid(f"The value of '{parameter}' is not a valid date-time.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def preferred_zone(prefer: str | None) -> str:
    """The zone that the `Prefer: outlook.timezone="..."` header asks answers in; UTC without it."""
    found = _PREFER.search(prefer or "")
    return found[1] if found else "UTC"


def write_time(moment: datetime, zone_name: str) -> dict[str, str]:
    """A dateTimeTimeZone with Graph's seven digits."""
    local = moment.astimezone(find_zone(zone_name))
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone_name}

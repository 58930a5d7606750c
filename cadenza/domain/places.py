"""States, countries and time zones as people write them in lead files."""

import re
import unicodedata
from functools import cache, lru_cache
from zoneinfo import available_timezones

_EAST, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)

_US: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ["CT", "DC", "DE", "GA", "MA", "MD", "ME", "NC", "NH", "NJ", "NY", "OH", "PA", "RI", "SC", "VA", "VT", "WV"],
        (_EAST,),
    ),
    **dict.fromkeys(["AL", "AR", "IA", "IL", "LA", "MN", "MO", "MS", "OK", "WI"], (_CENTRAL,)),
    **dict.fromkeys(["CO", "MT", "NM", "UT", "WY"], (_MOUNTAIN,)),
    **dict.fromkeys(["CA", "WA"], (_PACIFIC,)),
    # States that a zone's border runs through
    **dict.fromkeys(["FL", "IN", "KY", "MI", "TN"], (_EAST, _CENTRAL)),
    **dict.fromkeys(["KS", "ND", "NE", "SD", "TX"], (_CENTRAL, _MOUNTAIN)),
    **dict.fromkeys(["ID", "NV", "OR"], (_PACIFIC, _MOUNTAIN)),
    "AZ": ("America/Phoenix", _MOUNTAIN),  # the Navajo Nation keeps daylight time
    "AK": ("America/Anchorage", "America/Adak"),
    "HI": ("Pacific/Honolulu",),
    **dict.fromkeys(["PR", "VI"], ("America/Puerto_Rico",)),
    **dict.fromkeys(["GU", "MP"], ("Pacific/Guam",)),
    "AS": ("Pacific/Pago_Pago",),
}

_CA: dict[str, tuple[str, ...]] = {
    "BC": ("America/Vancouver", "America/Edmonton"),
    "AB": ("America/Edmonton",),
    "SK": ("America/Regina", "America/Edmonton"),  # Lloydminster keeps Alberta's time
    "MB": ("America/Winnipeg",),
    "ON": ("America/Toronto", "America/Winnipeg"),
    "QC": ("America/Toronto", "America/Halifax"),
    **dict.fromkeys(["NB", "NS", "PE"], ("America/Halifax",)),
    "NL": ("America/St_Johns", "America/Halifax"),
    "YT": ("America/Whitehorse",),
    "NT": ("America/Edmonton",),
    "NU": ("America/Iqaluit", "America/Rankin_Inlet", "America/Cambridge_Bay", "America/Atikokan"),
}

_AU: dict[str, tuple[str, ...]] = {
    "NSW": ("Australia/Sydney", "Australia/Broken_Hill"),
    "ACT": ("Australia/Sydney",),
    "VIC": ("Australia/Melbourne",),
    "QLD": ("Australia/Brisbane",),
    "SA": ("Australia/Adelaide",),
    "WA": ("Australia/Perth",),
    "NT": ("Australia/Darwin",),
    "TAS": ("Australia/Hobart",),
}

_STATES = {"US": _US, "CA": _CA, "AU": _AU}

_STATE_NAMES = {
    "US": "AL alabama,AK alaska,AZ arizona,AR arkansas,CA california,CO colorado,CT connecticut,DE delaware,"
    "DC district of columbia,FL florida,GA georgia,HI hawaii,ID idaho,IL illinois,IN indiana,IA iowa,KS kansas,"
    "KY kentucky,LA louisiana,ME maine,MD maryland,MA massachusetts,MI michigan,MN minnesota,MS mississippi,"
    "MO missouri,MT montana,NE nebraska,NV nevada,NH new hampshire,NJ new jersey,NM new mexico,NY new york,"
    "NC north carolina,ND north dakota,OH ohio,OK oklahoma,OR oregon,PA pennsylvania,RI rhode island,"
    "SC south carolina,SD south dakota,TN tennessee,TX texas,UT utah,VT vermont,VA virginia,WA washington,"
    "WV west virginia,WI wisconsin,WY wyoming,PR puerto rico,VI us virgin islands,GU guam,"
    "MP northern mariana islands,AS american samoa",
    "CA": "BC british columbia,AB alberta,SK saskatchewan,MB manitoba,ON ontario,QC quebec,NB new brunswick,"
    "NS nova scotia,PE prince edward island,NL newfoundland and labrador,YT yukon,NT northwest territories,NU nunavut",
    "AU": "NSW new south wales,ACT australian capital territory,VIC victoria,QLD queensland,SA south australia,"
    "WA western australia,NT northern territory,TAS tasmania",
}
_STATE_CODES = {
    country: {entry.split(" ", 1)[1]: entry.split(" ", 1)[0] for entry in names.split(",")}
    for country, names in _STATE_NAMES.items()
}

_COUNTRY_NAMES = {
    "usa": "US", "unitedstates": "US", "unitedstatesofamerica": "US", "america": "US",
    "canada": "CA", "can": "CA",
    "australia": "AU", "aus": "AU",
    "newzealand": "NZ", "nzl": "NZ",
    "unitedkingdom": "GB", "uk": "GB", "greatbritain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northernireland": "GB", "gbr": "GB",
    "ireland": "IE", "irl": "IE",
    "germany": "DE", "deutschland": "DE", "france": "FR", "spain": "ES", "italy": "IT", "netherlands": "NL",
}  # fmt: skip

_ZONE_NAMES = {
    "eastern": _EAST, "et": _EAST, "est": _EAST, "edt": _EAST,
    "central": _CENTRAL, "ct": _CENTRAL, "cst": _CENTRAL, "cdt": _CENTRAL,
    "mountain": _MOUNTAIN, "mt": _MOUNTAIN, "mst": _MOUNTAIN, "mdt": _MOUNTAIN, "arizona": "America/Phoenix",
    "pacific": _PACIFIC, "pt": _PACIFIC, "pst": _PACIFIC, "pdt": _PACIFIC,
    "alaska": "America/Anchorage", "akst": "America/Anchorage", "hawaii": "Pacific/Honolulu",
    "hst": "Pacific/Honolulu",
    "aest": "Australia/Brisbane", "aedt": "Australia/Sydney", "awst": "Australia/Perth",
    "acst": "Australia/Darwin", "acdt": "Australia/Adelaide", "nzst": "Pacific/Auckland",
}  # fmt: skip


_SMALLER_ZONES = {
    **dict.fromkeys(["America/Detroit", "America/Indiana/Indianapolis", "America/Kentucky/Louisville"], _EAST),
    **dict.fromkeys(["America/Menominee", "America/Indiana/Knox", "America/Indiana/Tell_City"], _CENTRAL),
    "America/Boise": _MOUNTAIN,
    "America/Juneau": "America/Anchorage",
    "America/Moncton": "America/Halifax",
    "Australia/ACT": "Australia/Sydney",
    "Australia/Currie": "Australia/Hobart",
}
"""Zones that are told apart from a larger one by their past only."""

_REPEATED = 4096
"""Answers remembered: the rows of a file name the same places again and again."""

_FILLERS = {"time", "standard", "daylight", "us", "zone"}


@lru_cache(_REPEATED)
def country_code(text: str, known: frozenset[str]) -> str | None:
    """`USA`, `United Kingdom`, `au` as an ISO 3166 code out of `known`; None if it is not understood."""
    squashed = re.sub(r"[^a-z]", "", _plain(text))
    code = _COUNTRY_NAMES.get(squashed, squashed.upper())
    return code if code in known else None


def state_zones(country: str, state: str) -> tuple[str, ...] | None:
    """Every zone of a state (`FL`, `New South Wales`); None if the state is not known."""
    code = state_code(country, state)
    return None if code is None else _STATES[country][code]


def has_states(country: str) -> bool:
    """True if the country's states are known here."""
    return country in _STATES


@lru_cache(_REPEATED)
def state_code(country: str, state: str) -> str | None:
    """`FL` for `Florida` or `fl.`; None if the state is not known."""
    written = re.sub(r"\s+", " ", _plain(state).replace(".", "")).strip()
    code = _STATE_CODES.get(country, {}).get(written, written.upper())
    return code if code in _STATES.get(country, {}) else None


def zone_states(zone: str) -> list[tuple[str, str]]:
    """Country and code of every state that has a part in the zone, as far as states are known here."""
    zone = _SMALLER_ZONES.get(zone, zone)
    return [(country, code) for country, states in _STATES.items() for code, zones in states.items() if zone in zones]


@lru_cache(_REPEATED)
def time_zone(text: str) -> str | None:
    """An IANA name, or a name such as `Eastern Time (US & Canada)` or `PST`; None if it is not understood.

    Abbreviations first: as an IANA name, `EST` is a zone that never has daylight time.
    """
    written = text.strip().replace("_slash_", "/")  # HubSpot's own spelling
    words = [word for word in re.findall(r"[a-z]+", re.sub(r"\(.*?\)", " ", _plain(written))) if word not in _FILLERS]
    if len(words) == 1 and words[0] in _ZONE_NAMES:
        return _ZONE_NAMES[words[0]]
    return _iana_names().get(written.casefold().replace(" ", "_"))


def is_zone(name: str) -> bool:
    """True if it is an IANA name exactly."""
    return _iana_names().get(name.casefold()) == name


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


@cache
def _iana_names() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}

"""Where the called party may be, from all that is known: a call must be lawful in every one of these places.

The number and the address only ever add places. A time zone or state that was said explicitly (by the called party, or
in the lead's own column for it) settles what the clock shows, and takes no state's rules away: who has a Florida number
is presumed to live in Florida wherever the telephone is.
"""

from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cadenza.domain.phone_zones import country_zones, number_places, zone_countries
from cadenza.domain.place import UNKNOWN, Place
from cadenza.domain.places import has_states, is_zone, state_code, state_zones, zone_states
from cadenza.domain.postal_codes import postal_states


class Whereabouts(BaseModel):
    """What a lead's row and the called party say about where they are; empty where nothing was said."""

    model_config = ConfigDict(frozen=True)

    country: str = Field(UNKNOWN, description="ISO 3166; empty: that of the number")
    state: str = Field(UNKNOWN, description="Code or name, as written in the lead's address")
    postal_code: str = UNKNOWN
    said_zone: str = Field(UNKNOWN, description="IANA name, said explicitly")
    said_state: str = Field(UNKNOWN, description="Code or name, said explicitly by the called party")

    @field_validator("said_zone")
    @classmethod
    def _exists(cls, zone: str) -> str:
        if zone and not is_zone(zone):
            raise ValueError("there is no such time zone; write an IANA name such as America/Chicago")
        return zone


NOWHERE_KNOWN = Whereabouts()

_TERRITORIES = frozenset({"PR", "VI", "GU", "MP", "AS"})
"""Countries to ISO 3166, states to the law of the United States."""


@lru_cache(maxsize=65_536)
def candidate_places(e164: str, known: Whereabouts = NOWHERE_KNOWN) -> tuple[Place, ...]:
    """Every place the called party may be in, those of the number first. Empty: the number may not be called at all
    (toll-free, 500, 900 and satellite numbers have no hour that is known to be lawful)."""
    places = list(number_places(e164))
    if not places:
        return ()
    country = known.country or places[0].country
    if country in _TERRITORIES:
        country, known = "US", known.model_copy(update={"state": country})
    places += _address_places(places, country, known)
    zones, said_states = _said(country, known)
    if zones:
        presumed = {(place.country, place.state) for place in places}
        if not any(set(zones) & set(place.zones) for place in places) or known.said_state:
            presumed |= set(said_states)
        places = [Place(land, state, zones) for land, state in sorted(presumed)]
    return tuple(dict.fromkeys(places))


def _address_places(places: list[Place], country: str, known: Whereabouts) -> list[Place]:
    here = [place for place in places if place.country == country]
    if not (known.state or known.postal_code):
        return [] if here else [Place(country, zones=country_zones(country))]
    if not has_states(country):
        return [] if here else [Place(country, zones=country_zones(country))]
    written = state_code(country, known.state)
    states = dict.fromkeys(([written] if written else []) + list(postal_states(country, known.postal_code)))
    if states:
        return [Place(country, state, tuple(sorted(state_zones(country, state) or ()))) for state in states]
    # An address that cannot be read may be anywhere in the country.
    zones = {zone for place in here for zone in place.zones} or set(country_zones(country))
    return [Place(country, zones=tuple(sorted(zones)))]


def _said(country: str, known: Whereabouts) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """The zones that were said, and the states that they speak of."""
    state = state_code(country, known.said_state) if known.said_state else None
    of_state = state_zones(country, state) or () if state else ()
    if known.said_zone:
        in_zone = zone_states(known.said_zone) or [(land, UNKNOWN) for land in zone_countries(known.said_zone)]
        return (known.said_zone,), [(country, state)] if state else in_zone or [(UNKNOWN, UNKNOWN)]
    return tuple(sorted(of_state)), [(country, state)] if state else []

"""Where a called party may be. Pins down the measured traps: guessed overlays, split area codes, Australian prefixes,
numbers without a place; and that addresses only add, while an explicit statement settles the clock."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA
from pydantic import ValidationError

from cadenza.domain.area_codes import LIBRARY_IS_WRONG, area_code_states, known_area_codes
from cadenza.domain.candidate_places import Whereabouts, candidate_places
from cadenza.domain.consent import LineType
from cadenza.domain.phone import line_type
from cadenza.domain.phone_zones import country_zones, number_places
from cadenza.domain.place import Place
from cadenza.domain.places import state_code
from cadenza.domain.postal_codes import postal_states

NEW_YORKER = "+12125550123"


def ids(*places: Place) -> list[str]:
    return [place.id for place in places]


def clocks(*places: Place) -> set[str]:
    return {zone for place in places for zone in place.zones}


def fictional(area_code: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(f"+1{area_code}5550123")


@pytest.mark.parametrize(
    ("number", "places", "zones"),
    [
        ("+12125550123", ["US-NY"], {"America/New_York"}),
        ("+18505550123", ["US-FL"], {"America/New_York", "America/Chicago"}),
        ("+14235550123", ["US-TN"], {"America/New_York", "America/Chicago"}),
        ("+16895550123", ["US-FL"], {"America/New_York"}),  # the library says Chicago
        ("+14745550123", ["CA-SK"], {"America/Regina", "America/Edmonton"}),  # the library says Winnipeg
        ("+13645550123", ["US-KY"], {"America/New_York", "America/Chicago"}),  # the library says New York alone
        ("+19305550123", ["US-IN"], {"America/New_York", "America/Chicago"}),
        ("+17785550123", ["CA-BC"], {"America/Vancouver", "America/Edmonton"}),
        ("+15815550123", ["CA-QC"], {"America/Toronto", "America/Halifax"}),
        ("+19155550123", ["US-TX"], {"America/Denver"}),
        ("+19025550123", ["CA-NS", "CA-PE"], {"America/Halifax"}),
        ("+17875550123", ["US-PR"], {"America/Puerto_Rico"}),
        ("+61255500123", ["AU-NSW", "AU-ACT"], {"Australia/Sydney", "Australia/Broken_Hill"}),
        ("+61355500123", ["AU-VIC", "AU-TAS"], {"Australia/Melbourne", "Australia/Hobart"}),
        ("+61755500123", ["AU-QLD", "AU-NSW"], {"Australia/Brisbane", "Australia/Sydney"}),
        ("+61855500123", ["AU-SA", "AU-NT", "AU-WA"], {"Australia/Adelaide", "Australia/Darwin", "Australia/Perth"}),
        ("+442079460018", ["GB"], {"Europe/London"}),
    ],
)
def test_a_number_may_be_in_these_places(number: str, places: list[str], zones: set[str]) -> None:
    found = candidate_places(number)
    assert ids(*found) == places
    assert clocks(*found) == zones


@pytest.mark.parametrize(
    "number",
    ["+18005550199", "+18885550199", "+19005550123", "+15005550006", "+61180055501", "+611300975707", "+881612345678"],
)
def test_numbers_without_a_place_are_in_none_and_are_no_ordinary_line(number: str) -> None:
    assert candidate_places(number, Whereabouts(state="NY", said_zone="America/New_York")) == ()
    assert line_type(number) is None


def test_lines_are_told_apart_where_the_numbering_plan_does() -> None:
    assert line_type(NEW_YORKER) is LineType.UNKNOWN
    assert line_type("+61491570156") is LineType.MOBILE
    assert line_type("+61255500123") is LineType.FIXED
    assert line_type("not a number") is None


def geographic_codes() -> list[str]:
    kinds = phonenumbers.PhoneNumberType
    return [
        code
        for code in map(str, range(200, 1000))
        if phonenumbers.is_valid_number(fictional(code))
        and phonenumbers.number_type(fictional(code)) == kinds.FIXED_LINE_OR_MOBILE
        and phonenumbers.region_code_for_number(fictional(code)) in {"US", "CA", "PR", "VI", "GU", "MP", "AS"}
    ]


@pytest.mark.no_cover  # many examples of lines that other tests cover
def test_every_area_code_in_use_has_its_state() -> None:
    assert len(geographic_codes()) > 400
    assert set(geographic_codes()) <= known_area_codes()


def test_the_states_of_area_codes_are_those_of_the_librarys_place_names() -> None:
    """Only the codes that it names by a state are compared; its spelling of British Columbia is its own."""
    from phonenumbers.geodata import GEOCODE_DATA  # a quarter of a second for each test process that reads this file

    spelled = {"washington d.c.": "DC", "washington state": "WA", "british colombia": "BC"}
    compared = 0
    for code in geographic_codes():
        written = GEOCODE_DATA.get(f"1{code}", {}).get("en", "").rsplit(", ", 1)[-1]
        country = "CA" if phonenumbers.region_code_for_number(fictional(code)) == "CA" else "US"
        state = spelled.get(written.casefold()) or state_code(country, written)
        if state is not None:
            compared += 1
            assert (country, state) in [(land, its) for land, its, _ in area_code_states(code)], code
    assert compared > 400


@pytest.mark.no_cover  # many examples of lines that other tests cover
def test_no_zone_of_the_library_is_left_out_but_those_known_to_be_wrong() -> None:
    for code in known_area_codes():
        theirs = {zone for key, zones in TIMEZONE_DATA.items() if key.startswith(f"1{code}") for zone in zones}
        ours = clocks(*number_places(f"+1{code}5550123"))
        assert theirs - ours <= {LIBRARY_IS_WRONG.get(code, "")}, code


def test_an_address_adds_a_place_and_takes_none_away() -> None:
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(state="Florida"))) == ["US-NY", "US-FL"]
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(postal_code="84101-1234"))) == ["US-NY", "US-UT"]
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(state="FL", postal_code="02903"))) == [
        "US-NY", "US-FL", "US-RI",
    ]  # fmt: skip
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(country="GB"))) == ["US-NY", "GB"]
    assert candidate_places(NEW_YORKER, Whereabouts(state="ny")) == candidate_places(NEW_YORKER)


def test_an_address_in_a_territory_is_one_in_the_united_states() -> None:
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(country="PR"))) == ["US-NY", "US-PR"]


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="no such time zone"):
        Whereabouts(said_zone="Eastern")


def test_an_address_that_cannot_be_read_may_be_anywhere_in_the_country() -> None:
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(state="Narnia"))) == ["US-NY", "US"]
    assert ids(*candidate_places("+442079460018", Whereabouts(state="Kent"))) == ["GB"]


def test_what_was_said_settles_the_clock_and_keeps_the_numbers_state() -> None:
    said = candidate_places("+18505550123", Whereabouts(said_zone="America/Chicago"))
    assert said == (Place("US", "FL", ("America/Chicago",)),)
    assert candidate_places(NEW_YORKER, Whereabouts(said_state="Colorado")) == (
        Place("US", "CO", ("America/Denver",)),
        Place("US", "NY", ("America/Denver",)),
    )


def test_a_zone_that_the_number_is_not_in_opens_every_state_of_that_zone() -> None:
    found = candidate_places(NEW_YORKER, Whereabouts(said_zone="America/Los_Angeles"))
    assert ids(*found) == ["US-CA", "US-ID", "US-NV", "US-NY", "US-OR", "US-WA"]
    assert clocks(*found) == {"America/Los_Angeles"}
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(said_zone="Europe/London"))) == ["GB", "US-NY"]
    assert ids(*candidate_places(NEW_YORKER, Whereabouts(said_zone="Etc/GMT+5"))) == ["unknown", "US-NY"]


@pytest.mark.parametrize(
    ("country", "code", "states"),
    [
        ("US", "33101", ("FL",)), ("US", "2903", ("RI",)), ("US", "02903-1234", ("RI",)), ("US", "06390", ("CT", "NY")),
        ("US", "00901", ("PR",)), ("US", "99999999999", ()), ("US", "", ()), ("US", "09012", ()),
        ("CA", "V5K 0A1", ("BC",)), ("CA", "x0a", ("NT", "NU")), ("CA", "12345", ()),
        ("AU", "6000", ("WA",)), ("AU", "0800", ("NT",)), ("AU", "800", ("NT",)), ("AU", "2601", ("ACT", "NSW")),
        ("DE", "80331", ()),
    ],
)  # fmt: skip
def test_postal_codes_tell_the_state(country: str, code: str, states: tuple[str, ...]) -> None:
    assert postal_states(country, code) == states


@given(
    st.sampled_from(["+12125550123", "+61491570156", "+442079460018", "+493023125000"]),
    st.builds(
        Whereabouts, state=st.text(max_size=12), postal_code=st.text(max_size=8),
        country=st.sampled_from(["", "US", "CA", "DE", "ZZ"]),
    ),
)  # fmt: skip
def test_whatever_stands_in_the_address_the_numbers_own_places_stay(number: str, known: Whereabouts) -> None:
    assert set(candidate_places(number)) <= set(candidate_places(number, known))


def test_countries_have_zones() -> None:
    assert country_zones("GB") == ("Europe/London",)
    assert country_zones("ZZ") == ()

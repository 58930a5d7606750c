"""Numbers as people write them. Pins down the traps measured on phonenumbers 9.0.43, and that nothing ever crashes."""

from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain import places
from cadenza.domain.phone import ENABLED_COUNTRIES, PhoneRefused, parse_phone
from cadenza.domain.phone_zones import number_places
from cadenza.domain.places import country_code, state_zones, time_zone
from cadenza.domain.row_problem import RowCode


def zones_of(e164: str) -> set[str]:
    return {zone for place in number_places(e164) for zone in place.zones}


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("1-212-555-0123", "US", "+12125550123"),
        ("212/555-0123", "US", "+12125550123"),
        ("12125550123", "US", "+12125550123"),
        ("12125550123.0", "US", "+12125550123"),
        ("'+12125550123", "AU", "+12125550123"),
        ('="+12125550123"', "US", "+12125550123"),
        ("tel:+1-212-555-0123", "US", "+12125550123"),
        ("+1 (212) 555 0123", "US", "+12125550123"),
        ("٢١٢٥٥٥٠١٢٣", "US", "+12125550123"),
        ("0491 570 156", "AU", "+61491570156"),
        ("+61 (0)491 570 156", "US", "+61491570156"),
        ("61491570156", "AU", "+61491570156"),
        ("0491 570 006", "AU", "+61491570006"),
        ("0491 570 110", "AU", "+61491570110"),
    ],
)
def test_usual_ways_of_writing_are_read(text: str, country: str, expected: str) -> None:
    assert parse_phone(text, country).e164 == expected


@pytest.mark.parametrize("line", range(100))
def test_every_fictional_us_number_is_accepted(line: int) -> None:
    assert parse_phone(f"212-555-01{line:02d}", "US").e164 == f"+121255501{line:02d}"


@pytest.mark.parametrize(
    ("text", "extension"), [("(212) 555-0123 x204", "204"), ("212.555.0123, ext 5", "5"), ("+12125550123;ext=12", "12")]
)
def test_extensions_are_kept_apart(text: str, extension: str) -> None:
    number = parse_phone(text, "US")
    assert (number.e164, number.extension) == ("+12125550123", extension)


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("", "US", RowCode.MISSING_PHONE),
        ("  '  ", "US", RowCode.MISSING_PHONE),
        ("n/a", "US", RowCode.NOT_A_NUMBER),
        ("call me", "US", RowCode.NOT_A_NUMBER),
        ("1.21256E+10", "US", RowCode.SCIENTIFIC_NOTATION),
        ("1,21256e10", "US", RowCode.SCIENTIFIC_NOTATION),
        ("212-555-0123; 0199", "US", RowCode.TWO_NUMBERS_IN_CELL),
        ("212-555-0123 / 212-555-0199", "US", RowCode.TWO_NUMBERS_IN_CELL),
        ("2125550123 or 2125550199", "US", RowCode.TWO_NUMBERS_IN_CELL),
        ("2125550123 2125550199", "US", RowCode.TWO_NUMBERS_IN_CELL),
        ("0491 570 156", "US", RowCode.NEEDS_COUNTRY),
        ("12125550123", "AU", RowCode.NEEDS_COUNTRY),
        ("+999 123 456 789", "US", RowCode.NEEDS_COUNTRY),
        ("555-0123", "US", RowCode.TOO_SHORT),
        ("+1 212 555 012", "US", RowCode.TOO_SHORT),
        ("+1 212 555 01234", "US", RowCode.TOO_LONG),
        ("999-555-0123", "US", RowCode.INVALID_NUMBER),
        ("911", "US", RowCode.EMERGENCY_OR_SHORT),
        ("000", "AU", RowCode.EMERGENCY_OR_SHORT),
        ("86753", "US", RowCode.EMERGENCY_OR_SHORT),
        ("+1 900 555 0123", "US", RowCode.PREMIUM),
        ("800-555-0199", "US", RowCode.TOLL_FREE),
        ("1-800-FLOWERS", "US", RowCode.TOLL_FREE),
        ("1300 975 707", "AU", RowCode.NOT_A_CALLABLE_TYPE),
        ("+1 500 555 0006", "US", RowCode.NOT_A_CALLABLE_TYPE),
        ("+49 30 123456", "US", RowCode.COUNTRY_NOT_ENABLED),
        ("+881 6 1234 5678", "US", RowCode.COUNTRY_NOT_ENABLED),
    ],
)
def test_what_may_not_be_dialled_has_a_reason_and_a_fix(text: str, country: str, code: RowCode) -> None:
    with pytest.raises(PhoneRefused) as refused:
        parse_phone(text, country)
    assert refused.value.code is code
    assert refused.value.message
    assert refused.value.fix


def test_a_campaigns_own_country_is_enabled() -> None:
    assert parse_phone("030 123456", "DE").country == "DE"


@given(st.text(max_size=120), st.sampled_from(sorted(ENABLED_COUNTRIES)))
def test_any_text_is_either_a_dialable_number_or_a_reason(text: str, country: str) -> None:
    try:
        number = parse_phone(text, country)
    except PhoneRefused as refused:
        assert refused.fix
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number.e164))
    assert number.e164.startswith("+")
    assert parse_phone(number.e164, country).e164 == number.e164
    for zone in number.zones:
        ZoneInfo(zone)


@given(st.from_regex(r"[+(0-9][0-9 ().;/,x-]{6,24}", fullmatch=True))
def test_a_refusal_never_repeats_the_number(text: str) -> None:
    try:
        parse_phone(text, "US")
    except PhoneRefused as refused:
        digits = "".join(character for character in text if character.isdigit())
        told = (refused.message + refused.fix).replace("+12125550123", "").replace("+61491570156", "")  # the examples
        assert len(digits) < 4 or digits not in told


# Time zones


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("+12125550123", {"America/New_York"}),
        ("+14232650123", {"America/New_York", "America/Chicago"}),  # the library's own answer may be Chicago alone
        ("+16053410123", {"America/Denver", "America/Chicago", "America/North_Dakota/Center"}),
        ("+61755500123", {"Australia/Brisbane", "Australia/Sydney"}),
        ("+61889410123", {"Australia/Adelaide", "Australia/Darwin", "Australia/Perth"}),
        ("+61255500123", {"Australia/Sydney", "Australia/Broken_Hill"}),
    ],
)
def test_all_zones_of_an_area_are_candidates(text: str, zones: set[str]) -> None:
    assert zones_of(text) == zones


def test_an_australian_mobile_may_be_in_any_mainland_zone_and_on_no_island() -> None:
    zones = parse_phone("0491 570 156", "AU").zones
    assert len(zones) == 5
    assert "Australia/Lord_Howe" not in zones


def test_numbers_without_a_place_have_no_zone() -> None:
    assert zones_of("+18005550199") == set()


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("America/Chicago", "America/Chicago"),
        ("america/new york", "America/New_York"),
        ("EST", "America/New_York"),  # as an IANA name it would never have daylight time
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("AEST", "Australia/Brisbane"),
        ("US/Eastern", "America/New_York"),
        ("Australia/Lord_Howe", "Australia/Lord_Howe"),
        ("the west", None),
        ("", None),
    ],
)
def test_time_zones_are_read_as_people_write_them(written: str, zone: str | None) -> None:
    assert time_zone(written) == zone


def test_states_and_countries_are_read_as_people_write_them() -> None:
    assert state_zones("US", "FL") == ("America/New_York", "America/Chicago")
    assert state_zones("US", " new  york ") == ("America/New_York",)
    assert state_zones("AU", "N.S.W.") == ("Australia/Sydney", "Australia/Broken_Hill")
    assert state_zones("US", "Bavaria") is None
    assert state_zones("DE", "Bavaria") is None
    known = frozenset({"US", "GB"})
    assert [country_code(text, known) for text in ("U.S.A.", "gb", "England", "Narnia")] == ["US", "GB", "GB", None]


@given(st.text(max_size=40))
def test_any_text_may_stand_in_the_place_columns(text: str) -> None:
    zone = time_zone(text)
    if zone is not None:
        ZoneInfo(zone)
    for country in ("US", "AU", "DE"):
        for name in state_zones(country, text) or ():
            ZoneInfo(name)
    country_code(text, frozenset({"US"}))


def test_every_state_has_known_zones() -> None:
    for states in places._STATES.values():
        for zones in states.values():
            for zone in zones:
                ZoneInfo(zone)
    for name in places._ZONE_NAMES.values():
        ZoneInfo(name)
    assert len(places._US) == 56

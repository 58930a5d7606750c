"""The states that a postal code may lie in. A code on a border may serve more than one; an unknown one says nothing.

Only ever adds to where a person may be, so that a wrong entry shortens the calling window and never widens it.
"""

import re
from functools import cache

_US = """
    005 NY; 006-007 PR; 008 VI; 009 PR; 010-027 MA; 028-029 RI; 030-038 NH; 039-049 ME; 050-054 VT; 055 MA; 056-059 VT;
    060-062 CT; 063 CT NY; 064-069 CT; 070-089 NJ; 100-149 NY; 150-196 PA; 197-199 DE; 200 DC; 201 VA; 202-205 DC;
    206-219 MD; 220-246 VA; 247-268 WV; 270-289 NC; 290-299 SC; 300-319 GA; 320-339 FL; 341-342 FL; 344 FL; 346-347 FL;
    349 FL; 350-352 AL; 354-369 AL; 370-385 TN; 386-397 MS; 398-399 GA; 400-427 KY; 430-459 OH; 460-479 IN; 480-499 MI;
    500-528 IA; 530-532 WI; 534-535 WI; 537-549 WI; 550-567 MN; 569 DC; 570-577 SD; 580-588 ND; 590-599 MT; 600-620 IL;
    622-629 IL; 630-631 MO; 633-641 MO; 644-658 MO; 660-679 KS; 680-693 NE; 700-714 LA; 716-729 AR; 730-731 OK; 733 TX;
    734-749 OK; 750-799 TX; 800-816 CO; 820-831 WY; 832-833 ID; 834 ID WY; 835-838 ID; 840-847 UT; 850-864 AZ;
    865 AZ NM UT; 870-884 NM; 885 TX; 889-898 NV; 900-961 CA; 967 HI AS; 968 HI; 969 GU MP; 970-979 OR; 980-994 WA;
    995-999 AK
"""
_AU = """
    0200-0299 ACT; 0800-0999 NT; 1000-2599 NSW; 2600-2618 ACT NSW; 2619-2899 NSW; 2900-2920 ACT; 2921-2999 NSW;
    3000-3999 VIC; 4000-4999 QLD; 5000-5999 SA; 6000-6999 WA; 7000-7999 TAS; 8000-8999 VIC; 9000-9999 QLD
"""
_CA = {
    "A": ("NL",), "B": ("NS",), "C": ("PE",), "E": ("NB",), "G": ("QC",), "H": ("QC",), "J": ("QC",), "K": ("ON",),
    "L": ("ON",), "M": ("ON",), "N": ("ON",), "P": ("ON",), "R": ("MB",), "S": ("SK",), "T": ("AB",), "V": ("BC",),
    "X": ("NT", "NU"), "Y": ("YT",),
}  # fmt: skip


def postal_states(country: str, postal_code: str) -> tuple[str, ...]:
    """`("FL",)` for US 32801 or 32801-1234; empty if the code or the country's codes are not known."""
    written = re.sub(r"[\s-]", "", postal_code.upper())
    if country == "CA" and re.fullmatch(r"[A-Z]\d[A-Z](\d[A-Z]\d)?", written):
        return _CA.get(written[0], ())
    if country == "US" and re.fullmatch(r"\d{3,9}", written):
        # Spreadsheets drop the leading zeros of New England.
        full = written.zfill(5) if len(written) <= 5 else written.zfill(9)
        return _find(_US, int(full[:3]))
    if country == "AU" and re.fullmatch(r"\d{3,4}", written):
        return _find(_AU, int(written))
    return ()


def _find(table: str, number: int) -> tuple[str, ...]:
    return next((states for first, last, states in _ranges(table) if first <= number <= last), ())


@cache
def _ranges(table: str) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    found = []
    for line in table.split(";"):
        span, *states = line.split()
        first, _, last = span.partition("-")
        found.append((int(first), int(last or first), tuple(states)))
    return tuple(found)

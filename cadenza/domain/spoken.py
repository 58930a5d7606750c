"""Times, dates, e-mail addresses and sums as a voice should say them, and e-mail addresses as people spell them."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def spoken_integer(number: int) -> str:
    """0 to 999,999 in words: `42` is `forty-two`. Raises ValueError outside that."""
    if not 0 <= number < 1_000_000:
        raise ValueError(f"{number} is not between 0 and 999,999")
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" and {spoken_integer(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    joint = " and " if 0 < rest < 100 else " "
    return f"{spoken_integer(thousands)} thousand" + (f"{joint}{spoken_integer(rest)}" if rest else "")


def spoken_ordinal(number: int) -> str:
    """1 to 99: `3` is `third`, `21` is `twenty-first`."""
    head, hyphen, last = spoken_integer(number).rpartition("-")
    ordinal = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head}{hyphen}{ordinal}"


def spoken_time(hour: int, minute: int) -> str:
    """`14, 30` is `two thirty in the afternoon`; whole hours have no minutes; 12:00 is `noon`."""
    if minute == 0 and hour in {0, 12}:
        return "midnight" if hour == 0 else "noon"
    clock = _ONES[hour % 12 or 12]
    if minute:
        clock += f" {spoken_integer(minute)}" if minute >= 10 else f" oh {_ONES[minute]}"
    if hour < 12:
        return f"{clock} in the morning"
    return f"{clock} in the {'afternoon' if hour < 18 else 'evening'}"


def spoken_date(when: datetime) -> str:
    """`Tuesday the third of December`."""
    return f"{_DAYS[when.weekday()]} the {spoken_ordinal(when.day)} of {_MONTHS[when.month - 1]}"


def spoken_moment(when: datetime, zone: str) -> str:
    """An appointment's time for the callee: `Tuesday the third of December at two thirty in the afternoon`.

    `when` is aware; the words are in the local time of `zone`.
    """
    local = when.astimezone(ZoneInfo(zone))
    return f"{spoken_date(local)} at {spoken_time(local.hour, local.minute)}"


def spoken_when(when: datetime, now: datetime, zone: str) -> str:
    """A near time as people say it: `in about a minute`, `today at three in the afternoon`, `tomorrow at ...`."""
    place = ZoneInfo(zone)
    local, today = when.astimezone(place), now.astimezone(place)
    seconds = (when - now).total_seconds()
    if 0 <= seconds < 100:
        return "in about a minute" if seconds >= 45 else "in a moment"
    if 0 <= seconds < 3300:
        return f"in about {spoken_integer(round(seconds / 60))} minutes"
    clock = spoken_time(local.hour, local.minute)
    days = (local.date() - today.date()).days
    if days in {0, 1}:
        return f"{('today', 'tomorrow')[days]} at {clock}"
    return f"{spoken_date(local)} at {clock}"


# --- E-mail ----------------------------------------------------------------------------------------------------------

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SIGNS = {"@": " at ", ".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}
_SPOKEN_SIGNS = (
    (r"\bat sign\b|\bat\b", "@"),
    (r"\b(?:dot|period|point|full stop)\b", "."),
    (r"\bunderscore\b|\bunder score\b", "_"),
    (r"\b(?:dash|hyphen|minus)\b", "-"),
    (r"\bplus\b", "+"),
)
_LEAD_IN = re.compile(
    r"^(?:.*?\b(?:it's|it is|is|that's|that is|address is|e-?mail is|use|send it to|to)\s+)+", re.IGNORECASE
)


def spoken_email(address: str) -> str:
    """`jo.smith@acme.com` is `jo dot smith at acme dot com`."""
    return re.sub(r"\s+", " ", "".join(_SIGNS.get(letter, letter) for letter in address.strip())).strip()


def is_email(text: str) -> bool:
    """Whether `text` is an e-mail address and nothing else. Syntax only."""
    return len(text) <= 254 and bool(_EMAIL.fullmatch(text)) and ".." not in text


def email_from_speech(text: str) -> str | None:
    """The address in words such as `It's alex at example dot com.`, lower case; None if there is none."""
    if found := _EMAIL.search(text):
        return found.group().rstrip(".").lower()
    said = _LEAD_IN.sub("", text.strip()).lower().rstrip(".!?, ")
    for pattern, sign in _SPOKEN_SIGNS:
        said = re.sub(pattern, f" {sign} ", said)
    local, at, domain = said.partition("@")
    if not at:
        return None
    candidate = re.sub(r"[\s,]+", "", f"{local}@{domain}")
    return candidate if is_email(candidate) else None


# --- Text for the synthesiser ----------------------------------------------------------------------------------------

_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})(?:\s*([AaPp])\.?\s?[Mm]\b\.?)?")
_HOUR_ONLY = re.compile(r"\b(\d{1,2})\s*([AaPp])\.?[Mm]\b\.?")
_MONEY = re.compile(r"([$€£])\s?(\d{1,3}(?:,\d{3})+|\d{1,6})(?:\.(\d{2}))?(?![\d,]|\.\d)")
_COINS = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_DATE = re.compile(r"\b(20\d{2})-(\d{2})-(\d{2})\b")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_THOUSANDS = re.compile(r"(?<![\d.,$€£])\d{1,3},\d{3}(?![\d,]|\.\d)")
_PERCENT = re.compile(r"(?<=\d)\s?%")
_PHONE = re.compile(r"\+\d{7,15}\b")


def speakable(text: str, language: str = "en") -> str:
    """A sentence with clock times, dates, sums, percent, phone numbers and e-mail addresses as words.

    The words are English. In other languages the text stays as it is: the model is told to write numbers as words, and
    half a sentence in English would be worse than a digit.
    """
    if not language.lower().startswith("en"):
        return text
    text = _EMAIL.sub(lambda found: spoken_email(found.group()), text)
    text = _PHONE.sub(lambda found: " ".join(found.group()[1:]), text)
    text = _CLOCK.sub(_clock_words, text)
    text = _HOUR_ONLY.sub(lambda found: _clock(int(found[1]), 0, found[2]) or found.group(), text)
    text = _MONEY.sub(_money_words, text)
    text = _DATE.sub(_date_words, text)
    text = _ORDINAL.sub(lambda found: spoken_ordinal(int(found[1])), text)
    text = _THOUSANDS.sub(lambda found: spoken_integer(int(found.group().replace(",", ""))), text)
    return _PERCENT.sub(" percent", text)


def _clock_words(found: re.Match[str]) -> str:
    return _clock(int(found[1]), int(found[2]), found[3]) or found.group()


def _clock(hour: int, minute: int, half: str | None) -> str | None:
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    return spoken_time(hour, minute) if hour < 24 and minute < 60 else None


def _date_words(found: re.Match[str]) -> str:
    try:
        return spoken_date(datetime(int(found[1]), int(found[2]), int(found[3])))
    except ValueError:
        return found.group()


def _money_words(found: re.Match[str]) -> str:
    amount, small = int(found[2].replace(",", "")), int(found[3] or 0)
    if amount >= 1_000_000:
        return found.group()
    coin, small_coin = _COINS[found[1]]
    words = f"{spoken_integer(amount)} {coin}{'' if amount == 1 else 's'}"
    many = "pence" if small_coin == "penny" else f"{small_coin}s"
    return words + (f" and {spoken_integer(small)} {small_coin if small == 1 else many}" if small else "")

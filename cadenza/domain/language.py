"""The language of a lead, as people write it in files."""

import re
import unicodedata
from functools import lru_cache

_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo "
    "es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka "
    "kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng "
    "nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su "
    "sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_ISO_639_1 = frozenset(_CODES.split())
_NAMES = {
    "english": "en", "spanish": "es", "espanol": "es", "castellano": "es", "french": "fr", "francais": "fr",
    "german": "de", "deutsch": "de", "italian": "it", "italiano": "it", "portuguese": "pt", "portugues": "pt",
    "dutch": "nl", "nederlands": "nl", "polish": "pl", "russian": "ru", "ukrainian": "uk", "greek": "el",
    "turkish": "tr", "arabic": "ar", "hebrew": "he", "persian": "fa", "farsi": "fa", "hindi": "hi", "punjabi": "pa",
    "urdu": "ur", "bengali": "bn", "tamil": "ta", "telugu": "te", "chinese": "zh", "mandarin": "zh", "cantonese": "zh",
    "japanese": "ja", "korean": "ko", "vietnamese": "vi", "thai": "th", "tagalog": "tl", "filipino": "tl",
    "indonesian": "id", "swedish": "sv", "norwegian": "no", "danish": "da", "finnish": "fi", "maori": "mi",
    "welsh": "cy", "irish": "ga",
}  # fmt: skip


@lru_cache(1024)
def language_code(text: str) -> str | None:
    """`English`, `en_us` or `English (US)` as `en` or `en-US` (BCP 47); None if it is not understood."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)).strip()
    tag = re.fullmatch(r"([a-z]{2})(?:[-_]([a-z]{2}|\d{3}))?", plain)
    if tag and tag.group(1) in _ISO_639_1:
        return tag.group(1) + (f"-{tag.group(2).upper()}" if tag.group(2) else "")
    return _NAMES.get(re.split(r"[\s(,/-]", plain, maxsplit=1)[0])


def language_name(code: str) -> str:
    """`de` or `de-AT` as `German`; a code whose name is not known as it is."""
    base = code.split("-")[0].lower()
    return next((name.title() for name, known in _NAMES.items() if known == base), code)

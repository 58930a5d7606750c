"""A number's name in the audit log: a keyed hash, so that the log tells nobody a number, and whoever has the key and
the number finds its entries."""

import hmac
from hashlib import sha256

from cadenza.settings import Settings, get_settings

_PURPOSE = b"cadenza number hash"


_CHECK = b"which key is this?"


def number_hash(phone: str) -> str:
    """128 bits of HMAC-SHA-256 over an E.164 number, in hexadecimal. The key is AUDIT_HASH_KEY, else SIGNING_SECRET."""
    return _hash(get_settings(), phone.encode())


def number_key_check(settings: Settings) -> str:
    """What tells one key from another and gives neither away: the hash of words that are no number."""
    return _hash(settings, _CHECK)


def _hash(settings: Settings, content: bytes) -> str:
    secret = settings.audit_hash_key or settings.signing_secret
    key = sha256(_PURPOSE + secret.get_secret_value().encode()).digest()
    return hmac.new(key, content, sha256).hexdigest()[:32]

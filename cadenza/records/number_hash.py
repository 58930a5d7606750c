"""A number's name in the audit log: a keyed hash, so that the log tells nobody a number, and whoever has the key and
the number finds its entries."""

import hmac
from hashlib import sha256

from cadenza.settings import get_settings

_PURPOSE = b"cadenza number hash"


def number_hash(phone: str) -> str:
    """128 bits of HMAC-SHA-256 over an E.164 number, in hexadecimal. The key is AUDIT_HASH_KEY, else SIGNING_SECRET."""
    settings = get_settings()
    secret = settings.audit_hash_key or settings.signing_secret
    key = sha256(_PURPOSE + secret.get_secret_value().encode()).digest()
    return hmac.new(key, phone.encode(), sha256).hexdigest()[:32]

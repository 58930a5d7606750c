"""Signs webhooks and WebSocket upgrades as Twilio does: HMAC-SHA1 over the URL and the sorted form fields."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(auth_token: str, url: str, fields: Mapping[str, str] | None = None) -> str:
    """The value of `X-Twilio-Signature` for this URL (no fragment) and POST form."""
    signed = url + "".join(name + value for name, value in sorted((fields or {}).items()))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()

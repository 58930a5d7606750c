"""Signed, expiring tokens: they let a media stream in, and open links to audio. Pure; the clock is an argument."""

import base64
import hashlib
import hmac
from enum import StrEnum


class TokenError(StrEnum):
    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"


class InvalidToken(Exception):
    """The token does not open what was asked for."""

    def __init__(self, error: TokenError) -> None:
        super().__init__(error.value)
        self.error = error


def sign_token(secret: str, subject: str, expires_at: int) -> str:
    """A token for `subject` until `expires_at` (Unix seconds)."""
    return f"{expires_at}.{_signature(secret, subject, expires_at)}"


def verify_token(secret: str, subject: str, token: str, now: float) -> None:
    """Pass, or raise InvalidToken."""
    expires, separator, signature = token.partition(".")
    if not separator or not expires.isascii() or not expires.isdigit():
        raise InvalidToken(TokenError.MALFORMED)
    if not hmac.compare_digest(signature.encode(), _signature(secret, subject, int(expires)).encode()):
        raise InvalidToken(TokenError.BAD_SIGNATURE)
    if now >= int(expires):
        raise InvalidToken(TokenError.EXPIRED)


def _signature(secret: str, subject: str, expires_at: int) -> str:
    digest = hmac.new(secret.encode(), f"{subject}.{expires_at}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

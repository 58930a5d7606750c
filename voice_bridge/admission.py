"""Who may open a media stream: the signature on the upgrade, then the token in the stream's parameters. Pure."""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit


def signed_addresses(public_url: str, path: str) -> tuple[str, ...]:
    """The addresses a carrier may have signed for `path` (query included) under our public address.

    Twilio signs the address as it has it in the TwiML; between that and what proxies make of it, the port may be
    written or not, and a slash may follow the path.
    """
    base = urlsplit(public_url)
    host = base.hostname or ""
    host = f"[{host}]" if ":" in host else host
    prefix = base.path.rstrip("/")
    ports = {f":{base.port}"} if base.port else {"", ":443" if base.scheme in {"wss", "https"} else ":80"}
    if base.port in {443, 80}:
        ports.add("")
    schemes = {"wss", "https"} if base.scheme in {"wss", "https"} else {"ws", "http"}
    paths = {f"{prefix}{path}", f"{prefix}{path.rstrip('/')}", f"{prefix}{path.rstrip('/')}/"}
    return tuple(f"{scheme}://{host}{port}{tail}" for scheme in schemes for port in ports for tail in paths)


def is_signed(auth_token: str, public_url: str, path: str, signature: str) -> bool:
    """Whether `signature` (X-Twilio-Signature) is the carrier's for this upgrade: base64(HMAC-SHA1(token, address))."""
    key, given = auth_token.encode(), signature.encode("ascii", "replace")
    matches = [
        hmac.compare_digest(base64.b64encode(hmac.new(key, address.encode(), hashlib.sha1).digest()), given)
        for address in signed_addresses(public_url, path)
    ]
    return any(matches)

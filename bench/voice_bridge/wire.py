"""WebSocket frames as cheaply as Python can: callers and vendors share one core and must not be what is measured.

No fragments, no extensions, and a client's mask of zeros, which leaves the payload as it is.
"""

import base64
import hashlib
import os

from websockets.speedups import apply_mask

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NO_MASK = b"\0\0\0\0"


def frame(opcode: int, payload: bytes, *, masked: bool = False) -> bytes:
    """One whole message."""
    length, bit = len(payload), 0x80 if masked else 0
    if length < 126:
        head = bytes((0x80 | opcode, bit | length))
    elif length < 65536:
        head = bytes((0x80 | opcode, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, bit | 127)) + length.to_bytes(8, "big")
    return head + (_NO_MASK if masked else b"") + payload


class FrameReader:
    """Cuts a stream of bytes into messages."""

    __slots__ = ("_rest",)

    def __init__(self, rest: bytes = b"") -> None:
        self._rest = rest

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The whole messages so far, as (opcode, payload)."""
        buffer = self._rest + data if self._rest else data
        found = []
        at, end = 0, len(buffer)
        while end - at >= 2:
            second = buffer[at + 1]
            length, body = second & 0x7F, at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if end < body + size:
                    break
                length, body = int.from_bytes(buffer[body : body + size], "big"), body + size
            mask = b""
            if second & 0x80:
                mask, body = buffer[body : body + 4], body + 4
            if end < body + length:
                break
            payload = buffer[body : body + length]
            found.append((buffer[at] & 0x0F, apply_mask(payload, mask) if mask and length else payload))
            at = body + length
        self._rest = buffer[at:]
        return found


def accept_key(key: bytes) -> bytes:
    """The answer to a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def upgrade_request(host: str, path: str, headers: dict[str, str]) -> bytes:
    """A client's first bytes."""
    lines = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    return "\r\n".join(
        [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    ).encode()

"""Twilio Media Streams' messages, both ways. Parsing tolerates anything: what is not understood becomes None.

Inbound audio is on the path of every call 50 times a second, so a media message becomes plain bytes without a model.
"""

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass
from typing import Any

import orjson

MAX_FRAME_BYTES = 65_536
"""Largest message taken from the carrier; its own are below 1 kB."""
MAX_AUDIO_BYTES = 16_000
"""Most audio in one inbound message: two seconds."""


@dataclass(frozen=True, slots=True)
class StartFrame:
    """The stream's first facts."""

    stream_sid: str
    call_sid: str
    parameters: dict[str, str]
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000

    @property
    def is_mulaw_8k(self) -> bool:
        return self.encoding == "audio/x-mulaw" and self.sample_rate == 8000


@dataclass(frozen=True, slots=True)
class MediaFrame:
    """Inbound audio, mu-law 8 kHz."""

    audio: bytes
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class MarkFrame:
    """Everything sent before the mark of this name was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class DigitFrame:
    digit: str


@dataclass(frozen=True, slots=True)
class StopFrame:
    """The call is over, or new TwiML took it away."""


@dataclass(frozen=True, slots=True)
class ConnectedFrame:
    pass


Frame = StartFrame | MediaFrame | MarkFrame | DigitFrame | StopFrame | ConnectedFrame


def parse_frame(message: str | bytes) -> Frame | None:
    """The message as a frame; None if it is malformed, oversized, of another track or unknown."""
    if len(message) > MAX_FRAME_BYTES:
        return None
    try:
        data = orjson.loads(message)
        match data["event"]:
            case "media":
                return _media(data["media"])
            case "mark":
                return MarkFrame(_text(data["mark"]["name"]))
            case "start":
                return _start(data)
            case "dtmf":
                return DigitFrame(_text(data["dtmf"]["digit"])[:1])
            case "stop":
                return StopFrame()
            case "connected":
                return ConnectedFrame()
    except (ValueError, KeyError, TypeError, AttributeError):  # orjson's and base64's errors are ValueErrors
        return None
    return None


def _media(media: dict[str, Any]) -> MediaFrame | None:
    if media.get("track", "inbound") != "inbound":
        return None
    try:
        audio = a2b_base64(media["payload"])
    except Base64Error:
        return None
    if not audio or len(audio) > MAX_AUDIO_BYTES:
        return None
    return MediaFrame(audio, int(media.get("timestamp", 0)))


def _start(data: dict[str, Any]) -> StartFrame:
    start = data["start"]
    parameters = start.get("customParameters") or {}
    audio_format = start.get("mediaFormat") or {}
    return StartFrame(
        stream_sid=_text(start.get("streamSid") or data["streamSid"]),
        call_sid=_text(start.get("callSid", "")),
        parameters={str(name): str(value) for name, value in parameters.items()},
        encoding=_text(audio_format.get("encoding", "audio/x-mulaw")),
        sample_rate=int(audio_format.get("sampleRate", 8000)),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


class FrameWriter:
    """Builds outbound messages of one stream as bytes, without a JSON encoder on the audio path."""

    __slots__ = ("_clear", "_mark_head", "_media_head")

    def __init__(self, stream_sid: str) -> None:
        sid = orjson.dumps(stream_sid)
        self._media_head = b'{"event":"media","streamSid":' + sid + b',"media":{"payload":"'
        self._mark_head = b'{"event":"mark","streamSid":' + sid + b',"mark":{"name":'
        self._clear = b'{"event":"clear","streamSid":' + sid + b"}"

    def media(self, audio: bytes) -> bytes:
        return self._media_head + b64encode(audio) + b'"}}'

    def mark(self, name: str) -> bytes:
        return self._mark_head + orjson.dumps(name) + b"}}"

    def clear(self) -> bytes:
        return self._clear

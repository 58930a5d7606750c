"""Twilio's messages: what is understood, and that nothing malformed ever raises."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_bridge.frames import (
    ConnectedFrame,
    DigitFrame,
    FrameWriter,
    MarkFrame,
    MediaFrame,
    StartFrame,
    StopFrame,
    parse_frame,
)

AUDIO = bytes(range(160))
START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"attempt": "a1", "token": "t"},
    },
    "streamSid": "MZ1",
}


def media(**changes: object) -> dict[str, object]:
    payload = base64.b64encode(AUDIO).decode()
    return {
        "event": "media",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": payload, **changes},
    }


def test_media_becomes_plain_bytes() -> None:
    assert parse_frame(orjson.dumps(media())) == MediaFrame(AUDIO, 20)


def test_a_start_holds_the_parameters() -> None:
    frame = parse_frame(orjson.dumps(START))
    assert frame == StartFrame("MZ1", "CA1", {"attempt": "a1", "token": "t"})
    assert isinstance(frame, StartFrame) and frame.is_mulaw_8k


def test_another_audio_format_is_seen() -> None:
    start = {**START, "start": {**START["start"], "mediaFormat": {"encoding": "audio/l16", "sampleRate": 16000}}}  # type: ignore[dict-item]
    frame = parse_frame(orjson.dumps(start))
    assert isinstance(frame, StartFrame) and not frame.is_mulaw_8k


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, ConnectedFrame()),
        ({"event": "mark", "mark": {"name": "0.1"}}, MarkFrame("0.1")),
        ({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "1"}}, DigitFrame("1")),
        ({"event": "stop", "stop": {"accountSid": "AC1", "callSid": "CA1"}}, StopFrame()),
    ],
)
def test_other_events(message: dict[str, object], frame: object) -> None:
    assert parse_frame(orjson.dumps(message)) == frame


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"media"',
        b'{"event":"media"}',
        b'{"event":"media","media":7}',
        b'{"event":"media","media":{"payload":7}}',
        b'{"event":"media","media":{"payload":"\xff"}}',
        orjson.dumps(media(payload="a")),
        orjson.dumps(media(payload="")),
        orjson.dumps(media(track="outbound")),
        orjson.dumps(media(timestamp="soon")),
        orjson.dumps(media(payload=base64.b64encode(bytes(20_000)).decode())),
        b'{"event":"mark","mark":{"name":null}}',
        b'{"event":"start","start":{}}',
        b'{"event":"start","start":{"streamSid":"MZ","customParameters":[1]}}',
        b'{"event":"unheard_of"}',
        b'{"event":["start"]}',
        b" " * 70_000 + b'{"event":"stop"}',
    ],
)
def test_what_is_malformed_oversized_or_foreign_is_nothing(message: bytes) -> None:
    assert parse_frame(message) is None


@given(st.binary(max_size=300))
def test_no_bytes_ever_raise(message: bytes) -> None:
    parse_frame(message)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["event", "media", "payload", "start", "mark", "name", "streamSid", "dtmf"]), inner
            )
        ),
    ),
    st.sampled_from(["media", "mark", "start", "dtmf", "stop"]),
)
def test_no_json_ever_raises(body: object, event: str) -> None:
    try:
        message = orjson.dumps({"event": event, event: body})
    except TypeError:  # integers beyond 64 bits
        return
    parse_frame(message)


def test_outbound_messages_are_what_the_carrier_expects() -> None:
    writer = FrameWriter('MZ"1')
    assert orjson.loads(writer.media(AUDIO)) == {
        "event": "media",
        "streamSid": 'MZ"1',
        "media": {"payload": base64.b64encode(AUDIO).decode()},
    }
    assert orjson.loads(writer.mark('a"b')) == {"event": "mark", "streamSid": 'MZ"1', "mark": {"name": 'a"b'}}
    assert orjson.loads(writer.clear()) == {"event": "clear", "streamSid": 'MZ"1'}

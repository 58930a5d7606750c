"""The emulator's pure parts: play buffer, machine detection, documents, signatures, audio files."""

import struct
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.twilio import twiml
from rehearsal.twilio.audio import AudioFileError, read_audio
from rehearsal.twilio.call import DetectionSettings, MachineDetection
from rehearsal.twilio.detection import MachineDetector, Sound
from rehearsal.twilio.errors import Code
from rehearsal.twilio.playback import FRAME_BYTES, LARGEST_BUFFER, SILENCE, PlayBuffer
from rehearsal.twilio.signature import sign
from rehearsal.twilio.twiml import TwimlError


@given(pieces=st.lists(st.binary(min_size=1, max_size=700), max_size=12))
def test_whatever_the_pieces_the_audio_plays_once_in_order_and_marks_in_their_places(
    pieces: list[bytes],
) -> None:
    buffer = PlayBuffer()
    returned: list[str] = []
    for number, piece in enumerate(pieces):
        assert buffer.write(piece)
        if buffer.mark(str(number)):
            returned.append(str(number))
    played = b""
    while buffer.waiting_bytes:
        frame, marks = buffer.next_frame()
        assert len(frame) == FRAME_BYTES
        played += frame
        for mark in marks:
            assert len(played) >= sum(map(len, pieces[: int(mark) + 1]))
        returned += marks
    assert returned == [str(number) for number in range(len(pieces))]
    assert played.startswith(b"".join(pieces))
    assert set(played[sum(map(len, pieces)) :]) <= {0xFF}


def test_a_cleared_buffer_is_silent_and_gives_its_marks_back() -> None:
    buffer = PlayBuffer()
    buffer.write(b"\x01" * 1000)
    buffer.mark("a")
    buffer.write(b"\x01" * 1000)
    buffer.mark("b")
    buffer.next_frame()
    assert buffer.clear() == ["a", "b"]
    assert buffer.next_frame() == (SILENCE, [])
    assert buffer.mark("c")


def test_a_buffer_takes_ten_minutes_and_no_more() -> None:
    buffer = PlayBuffer()
    assert buffer.write(b"\x01" * LARGEST_BUFFER)
    assert not buffer.write(b"\x01")


def test_a_rest_shorter_than_a_frame_waits_for_its_other_half_for_a_moment() -> None:
    buffer = PlayBuffer()
    buffer.write(b"\x01" * 100)
    assert buffer.next_frame()[0] == SILENCE
    buffer.write(b"\x01" * 60)
    assert buffer.next_frame()[0] == b"\x01" * FRAME_BYTES
    buffer.write(b"\x02" * 10)
    frames = [buffer.next_frame()[0] for _ in range(4)]
    assert frames[-1] == b"\x02" * 10 + b"\xff" * 150


def sounds(*parts: tuple[Sound, int]) -> list[Sound]:
    return list(chain.from_iterable(repeat(sound, milliseconds // 20) for sound, milliseconds in parts))


QUIET, SPEECH, TONE = Sound.SILENCE, Sound.SPEECH, Sound.TONE


@pytest.mark.parametrize(
    ("mode", "heard", "verdict", "milliseconds"),
    [
        (MachineDetection.ENABLE, sounds((QUIET, 500), (SPEECH, 500), (QUIET, 5000)), "human", 2200),
        (MachineDetection.ENABLE, sounds((QUIET, 500), (SPEECH, 5000)), "machine_start", 2900),
        (MachineDetection.ENABLE, sounds((QUIET, 9000)), "unknown", 5000),
        (MachineDetection.ENABLE, sounds((SPEECH, 500), (QUIET, 400), (SPEECH, 1600)), "machine_start", 2400),
        (
            MachineDetection.DETECT_MESSAGE_END,
            sounds((SPEECH, 4000), (QUIET, 400), (TONE, 400), (QUIET, 5000)),
            "machine_end_beep",
            4820,
        ),
        (MachineDetection.DETECT_MESSAGE_END, sounds((SPEECH, 4000), (QUIET, 5000)), "machine_end_silence", 5200),
        (MachineDetection.DETECT_MESSAGE_END, sounds((SPEECH, 60_000)), "machine_end_other", 30_000),
        (MachineDetection.DETECT_MESSAGE_END, sounds((SPEECH, 500), (QUIET, 5000)), "human", 1700),
    ],
)
def test_detection_judges_by_timing(
    mode: MachineDetection, heard: list[Sound], verdict: str, milliseconds: int
) -> None:
    detector = MachineDetector(DetectionSettings(mode))
    verdicts = [reached for sound in heard if (reached := detector.observe(sound))]
    assert verdicts == [verdict]
    assert detector.milliseconds == milliseconds


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", Code.DOCUMENT_PARSE_FAILURE),
        ("<Response>", Code.DOCUMENT_PARSE_FAILURE),
        ("<Answer/>", Code.DOCUMENT_PARSE_FAILURE),
        ("<Response><Dance/></Response>", Code.SCHEMA_VALIDATION),
        ("<Response><Connect/></Response>", Code.SCHEMA_VALIDATION),
        ('<Response><Connect><Stream url="https://x/"/></Connect></Response>', Code.SCHEMA_VALIDATION),
        ('<Response><Pause length="long"/></Response>', Code.SCHEMA_VALIDATION),
        (
            '<Response><Connect><Stream url="wss://x/"><Parameter name="a" value="'
            + "v" * 499
            + '"/></Stream></Connect></Response>',
            Code.SCHEMA_VALIDATION,
        ),
    ],
)
def test_documents_that_twilio_would_not_run_are_refused(document: str, code: Code) -> None:
    with pytest.raises(TwimlError) as refused:
        twiml.parse(document)
    assert refused.value.code is code


def test_a_document_becomes_verbs() -> None:
    assert twiml.parse(
        '<?xml version="1.0"?><Response><Say>Hi</Say><Play loop="2">http://x/a.wav</Play><Pause/>'
        '<Connect><Stream url="wss://x/m"><Parameter name="a" value="b"/></Stream></Connect>'
        "<Redirect>/next</Redirect><Hangup/></Response>"
    ) == [
        twiml.Say("Hi"),
        twiml.Play("http://x/a.wav", 2),
        twiml.Pause(1),
        twiml.ConnectStream("wss://x/m", {"a": "b"}),
        twiml.Redirect("/next"),
        twiml.Hangup(),
    ]


def test_signatures_are_those_of_the_published_examples() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    assert sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert sign("12345", "wss://mycompany.com/stream/abc") == "eoZtXKHz2qjNKEwyznnTxE655U4="


def wav(encoding: int, bits: int, data: bytes, rate: int = 8000, channels: int = 1) -> bytes:
    form = struct.pack("<HHIIHH", encoding, channels, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_audio_files_are_read_as_mu_law() -> None:
    assert read_audio(wav(7, 8, b"\x12\x34"), "") == b"\x12\x34"
    assert read_audio(wav(1, 16, b"\0\0" * 5), "audio/wav") == b"\xff" * 5
    assert read_audio(b"\x12", "audio/basic; rate=8000") == b"\x12"


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"ID3 music", wav(1, 8, b""), wav(7, 8, b"", rate=16_000), wav(1, 16, b"", channels=2)]
)
def test_other_audio_files_are_refused(content: bytes) -> None:
    with pytest.raises(AudioFileError):
        read_audio(content, "audio/mpeg")

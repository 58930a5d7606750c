"""Levels, voices and beeps, on synthetic sound and on the rehearsal world's real speech."""

import math
from random import Random

import pytest

from rehearsal.speech import SpeechStudio
from voice_bridge.beep import BeepDetector
from voice_bridge.mulaw import LINEAR, SILENCE, mean_level, milliseconds
from voice_bridge.voice_activity import VoiceActivity, VoiceChange

FRAME = 160
_ENCODED = {value: byte for byte, value in enumerate(LINEAR)}
_VALUES = sorted(_ENCODED)


def encode(sample: float) -> int:
    """The mu-law byte nearest to a 16-bit sample."""
    return _ENCODED[min(_VALUES, key=lambda value: abs(value - sample))]


def tone(hertz: float, ms: int, amplitude: float = 8000) -> bytes:
    cache: dict[int, int] = {}
    made = bytearray()
    for index in range(ms * 8):
        sample = int(amplitude * math.sin(2 * math.pi * hertz * index / 8000)) // 16 * 16
        if sample not in cache:
            cache[sample] = encode(sample)
        made.append(cache[sample])
    return bytes(made)


def noise(ms: int, amplitude: int = 100, seed: int = 1) -> bytes:
    random = Random(seed)
    table = [encode(random.uniform(-amplitude, amplitude)) for _ in range(400)]
    return bytes(random.choice(table) for _ in range(ms * 8))


def beeps(audio: bytes) -> int:
    detector = BeepDetector()
    return sum(detector.feed(audio[at : at + FRAME]) for at in range(0, len(audio), FRAME))


@pytest.fixture(scope="module")
def speech() -> bytes:
    studio = SpeechStudio()
    texts = (
        "Hi, you have reached the voicemail of Harper and Sons. Please leave a message after the tone.",
        "Oh, that is so good, we all know you, aaaah, moon, noon, soon.",
    )
    return b"".join(bytes(studio.synthesize(text).audio) for text in texts)


def test_silence_has_no_level_and_full_scale_the_highest() -> None:
    assert mean_level(SILENCE * FRAME) == 0
    assert mean_level(b"\x00\x80" * 80) == 127
    assert mean_level(b"") == 0
    for length in (1, 515, 516, 16_000):  # whichever way they are summed
        assert mean_level(b"\x80" * length) == 127
    assert milliseconds(FRAME) == 20


@pytest.mark.parametrize("hertz", [425, 620, 1000, 1400, 2000])
@pytest.mark.parametrize("length", [250, 400, 1000])
def test_a_beep_is_heard_when_it_has_ended(hertz: float, length: int) -> None:
    assert beeps(noise(500) + tone(hertz, length) + noise(300)) == 1


@pytest.mark.parametrize("amplitude", [1500, 20_000])
def test_a_quiet_and_a_loud_beep_are_heard(amplitude: int) -> None:
    assert beeps(tone(1000, 400, amplitude) + SILENCE * 1600) == 1


def test_a_beep_is_heard_however_the_frames_fall() -> None:
    detector = BeepDetector()
    audio = SILENCE * 800 + tone(1000, 400) + SILENCE * 800
    assert sum(detector.feed(audio[at : at + 333]) for at in range(0, len(audio), 333)) == 1


def test_speech_is_no_beep(speech: bytes) -> None:
    assert beeps(speech) == 0


def test_a_beep_after_speech_is_heard_once(speech: bytes) -> None:
    assert beeps(speech + SILENCE * 3200 + tone(1000, 400) + SILENCE * 1600) == 1


@pytest.mark.parametrize(
    "audio",
    [noise(2000, 8000), SILENCE * 16_000, tone(1000, 120) + SILENCE * 1600, tone(1000, 6000) + SILENCE * 1600],
    ids=["loud noise", "silence", "a click of a tone", "a tone of seconds"],
)
def test_what_is_no_beep(audio: bytes) -> None:
    assert beeps(audio) == 0


def test_two_tones_at_once_are_no_beep() -> None:
    low, high = tone(440, 1000), tone(1209, 1000)
    mixed = bytes(encode((LINEAR[a] + LINEAR[b]) / 2) for a, b in zip(low, high, strict=True))
    assert beeps(mixed + SILENCE * 1600) == 0


def changes(audio: bytes) -> list[tuple[int, VoiceChange]]:
    activity = VoiceActivity()
    found = []
    for at in range(0, len(audio), FRAME):
        if (change := activity.feed(audio[at : at + FRAME])) is not None:
            found.append((milliseconds(at), change))
    return found


def test_a_voice_starts_and_stops(speech: bytes) -> None:
    found = changes(noise(1000) + speech[:16_000] + noise(1000))
    assert found[0][1] is VoiceChange.STARTED and 1000 <= found[0][0] <= 1400
    assert found[-1][1] is VoiceChange.STOPPED and found[-1][0] >= 2500


def test_a_quiet_line_has_no_voice() -> None:
    assert changes(noise(3000)) == []
    assert changes(SILENCE * 24_000) == []


def test_steady_noise_is_soon_no_voice_any_more() -> None:
    found = changes(noise(30_000, 1500))
    assert not found or found[-1][1] is VoiceChange.STOPPED


def test_a_click_is_no_voice() -> None:
    assert changes(SILENCE * 1600 + tone(1000, 40) + SILENCE * 8000) == []

"""Messages of audio for the recogniser: long enough for it, complete, and never late at the end of a turn."""

import pytest

from voice_bridge.listening.batches import Batches

FRAME_MS, FRAME = 20, 160


def messages(spoken_frames: int, silent_frames: int, silence_ms: int = 200) -> list[tuple[int, bytes]]:
    """(frames fed when it came, message) of speech and the silence behind it."""
    batches, found = Batches(60, silence_ms), []
    for number in range(spoken_frames + silent_frames):
        quiet = max(0, number + 1 - spoken_frames) * FRAME_MS
        message = batches.feed(bytes((number % 250,)) * FRAME, quiet)
        if message is not None:
            found.append((number + 1, message))
    return found


@pytest.mark.parametrize("spoken_frames", range(7))
@pytest.mark.parametrize("silence_ms", [100, 120, 200, 600])
def test_the_silence_that_ends_a_turn_is_sent_when_it_is_complete(spoken_frames: int, silence_ms: int) -> None:
    sent_at = [at for at, _ in messages(spoken_frames, 40, silence_ms)]
    assert spoken_frames + silence_ms // FRAME_MS in sent_at


@pytest.mark.parametrize("spoken_frames", range(7))
def test_no_message_is_shorter_or_much_longer_than_the_shortest(spoken_frames: int) -> None:
    lengths = [len(message) // 8 for _, message in messages(spoken_frames, 40)]
    assert min(lengths) >= 60 and max(lengths) <= 100


def test_while_somebody_speaks_every_message_is_the_shortest() -> None:
    assert {len(message) // 8 for _, message in messages(30, 0)} == {60}


def test_every_byte_is_sent_once_and_in_order() -> None:
    audio = b"".join(message for _, message in messages(20, 20))
    assert audio == b"".join(bytes((number,)) * FRAME for number in range(len(audio) // FRAME))
    assert len(audio) // FRAME >= 38


def test_what_was_put_back_begins_the_next_message() -> None:
    batches = Batches(60, 200)
    assert batches.feed(b"b" * 320, 0) is None
    batches.put_back(b"a" * 160)
    assert batches.feed(b"c" * FRAME, 0) == b"a" * 160 + b"b" * 320 + b"c" * FRAME

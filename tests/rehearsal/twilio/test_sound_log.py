"""What the carrier writes down of the sound on a line."""

from rehearsal.twilio.sound_log import FRAME_MS, PAUSE_FRAMES, SoundLog


class Notes:
    """Every note with the frame in which it came."""

    def __init__(self) -> None:
        self.frame = 0
        self.taken: list[tuple[int, str, dict[str, object]]] = []
        self.log = SoundLog("agent", lambda kind, facts: self.taken.append((self.frame, kind, facts)))

    def play(self, sounds: bool, frames: int, *words: str) -> None:
        for number in range(frames):
            self.log.hear(sounds, words if number == frames - 1 else ())
            self.frame += 1


def test_a_stretch_is_told_when_it_begins_and_with_its_words_when_it_is_over() -> None:
    notes = Notes()
    notes.play(False, 5)
    notes.play(True, 10, "Hello")
    notes.play(False, PAUSE_FRAMES - 1, "there.")  # the ear takes a moment for the last word
    assert [kind for _, kind, _ in notes.taken] == ["agent_sounds"]
    notes.play(False, 10)
    assert [(frame, kind) for frame, kind, _ in notes.taken] == [
        (5, "agent_sounds"),
        (14 + PAUSE_FRAMES, "agent_paused"),
    ]
    facts = notes.taken[1][2]
    assert facts == {"milliseconds": 200, "silent": PAUSE_FRAMES * FRAME_MS, "words": "Hello there."}


def test_silence_inside_a_sentence_is_no_pause() -> None:
    notes = Notes()
    for _ in range(3):
        notes.play(True, 10, "word")
        notes.play(False, PAUSE_FRAMES - 1)
    notes.log.end()
    assert [kind for _, kind, _ in notes.taken] == ["agent_sounds", "agent_paused"]
    assert notes.taken[1][2]["words"] == "word word word"


def test_a_line_that_ends_tells_the_stretch_under_way_and_nothing_more() -> None:
    notes = Notes()
    notes.log.end()
    assert notes.taken == []
    notes.play(True, 3)
    notes.log.end()
    notes.log.end()
    assert [(kind, facts.get("milliseconds")) for _, kind, facts in notes.taken] == [
        ("agent_sounds", None),
        ("agent_paused", 60),
    ]

"""Ten minutes of what is no speech, as sound: the call stays polite, is no machine, and ends by itself, soon."""

import pytest

from rehearsal.speech.mulaw import encode as encode_samples
from tests.voice_bridge.talk import Talk
from voice_bridge import turn_events as events
from voice_bridge.beep import BeepDetector
from voice_bridge.mulaw import SILENCE
from voice_bridge.turn_decisions import EndCall, EndReason, ReportAnsweredBy, Think
from voice_bridge.voice_activity import VoiceActivity, VoiceChange

np = pytest.importorskip("numpy")
SECONDS = 12
"""Of sound that differs; it is played again and again."""


def sound(kind: str) -> bytes:
    """Mu-law of 12 seconds."""
    random = np.random.default_rng(7)
    time = np.arange(SECONDS * 8000) / 8000
    match kind:
        case "silence":
            return SILENCE * len(time)
        case "noise":
            samples = random.uniform(-3000, 3000, len(time))
        case "music":
            notes = np.repeat(random.choice([196.0, 262.0, 330.0, 392.0, 523.0], SECONDS * 4), 2000)
            phase = 2 * np.pi * np.cumsum(notes) / 8000
            beat = 0.3 + 0.7 * np.exp(-4 * (time % 0.25))
            samples = 7000 * beat * (np.sin(phase) + 0.5 * np.sin(1.5 * phase) + 0.3 * np.sin(2 * phase)) / 1.8
        case "ringing":
            samples = 8000 * np.sin(2 * np.pi * 440 * time) * (time % 6 < 2)
        case "barking":
            samples = random.uniform(-9000, 9000, len(time)) * (time % 1.5 < 0.3)
        case _:
            samples = 9000 * np.sin(2 * np.pi * 2100 * time)  # a fax machine
    return encode_samples(samples.astype(np.int16))


@pytest.mark.parametrize("kind", ["silence", "noise", "music", "ringing", "barking", "a fax"])
@pytest.mark.parametrize("greeted", [True, False], ids=["after the greeting", "over the greeting"])
def test_ten_minutes_of_it_end_the_call_politely(kind: str, greeted: bool) -> None:
    talk = Talk()
    if greeted:
        talk.greet()
    else:
        talk.start()
        talk.agent_starts(5000)
    audio, activity, beeps = sound(kind), VoiceActivity(), BeepDetector()
    done_at = 0 if greeted else talk.now + 5000
    for frame in range(30_000):
        at = frame * 160 % len(audio)
        piece = audio[at : at + 160]
        change = activity.feed(piece)
        if change is not None:
            happened = events.VoiceStarted if change is VoiceChange.STARTED else events.VoiceStopped
            talk.tell(happened(talk.now))
        if beeps.feed(piece):
            talk.tell(events.Beep(talk.now))
        talk.now += 20
        if frame % 5 == 0:
            talk.tell(events.Tick(talk.now))
        if talk.machine.busy and not done_at:
            talk.agent_starts(2000)
            done_at = talk.now + 2000
        elif talk.machine.busy and talk.now >= done_at and talk.state != "interrupted":
            done_at = 0
            talk.agent_done()
        if talk.is_over:
            break
    assert talk.of(EndCall) == [EndCall(EndReason.SILENCE)]
    assert not talk.of(Think) and not talk.of(ReportAnsweredBy), "nobody spoke, and no machine did"
    assert talk.now < 120_000, "soon"

"""The voices and ears of the rehearsal world: text to telephone audio, and back from the audio that arrived."""

from rehearsal.speech.ear import Ear, HeardWord
from rehearsal.speech.espeak import SpeechError
from rehearsal.speech.studio import SpeechStudio, SpokenWord, Utterance
from rehearsal.speech.wav import write_wav

__all__ = ["Ear", "HeardWord", "SpeechError", "SpeechStudio", "SpokenWord", "Utterance", "write_wav"]

"""The voices of the rehearsal world: one for the agent, several for people, any other name gets its own."""

import zlib
from typing import Final

from rehearsal.speech.espeak import VoiceProfile

AGENT: Final = "agent"
PEOPLE: Final = ("person-1", "person-2", "person-3", "person-4", "person-5", "person-6")
MACHINE: Final = "machine"

_PROFILES: Final = {
    AGENT: VoiceProfile("en-us+f3", 178, 52, 55),
    MACHINE: VoiceProfile("en-us+m3", 165, 40, 30),
    "person-1": VoiceProfile("en-us+m1", 172, 42, 50),
    "person-2": VoiceProfile("en-us+f2", 185, 60, 60),
    "person-3": VoiceProfile("en+m7", 168, 35, 45),
    "person-4": VoiceProfile("en+f4", 176, 55, 65),
    "person-5": VoiceProfile("en-us+m4", 190, 48, 60),
    "person-6": VoiceProfile("en-us+f5", 170, 66, 50),
}
_VARIANTS: Final = ("en-us+f1", "en-us+f2", "en-us+f4", "en-us+m2", "en-us+m5", "en+f3", "en+m1")


def profile(voice: str) -> VoiceProfile:
    """The profile of a voice; an unknown name is a voice of its own, always the same one."""
    known = _PROFILES.get(voice)
    if known is not None:
        return known
    digest = zlib.crc32(voice.encode())
    return VoiceProfile(_VARIANTS[digest % len(_VARIANTS)], 165 + digest // 7 % 25, 35 + digest // 175 % 40, 50)

"""An answered line: the callee at one end, whatever the call's document plays at the other.

Every 20 ms one frame goes each way. What the callee hears is exactly what was played, so an agent that was
cleared in mid-sentence was heard up to there.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from rehearsal.people.party import Action, HangUp, Heard, Moment, Note, Party, Press, Say, StopTalking, Tone
from rehearsal.speech import SpeechStudio
from rehearsal.twilio.detection import Sound
from rehearsal.twilio.playback import FRAME_BYTES, SILENCE
from rehearsal.twilio.sound_log import SoundLog

_ENDS_A_WORD = 5  # silent frames that the ear is given: a word that was cut off is then over for it
_BETWEEN_UTTERANCES = 8  # frames of silence between two things said one after the other


class AgentSource(Protocol):
    """What plays to the callee at the moment."""

    def next_frame(self) -> bytes:
        """The next 160 bytes."""


class CalleeListener(Protocol):
    """Something that gets what the callee says."""

    def hear(self, frame: bytes, sound: Sound) -> None:
        """Take 20 ms of the callee's side."""

    def digit(self, digit: str) -> None:
        """A key that the callee pressed."""


class Recorder(Protocol):
    """Something that keeps both sides."""

    def write(self, agent: bytes, callee: bytes) -> None:
        """Keep 20 ms of each side."""


class Clip:
    """A finite piece of audio, played once."""

    def __init__(self, audio: bytes, finished: Callable[[], None]) -> None:
        self._audio = audio
        self._offset = 0
        self._finished: Callable[[], None] | None = finished

    def next_frame(self) -> bytes:
        """The next 160 bytes; silence after the end, which is reported once."""
        frame = self._audio[self._offset : self._offset + FRAME_BYTES]
        self._offset += FRAME_BYTES
        if self._offset >= len(self._audio) and self._finished is not None:
            self._finished()
            self._finished = None
        return frame.ljust(FRAME_BYTES, b"\xff")


class _Mouth:
    """What the callee is saying, frame by frame. Speech is made in a thread: `busy` from the moment of asking."""

    def __init__(self, studio: SpeechStudio, voice: str) -> None:
        self._studio = studio
        self._voice = voice
        self._pieces: deque[tuple[bytes, Sound]] = deque()
        self._offset = 0
        self._making: asyncio.Future[bytes] | None = None
        self._wanted: deque[str] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._pieces or self._making or self._wanted)

    def say(self, text: str) -> None:
        self._wanted.append(text)
        self._make_next()

    def tone(self, hertz: float, milliseconds: int) -> None:
        self._pieces.append((self._studio.tone(hertz, milliseconds), Sound.TONE))

    def stop(self) -> None:
        self._pieces.clear()
        self._wanted.clear()
        self._offset = 0
        if self._making is not None:
            self._making.cancel()
            self._making = None

    def next_frame(self) -> tuple[bytes, Sound]:
        while self._pieces:
            audio, sound = self._pieces[0]
            frame = audio[self._offset : self._offset + FRAME_BYTES]
            if frame:
                self._offset += FRAME_BYTES
                return frame, Sound.SILENCE if frame == SILENCE else sound
            self._pieces.popleft()
            self._offset = 0
        return SILENCE, Sound.SILENCE

    def _make_next(self) -> None:
        if self._making is not None or not self._wanted:
            return
        text = self._wanted.popleft()
        loop = asyncio.get_running_loop()
        self._making = loop.run_in_executor(None, lambda: self._studio.synthesize(text, self._voice).audio)
        self._making.add_done_callback(self._made)

    def _made(self, future: "asyncio.Future[bytes]") -> None:
        if future is not self._making:
            return
        self._making = None
        if not future.cancelled() and future.exception() is None:
            if self._pieces:
                self._pieces.append((SILENCE * _BETWEEN_UTTERANCES, Sound.SILENCE))
            self._pieces.append((future.result(), Sound.SPEECH))
        self._make_next()


class Line:
    """Both directions of one answered call."""

    def __init__(
        self,
        party: Party,
        studio: SpeechStudio,
        voice: str,
        *,
        hang_up: Callable[[str], None],
        note: Callable[[str, dict[str, object]], None],
        log_sound: bool = False,
    ) -> None:
        self._party = party
        self._mouth = _Mouth(studio, voice)
        self._ear = studio.ear()
        self._moment = Moment()
        self._hang_up = hang_up
        self._note = note
        self._leaving: str | None = None
        self._agent_sounding = False
        self._silent_frames = _ENDS_A_WORD
        self._agent_log = SoundLog("agent", note) if log_sound else None
        self._callee_log = SoundLog("callee", note) if log_sound else None
        self.source: AgentSource | None = None
        self.listeners: list[CalleeListener] = []
        self.recorders: list[Recorder] = []

    def tick(self) -> None:
        """Let 20 ms pass at both ends."""
        agent = self.source.next_frame() if self.source is not None else SILENCE
        words = self._hear(agent)
        if self._leaving is None:
            moment = self._moment
            moment.words = words
            moment.agent_speaking = self._agent_sounding
            moment.speaking = self._mouth.busy
            for action in self._party.step(moment):
                self._do(action)
        callee, sound = self._mouth.next_frame()
        if self._agent_log is not None and self._callee_log is not None:
            self._agent_log.hear(self._agent_sounding, [word.text for word in words])
            self._callee_log.hear(sound is not Sound.SILENCE)
        for recorder in self.recorders:
            recorder.write(agent, callee)
        for listener in self.listeners:
            listener.hear(callee, sound)
        if self._leaving is not None and not self._mouth.busy:
            self._hang_up(self._leaving)

    def failed(self) -> None:
        """The line broke inside the emulator: hang up rather than stay silent for ever."""
        self._hang_up("the line broke")

    def close(self) -> None:
        """The call ended: the callee stops talking and its last notes are written."""
        self._mouth.stop()
        for log in (self._agent_log, self._callee_log):
            if log is not None:
                log.end()
        for note in self._party.line_ended():
            self._do(note)

    def _hear(self, agent: bytes) -> list[Heard]:
        sounding = agent != SILENCE
        self._silent_frames = 0 if sounding else self._silent_frames + 1
        self._agent_sounding = sounding
        if self._silent_frames > _ENDS_A_WORD:
            return []
        return [Heard(word.text, word.ends_sentence) for word in self._ear.feed(agent)]

    def _do(self, action: Action) -> None:
        match action:
            case Say(text):
                self._note("said", {"text": text})
                self._mouth.say(text)
            case Tone(hertz, milliseconds):
                self._mouth.tone(hertz, milliseconds)
            case StopTalking():
                self._mouth.stop()
            case Press(digits):
                self._note("pressed", {"digits": digits})
                for digit in digits:
                    for listener in self.listeners:
                        listener.digit(digit)
            case HangUp(reason):
                self._leaving = reason
            case Note(kind, facts):
                self._note(kind, facts)

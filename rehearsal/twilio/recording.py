"""Call recordings: built from what was really played each way, kept on disk as mu-law, served as WAV."""

import io
import wave
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from rehearsal.speech.mulaw import decode
from rehearsal.twilio.call import RecordingSettings

_BYTES_A_SECOND = 8000


@dataclass
class Recording:
    """One recording. Two channels: left what was played to the callee, right what the callee said."""

    sid: str
    call_sid: str
    settings: RecordingSettings
    started: datetime
    folder: Path
    status: str = "in-progress"
    seconds: int = -1
    _agent: bytearray = field(default_factory=bytearray)
    _callee: bytearray = field(default_factory=bytearray)

    def write(self, agent: bytes, callee: bytes) -> None:
        """Keep 20 ms of each side."""
        self._agent += agent
        self._callee += callee

    def finish(self) -> None:
        """End the recording and move it to disk, once. `absent` when there was nothing to record."""
        if self.status != "in-progress":
            return
        self.seconds = round(len(self._agent) / _BYTES_A_SECOND)
        self.status = "completed" if self._agent else "absent"
        if self._agent:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path(0).write_bytes(self._agent)
            self._path(1).write_bytes(self._callee)
        self._agent = bytearray()
        self._callee = bytearray()

    def wav(self, channels: int | None = None) -> bytes:
        """The finished recording as 16-bit PCM WAV at 8 kHz. Raises FileNotFoundError when there is none."""
        agent, callee = (decode(self._path(side).read_bytes()) for side in (0, 1))
        channels = channels or self.settings.channels
        if channels == 2:
            samples = np.stack([agent, callee], axis=1).reshape(-1)
        else:
            mixed = agent.astype(np.int32) + callee.astype(np.int32)
            samples = np.clip(mixed, -32768, 32767).astype(np.int16)
        target = io.BytesIO()
        with wave.open(target, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(_BYTES_A_SECOND)
            file.writeframes(samples.astype("<i2").tobytes())
        return target.getvalue()

    def delete(self) -> None:
        """Remove the audio from disk."""
        for side in (0, 1):
            self._path(side).unlink(missing_ok=True)

    def _path(self, side: int) -> Path:
        return self.folder / f"{self.sid}.{side}.ulaw"

"""The life of one call from the queue to its end: dial, ring, answer, run the documents, finish."""

import asyncio
import contextlib
import logging
import zlib
from collections.abc import Coroutine, Iterator
from datetime import datetime
from random import Random
from typing import TypeVar

from rehearsal.people.characters import Character, Memory, Pickup, Reception, receive
from rehearsal.people.machines import party_of
from rehearsal.speech.voices import MACHINE, PEOPLE
from rehearsal.twilio.account import Account
from rehearsal.twilio.call import Call, CallStatus, DetectionSettings, Instructions
from rehearsal.twilio.detection import MachineDetector, Sound
from rehearsal.twilio.documents import DocumentRunner
from rehearsal.twilio.line import Line
from rehearsal.twilio.recording import Recording

_DIAL_SECONDS = (0.1, 0.3)  # from leaving the queue to the first ring
_REFUSAL_SECONDS = (0.4, 1.2)  # until the network says busy or unknown
_DIGIT_SECONDS = {"w": 0.5, "W": 1.0}  # pauses; every other key sounds for 0.2 s
_OK, _NOT_FOUND, _BUSY, _TERMINATED = 200, 404, 486, 487
_MACHINES = {Character.VOICEMAIL, Character.SCREENED, Character.SCREENED_PICKS_UP}

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Detection:
    """Machine detection on a line; reports its verdict once."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._detector = MachineDetector(settings)
        self.reached = asyncio.Event()

    @property
    def verdict(self) -> str:
        return self._detector.verdict or "unknown"

    @property
    def milliseconds(self) -> int:
        return self._detector.milliseconds

    def hear(self, frame: bytes, sound: Sound) -> None:
        if self._detector.observe(sound) is not None:
            self.reached.set()

    def digit(self, digit: str) -> None:
        """Keys say nothing about machines."""


class CallRun:
    """Runs one call."""

    def __init__(self, account: Account, call: Call) -> None:
        self._account = account
        self._call = call
        self._world = account.world

    async def run(self) -> None:
        """Run the call to its end. Never raises but for cancellation."""
        status = CallStatus.FAILED
        try:
            status = await self._call_out()
        except Exception:
            _log.exception("a call failed inside the emulator")
        finally:
            self._finish(status)
        await self._deliver_recordings()

    async def _call_out(self) -> CallStatus:
        call, world = self._call, self._world
        memory: Memory = world.numbers.setdefault(call.to, Memory())
        reception = receive(call.to, memory)
        random = world.random("call", call.to, memory.rung)
        memory.rung += 1
        call.dialled = True
        call.started = self._now()
        self._truth("dialled", times=memory.rung, character=reception.character.value)
        self._account.callbacks.status(call, "initiated")
        reached = await self._unless_ended(self._ring(reception, random))
        if reached is None:
            call.sip_response = _TERMINATED
            return CallStatus.CANCELED
        if reached is CallStatus.IN_PROGRESS:
            memory.answered += 1
            call.sip_response = _OK
            await self._converse(reception.character, random)
            return CallStatus.COMPLETED
        return reached

    async def _ring(self, reception: Reception, random: Random) -> CallStatus:
        call, behaviour = self._call, self._account.behaviour
        await asyncio.sleep(random.uniform(*_DIAL_SECONDS))
        if reception.pickup is Pickup.NOT_IN_SERVICE:
            await asyncio.sleep(random.uniform(*_REFUSAL_SECONDS))
            call.sip_response = _NOT_FOUND
            return CallStatus.FAILED
        self._enter(CallStatus.RINGING)
        self._truth("ringing")
        self._account.callbacks.status(call, "ringing")
        if reception.pickup is Pickup.BUSY:
            await asyncio.sleep(random.uniform(*_REFUSAL_SECONDS))
            call.sip_response = _BUSY
            return CallStatus.BUSY
        rings = random.uniform(behaviour.shortest_ring_seconds, behaviour.longest_ring_seconds)
        if reception.pickup is Pickup.RINGS_OUT or rings > call.request.timeout:
            await asyncio.sleep(call.request.timeout)
            call.sip_response = _TERMINATED
            return CallStatus.NO_ANSWER
        await asyncio.sleep(rings)
        return CallStatus.IN_PROGRESS

    async def _converse(self, character: Character, random: Random) -> None:
        call = self._call
        call.answered = self._now()
        line = Line(
            party_of(character, random),
            self._world.studio,
            MACHINE if character in _MACHINES else PEOPLE[zlib.crc32(call.to.encode()) % len(PEOPLE)],
            hang_up=self._callee_hangs_up,
            note=lambda kind, facts: self._truth(kind, **facts),
            log_sound=self._account.behaviour.log_sound,
        )
        call.line = line
        self._enter(CallStatus.IN_PROGRESS)
        self._truth("answered", character=character.value)
        self._start_recording(line)
        detection = self._start_detection(line)
        self._account.pacer.add(line)
        self._account.callbacks.status(call, "answered")
        try:
            with self._time_limit(), self._reporting(detection):
                await self._unless_ended(self._run_documents(line, detection))
            call.end("the document ended")
        finally:
            self._account.pacer.remove(line)
            line.close()

    async def _run_documents(self, line: Line, detection: _Detection | None) -> None:
        request = self._call.request
        fields: dict[str, str] = {}
        if request.send_digits:
            await asyncio.sleep(sum(_DIGIT_SECONDS.get(key, 0.2) for key in request.send_digits))
            self._truth("digits_sent", digits=request.send_digits)
        if detection is not None and request.detection is not None and not request.detection.asynchronous:
            await detection.reached.wait()
            fields = {
                "AnsweredBy": detection.verdict,
                "MachineDetectionDuration": str(detection.milliseconds),
            }
        first = Instructions(request.answer, request.twiml)
        await DocumentRunner(self._account, self._call, line).run(first, fields)

    def _start_recording(self, line: Line) -> None:
        call, settings = self._call, self._call.request.recording
        if settings is None:
            return
        folder = self._world.settings.data_dir / "rehearsal" / "recordings"
        recording = Recording(self._account.new_sid("RE"), call.sid, settings, self._now(), folder)
        call.recordings.append(recording)
        line.recorders.append(recording)
        self._account.callbacks.recording(call, recording, "in-progress")

    def _start_detection(self, line: Line) -> _Detection | None:
        settings = self._call.request.detection
        if settings is None:
            return None
        detection = _Detection(settings)
        line.listeners.append(detection)
        return detection

    @contextlib.contextmanager
    def _reporting(self, detection: _Detection | None) -> Iterator[None]:
        if detection is None:
            yield
            return
        reporting = asyncio.create_task(self._report(detection))
        try:
            yield
        finally:
            reporting.cancel()

    async def _report(self, detection: _Detection) -> None:
        await detection.reached.wait()
        call, settings = self._call, self._call.request.detection
        call.answered_by = detection.verdict
        self._truth("machine_detection", verdict=detection.verdict, milliseconds=detection.milliseconds)
        if settings is not None and settings.asynchronous and settings.callback is not None:
            self._account.callbacks.machine_detection(
                call, settings.callback, detection.verdict, detection.milliseconds
            )

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._call.request.time_limit, self._call.end, "the time limit")
        try:
            yield
        finally:
            timer.cancel()

    async def _unless_ended(self, story: Coroutine[object, object, T]) -> T | None:
        """Run a part of the call; None, with the part cancelled, when the call is ended meanwhile."""
        running = asyncio.create_task(story)
        ending = asyncio.create_task(self._call.ending.wait())
        try:
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
            return None
        finally:
            ending.cancel()
            running.cancel()
            if not running.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await running

    def _callee_hangs_up(self, reason: str) -> None:
        if not self._call.ending.is_set():
            self._truth("callee_hung_up", reason=reason)
        self._call.end("the callee")

    def _finish(self, status: CallStatus) -> None:
        call = self._call
        call.ended = self._now()
        for recording in call.recordings:
            recording.finish()
        self._enter(status)
        self._truth("ended", status=status.value, seconds=call.seconds, by=call.ended_by)
        call.ending.set()
        call.line = None
        self._account.callbacks.status(call, "completed")

    async def _deliver_recordings(self) -> None:
        if self._call.recordings:
            await asyncio.sleep(self._account.behaviour.recording_delay_seconds)
        for recording in self._call.recordings:
            self._account.callbacks.recording(self._call, recording, recording.status)

    def _enter(self, status: CallStatus) -> None:
        self._call.status = status
        self._call.updated = self._now()

    def _now(self) -> datetime:
        return self._world.clock.now()

    def _truth(self, kind: str, **facts: object) -> None:
        self._world.truth.append(kind, call_sid=self._call.sid, to=self._call.to, **facts)

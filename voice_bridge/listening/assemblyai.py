"""AssemblyAI's streaming recogniser over its own SDK, with what the SDK lacks: a watchdog and a second try.

Traps of the SDK that this module exists for: a message it cannot validate ends its read task without a word; a clean
close without Termination calls nobody; a refused handshake is an event while `connect` returns normally.
"""

import asyncio
import contextlib
import logging
from asyncio import get_running_loop
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from assemblyai.streaming.v3 import (
    Encoding,
    RealTimeSessionParameters,
    SpeechModel,
    StreamingClientOptions,
    StreamingEvents,
    StreamingMode,
    StreamingParameters,
)

from voice_bridge.listening import ListeningEvents
from voice_bridge.listening.batches import Batches
from voice_bridge.listening.direct_client import DirectClient
from voice_bridge.listening.health import SessionHealth
from voice_bridge.mulaw import BYTES_PER_MS
from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

BATCH_MS = 60
"""The shortest message of audio: the service takes 50 to 1000 ms, and frames of the carrier have 20."""
LONGEST_BATCH_MS = 1000
AHEAD_MS = 1500
"""The service refuses audio that runs ahead of its session's clock by more than about two seconds."""
DEAF_AFTER_VOICED_MS = 4000
DEAF_AFTER_MS = 5500
"""So much voice and so much time without any word from the service: it no longer listens. Its partial texts come
three seconds apart in a long sentence."""
HEARTBEATS_LOST_SECONDS = 6.0
HEARTBEATS_LOST = 3
"""So long, and so many times their own interval, without a heartbeat: the read task is dead, voice or no voice."""
STEADY_SECONDS = 30.0
"""A session that held so long gives the call a fresh second try."""
CONNECT_SECONDS = 4.0
NO_ANSWER = "no answer"
MIN_TURN_SILENCE_MS = 100
MAX_TURN_SILENCE_MS = 1200
PATIENT_MIN_TURN_SILENCE_MS = 600
PATIENT_MAX_TURN_SILENCE_MS = 2500
"""While a number or an address is being spelled: groups of digits have pauses between them, and even full stops."""

# The SDK logs transcripts' errors and vendor texts on its own; ours carry ids only.
logging.getLogger("assemblyai").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class AssemblyAIOptions:
    """Where and as what to connect."""

    api_key: str
    url: str
    speech_model: str


class AssemblyAIListening:
    """Makes recognisers. One for each process."""

    def __init__(self, options: AssemblyAIOptions) -> None:
        self._options = options
        self._health = SessionHealth(self._try_session)

    def __call__(self, listener: ListeningEvents, *, language: str) -> "AssemblyAIRecogniser":
        recogniser = AssemblyAIRecogniser(self._options, listener, language, self._health)
        recogniser.start()
        return recogniser

    @property
    def refusal(self) -> str | None:
        return self._health.refusal

    async def close(self) -> None:
        await self._health.close()

    async def _try_session(self) -> bool:
        """A session without a call: open, begun, closed."""
        session = _Session(self._options, "en", lambda *_: None, lambda: None)
        try:
            async with asyncio.timeout(CONNECT_SECONDS + 1):
                return await session.connect() and await session.begins()
        except (TimeoutError, OSError):
            return False
        finally:
            await session.close()


class AssemblyAIRecogniser:
    """The ears of one call: one session, and a second one if the first dies."""

    def __init__(
        self, options: AssemblyAIOptions, listener: ListeningEvents, language: str, health: SessionHealth
    ) -> None:
        self._options = options
        self._health = health
        self._listener = listener
        self._language = language
        self._batches = Batches(BATCH_MS, MIN_TURN_SILENCE_MS)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_sending_queue = False
        self._session: _Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended_sessions_seconds = 0.0
        self._voiced_ms = 0
        self._word_at = 0.0
        self._fed_at = 0.0
        self._closing = False
        self._patient = False
        self._updates: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._task = asyncio.create_task(self._run())

    @property
    def seconds(self) -> float:
        return self._ended_sessions_seconds + (self._session.seconds if self._session else 0.0)

    def feed(self, audio: bytes, *, voiced: bool, quiet_ms: int = 0) -> None:
        if voiced:
            self._voiced_ms += len(audio) // BYTES_PER_MS
        if (message := self._batches.feed(audio, quiet_ms)) is not None:
            session = self._session
            if session is None or self._is_behind or not session.stream_now(message):
                self._queue.put_nowait(message)
            if session is not None and self._is_deaf(session):
                log.warning("recogniser_deaf")
                session.lose()

    def listen_patiently(self, patiently: bool) -> None:
        if patiently is self._patient:
            return
        self._patient = patiently
        self._batches.turn_silence_ms = PATIENT_MIN_TURN_SILENCE_MS if patiently else MIN_TURN_SILENCE_MS
        if self._session is not None:
            update = asyncio.create_task(self._session.listen_patiently(patiently))
            self._updates.add(update)
            update.add_done_callback(self._updates.discard)

    @property
    def _is_behind(self) -> bool:
        """Whether there is audio that must be sent before any other."""
        return self._is_sending_queue or not self._queue.empty()

    def _is_deaf(self, session: "_Session") -> bool:
        if session.has_ended:
            return True
        now = monotonic()
        fed_at, self._fed_at = self._fed_at, now
        if now - fed_at > 1.0:
            session.heartbeat_at = None  # no audio, no heartbeats: the line itself stood still
        interval = max(HEARTBEATS_LOST_SECONDS, HEARTBEATS_LOST * session.heartbeat_interval)
        if session.heartbeat_at is not None and now - session.heartbeat_at >= interval:
            return True
        without_a_word = now - max(self._word_at, session.opened_at)
        return self._voiced_ms >= DEAF_AFTER_VOICED_MS and without_a_word * 1000 >= DEAF_AFTER_MS

    async def close(self) -> None:
        self._closing = True
        await end_task(self._task)
        await self._end_session()

    async def _run(self) -> None:
        tries = 2
        while tries:
            tries -= 1
            try:
                async with asyncio.timeout(CONNECT_SECONDS + 1):
                    session = await self._connect()
            except (TimeoutError, OSError):
                self._health.refused(NO_ANSWER)
                session = None
            if session is not None:
                await self._pump(session)
                if not session.has_begun:
                    self._health.refused(session.refusal)
                tries = 1 if session.seconds >= STEADY_SECONDS else tries
                await self._end_session()
            if self._closing:
                return
            log.warning("recogniser_session_lost", tries_left=tries)
        self._listener.on_recogniser_lost()

    async def _connect(self) -> "_Session | None":
        session = _Session(self._options, self._language, self._on_event, self._wake, self._health.taken)
        is_connected = False
        try:
            is_connected = await session.connect()
        finally:
            if not is_connected:
                await session.close()  # also where we were cancelled: an open session is billed
        if not is_connected:
            self._health.refused(session.refusal)
            return None
        self._voiced_ms = 0
        self._word_at = monotonic()
        self._session = session
        if self._patient:
            await session.listen_patiently(True)
        return session

    async def _pump(self, session: "_Session") -> None:
        """Until the session is lost: send what could not be sent as it came. What queued up while connecting goes
        first, joined."""
        while not session.is_lost:
            batch = await self._queue.get()
            self._is_sending_queue = True
            try:
                for chunk in self._joined(batch, session.room_ms):
                    await session.stream(chunk)
            finally:
                self._is_sending_queue = False

    def _joined(self, first: bytes, room_ms: int) -> list[bytes]:
        """The batch with everything that waits behind it, in as few messages as the service allows: all that was said
        while we stood still, and the latest of what was said while we connected."""
        if self._queue.empty():
            return [first] if first else []
        audio = bytearray(first)
        while not self._queue.empty():
            audio += self._queue.get_nowait()
        del audio[: max(0, len(audio) - room_ms * BYTES_PER_MS)]
        size = LONGEST_BATCH_MS * BYTES_PER_MS
        chunks = [bytes(audio[start : start + size]) for start in range(0, len(audio), size)]
        if len(chunks) > 1 and len(chunks[-1]) < BATCH_MS * BYTES_PER_MS:
            self._batches.put_back(chunks.pop())  # too short to be sent: it begins the next batch
        return chunks

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._ended_sessions_seconds += session.seconds
            await session.close()

    def _wake(self) -> None:
        self._queue.put_nowait(b"")

    def _on_event(self, message: Any, ended: bool, speech_ended_ms: int) -> None:
        """A Turn came from the service, or (message None) any other sign of life."""
        self._word_at = monotonic()
        self._voiced_ms = 0
        if message is None:
            return
        if ended:
            self._listener.on_turn_ended(message.transcript, speech_ended_ms)
        elif message.transcript:
            text = message.transcript.rstrip("—- ")
            # A dash is how it shows a pause in an incomplete sentence.
            tell = self._listener.on_pause if message.transcript.rstrip().endswith("—") else self._listener.on_words
            tell(text)


class _Session:
    """One connection of the SDK's client, which can be used only once."""

    def __init__(
        self,
        options: AssemblyAIOptions,
        language: str,
        on_event: Any,
        on_lost: Callable[[], None],
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_lost = False
        self.has_begun = False  # the service took the session: the handshake alone is no yes
        self._code: int | None = None
        self._settled = asyncio.Event()
        self._on_begun = on_begun
        self.heartbeat_at: float | None = None
        self.heartbeat_interval = 0.0
        self.opened_at = monotonic()
        self._closed_at: float | None = None
        self._options = options
        self._language = language
        self._on_event = on_event
        self._on_lost = on_lost
        self._sent_ms = 0
        self._sent_at_ms = 0
        self._last_turn: tuple[int, bool] = (-1, False)
        self._client = DirectClient(
            StreamingClientOptions(
                api_key=options.api_key,
                api_host=options.url.removeprefix("wss://"),  # the SDK takes no scheme for wss
                connect_timeout=CONNECT_SECONDS,
                max_connection_retries=0,
                terminate_timeout=1.0,
            )
        )
        self._client.on(StreamingEvents.Begin, self._on_begin)
        self._client.on(StreamingEvents.Turn, self._on_turn)
        self._client.on(StreamingEvents.SpeechStarted, self._on_sign_of_life)
        self._client.on(StreamingEvents.Heartbeat, self._on_heartbeat)
        self._client.on(StreamingEvents.Error, self._on_over)
        self._client.on(StreamingEvents.Termination, self._on_over)

    @property
    def seconds(self) -> float:
        return (self._closed_at or monotonic()) - self.opened_at

    @property
    def room_ms(self) -> int:
        """So much audio it takes now."""
        return int(self.seconds * 1000) - self._sent_ms + AHEAD_MS

    @property
    def refusal(self) -> str:
        """Of a session that has not begun: why."""
        return f"code {self._code}" if self._code is not None else NO_ANSWER

    async def begins(self) -> bool:
        """Wait until the session has begun, or was refused."""
        await self._settled.wait()
        return self.has_begun

    @property
    def has_ended(self) -> bool:
        """Whether the SDK's read task is gone without a word to us.

        It says so in private fields only; should a new version rename them, the watchdog finds out some seconds later.
        """
        stopped = getattr(self._client, "_stop_event", None)
        reading = getattr(self._client, "_read_task", None)
        return bool(stopped is not None and stopped.is_set()) or bool(reading is not None and reading.done())

    def lose(self) -> None:
        """Give this session up."""
        if not self.is_lost:
            self.is_lost = True
            self._closed_at = monotonic()
            self._settled.set()
            self._on_lost()

    async def connect(self) -> bool:
        """Connect; False if the service refused or could not be reached (the SDK raises neither)."""
        await self._client.connect(
            StreamingParameters(
                sample_rate=8000,
                encoding=Encoding.pcm_mulaw,
                speech_model=SpeechModel(self._options.speech_model),
                mode=StreamingMode("min_latency"),
                min_turn_silence=MIN_TURN_SILENCE_MS,
                max_turn_silence=MAX_TURN_SILENCE_MS,
                interruption_delay=0,
                continuous_partials=True,
                session_heartbeat=True,
                language_codes=None if self._language == "en" else [self._language],
            )
        )
        self.opened_at = monotonic()
        return not self.is_lost

    async def stream(self, audio: bytes) -> None:
        self._note_sent(audio)
        await self._client.stream(audio)

    def stream_now(self, audio: bytes) -> bool:
        """Send without waiting; False, and nothing was sent, where that cannot be."""
        if self.is_lost or len(audio) > self.room_ms * BYTES_PER_MS or not self._client.stream_now(audio):
            return False
        self._note_sent(audio)
        return True

    def _note_sent(self, audio: bytes) -> None:
        self._sent_ms += len(audio) // BYTES_PER_MS
        self._sent_at_ms = int(get_running_loop().time() * 1000)

    async def listen_patiently(self, patiently: bool) -> None:
        """Change when a turn ends; a session that is going away needs no word."""
        with contextlib.suppress(Exception):
            await self._client.set_params(
                RealTimeSessionParameters(
                    min_turn_silence=PATIENT_MIN_TURN_SILENCE_MS if patiently else MIN_TURN_SILENCE_MS,
                    max_turn_silence=PATIENT_MAX_TURN_SILENCE_MS if patiently else MAX_TURN_SILENCE_MS,
                )
            )

    async def close(self) -> None:
        lost, self.is_lost = self.is_lost, True
        self._closed_at = self._closed_at or monotonic()
        with contextlib.suppress(Exception):  # the session is over either way, and billing ends with the socket
            async with asyncio.timeout(3):
                await self._client.disconnect(terminate=not lost)

    def _on_begin(self, _client: object, _message: Any) -> None:
        self.has_begun = True
        self._settled.set()
        self._on_begun()

    def _on_turn(self, _client: object, message: Any) -> None:
        if message.end_of_turn:
            if self._last_turn == (message.turn_order, True):
                return  # the formatted copy that older models send after the end
            self._last_turn = (message.turn_order, True)
        words = message.words
        ended = self._sent_at_ms - max(0, self._sent_ms - words[-1].end) if words else self._sent_at_ms
        self._on_event(message, message.end_of_turn, ended)

    def _on_sign_of_life(self, _client: object, _message: Any) -> None:
        self._on_event(None, False, 0)

    def _on_heartbeat(self, _client: object, _message: Any) -> None:
        now = monotonic()
        if self.heartbeat_at is not None:
            self.heartbeat_interval = max(self.heartbeat_interval, now - self.heartbeat_at)
        self.heartbeat_at = now

    def _on_over(self, _client: object, message: Any) -> None:
        self._code = getattr(message, "code", None)
        log.info("recogniser_over", code=self._code)
        self.lose()

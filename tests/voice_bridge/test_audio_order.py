"""Pins down: audio goes to the recogniser in the order in which it was heard, also where its socket takes none."""

import asyncio
from typing import cast

import pytest

from tests.voice_bridge.test_vendors import Listener
from voice_bridge.listening.assemblyai import BATCH_MS, AssemblyAIOptions, AssemblyAIRecogniser, _Session
from voice_bridge.listening.health import SessionHealth
from voice_bridge.mulaw import BYTES_PER_MS

ROOM_MS = 10_000


class Socket:
    """A session whose socket is full while the test says so."""

    has_ended = False
    is_lost = False
    heartbeat_at = None
    opened_at = 0.0
    heartbeat_interval = 0.0
    room_ms = ROOM_MS

    def __init__(self) -> None:
        self.sent = bytearray()
        self.at_once = 0
        self.has_room = asyncio.Event()
        self.has_room.set()

    def stream_now(self, audio: bytes) -> bool:
        if not self.has_room.is_set():
            return False
        self.at_once += 1
        self.sent += audio
        return True

    async def stream(self, audio: bytes) -> None:
        await self.has_room.wait()
        await asyncio.sleep(0)
        self.sent += audio

    def lose(self) -> None:
        raise AssertionError("it was taken for deaf")


async def _never() -> bool:
    return False


@pytest.fixture
def socket() -> Socket:
    return Socket()


async def test_what_is_heard_behind_audio_that_waits_waits_too(socket: Socket) -> None:
    options = AssemblyAIOptions("key", "ws://127.0.0.1:1", "m")
    ears = AssemblyAIRecogniser(options, Listener(), "en", SessionHealth(_never))
    ears._session = session = cast(_Session, socket)
    pumping = asyncio.create_task(ears._pump(session))
    heard = bytearray()

    def hear(number: int) -> None:
        message = bytes([number]) * (BATCH_MS * BYTES_PER_MS)
        heard.extend(message)
        ears.feed(message, voiced=False)

    hear(1)
    socket.has_room.clear()
    hear(2)
    hear(3)
    await asyncio.sleep(0.01)  # the second message has left the queue, and waits for the socket
    hear(4)
    socket.has_room.set()
    hear(5)  # there is room again, and older audio on its way
    assert socket.sent == heard[: BATCH_MS * BYTES_PER_MS]
    await asyncio.sleep(0.01)
    assert socket.sent == heard
    hear(6)
    assert socket.sent == heard and socket.at_once == 2
    pumping.cancel()

"""A Twilio emulator on free ports, with a stand-in for the system that is called back: API and voice bridge."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from cadenza.settings import Settings
from rehearsal.servers import AsgiServer
from rehearsal.twilio.server import TwilioEmulator, build
from rehearsal.world import World, create_world

ACCOUNT = "AC" + "a1" * 16
TOKEN = "test-token"
FROM = "+13125550100"


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until the condition holds, and return what it returned."""
    async with asyncio.timeout(seconds):
        while not (result := condition()):
            await asyncio.sleep(0.01)
        return result


@dataclass
class Bridge:
    """One connected media stream, seen from the bridge."""

    socket: WebSocket
    headers: dict[str, str]
    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    close_code: int | None = None

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["event"] == event]

    @property
    def stream_sid(self) -> str:
        return str(self.of("start")[0]["streamSid"])

    def marks(self) -> list[str]:
        return [message["mark"]["name"] for message in self.of("mark")]

    async def send(self, event: str, **body: Any) -> None:
        await self.socket.send_text(orjson.dumps({"event": event, "streamSid": self.stream_sid, **body}).decode())

    async def play(self, audio: bytes) -> None:
        await self.send("media", media={"payload": base64.b64encode(audio).decode()})

    async def mark(self, name: str) -> None:
        await self.send("mark", mark={"name": name})


@dataclass
class System:
    """What the emulator calls back: webhooks are kept with their signature checked."""

    validator: RequestValidator
    port: int = 0
    twiml: str = "<Response><Hangup/></Response>"
    hooks: list[tuple[str, dict[str, str], bool]] = field(default_factory=list)
    idempotency_tokens: list[str | None] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)  # TwiML of single paths
    answers: dict[str, list[int]] = field(default_factory=dict)
    streams: list[Bridge] = field(default_factory=list)
    on_stream: Callable[[Bridge], Any] | None = None

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def of(self, path: str) -> list[dict[str, str]]:
        return [fields for where, fields, _ in self.hooks if where == path]

    def statuses(self) -> list[str]:
        return [fields["CallStatus"] for fields in self.of("/status")]

    def connect(self, *, then: str = "") -> str:
        stream = (
            f'<Stream url="{self.url("/media", "ws")}" statusCallback="{self.url("/stream")}">'
            '<Parameter name="attempt" value="a1"/></Stream>'
        )
        return f"<Response><Connect>{stream}</Connect>{then}</Response>"

    async def hook(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        url = self.url(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
        signature = request.headers.get("x-twilio-signature", "")
        valid = self.validator.validate(url, form, signature)
        path = request.url.path
        self.hooks.append((path, form, valid))
        self.idempotency_tokens.append(request.headers.get("i-twilio-idempotency-token"))
        if path in self.files:
            return Response(self.files[path], media_type="audio/x-wav")
        if path in self.documents:
            return Response(self.documents[path], media_type="text/xml")
        planned = self.answers.get(path)
        status = planned.pop(0) if planned else 200
        is_document = path.startswith("/answer") or path.startswith("/next")
        return Response(self.twiml if is_document else "", status_code=status, media_type="text/xml")

    async def media(self, socket: WebSocket) -> None:
        await socket.accept()
        bridge = Bridge(socket, dict(socket.headers), self.url(socket.url.path, "ws"))
        self.streams.append(bridge)
        task = None
        try:
            while True:
                message = orjson.loads(await socket.receive_text())
                bridge.messages.append(message)
                if message["event"] == "media":
                    bridge.audio += base64.b64decode(message["media"]["payload"])
                if message["event"] == "start" and self.on_stream is not None:
                    task = asyncio.ensure_future(self.on_stream(bridge))
        except WebSocketDisconnect as end:
            bridge.close_code = end.code
        finally:
            if task is not None:
                task.cancel()


@pytest_asyncio.fixture
async def system() -> AsyncIterator[System]:
    system = System(RequestValidator(TOKEN))
    app = Starlette(
        routes=[
            WebSocketRoute("/media", system.media),
            Route("/{path:path}", system.hook, methods=["GET", "POST"]),
        ]
    )
    server = AsgiServer(app)
    await server.start("127.0.0.1", 0)
    system.port = server.port
    yield system
    await server.stop()


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from_number=FROM,
    )
    return create_world(settings)


@pytest_asyncio.fixture
async def emulator(world: World) -> AsyncIterator[TwilioEmulator]:
    emulator = build(world)
    emulator.behaviour.list_delay_seconds = 0
    emulator.behaviour.shortest_ring_seconds = emulator.behaviour.longest_ring_seconds = 0.1
    emulator.behaviour.stream_failure_pause_seconds = 0.1
    emulator.behaviour.calls_per_second = 50
    emulator.behaviour.recording_delay_seconds = 0.05
    await emulator.start("127.0.0.1", 0)
    yield emulator
    await emulator.stop()


@pytest.fixture
def client(emulator: TwilioEmulator) -> Client:
    client = Client(ACCOUNT, TOKEN, http_client=TwilioHttpClient(timeout=5))
    client.api.base_url = f"http://127.0.0.1:{emulator.port}"
    return client


@pytest.fixture
def place(client: Client, system: System) -> Callable[..., Any]:
    """Places a call with every callback on, in a thread, as the synchronous SDK does."""

    async def place(to: str, **changes: Any) -> Any:
        parameters: dict[str, Any] = {
            "to": to,
            "from_": FROM,
            "url": system.url("/answer"),
            "status_callback": system.url("/status"),
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
            "timeout": 5,
        }
        parameters |= changes
        return await asyncio.to_thread(lambda: client.calls.create(**parameters))

    return place

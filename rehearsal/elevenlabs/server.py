"""The emulated service, HTTP and WebSocket on one port.

Faults (vendor `elevenlabs`): operations `stream`, `convert`, `websocket` (a new socket), `generate` (each text
spoken over a socket), `voices`, `clone`. Effects: `status:<code>`, `late` (`seconds` more before the first byte),
`stall` (silence in the middle, for `seconds` or for good), `empty` (no audio), `cut_socket` (in the middle), and for
`websocket` also `spelling:snake` or `spelling:camel`.
"""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from rehearsal.elevenlabs.behaviour import ElevenLabsBehaviour
from rehearsal.elevenlabs.generation import Engine
from rehearsal.elevenlabs.http import HttpApi
from rehearsal.elevenlabs.sockets import SpeechSocket
from rehearsal.elevenlabs.voices import Catalogue
from rehearsal.servers import AsgiServer, Emulator
from rehearsal.world import World


class ElevenLabsEmulator:
    """The service; `behaviour` holds the account's limits and how the multi-context answers are spelt."""

    def __init__(self, world: World, behaviour: ElevenLabsBehaviour | None = None) -> None:
        self.behaviour = behaviour or ElevenLabsBehaviour()
        world.behaviours["elevenlabs"] = self.behaviour
        self._world = world
        self._catalogue = Catalogue(world.settings.elevenlabs_voice_id)
        self.engine = Engine(world, self._catalogue, self.behaviour)
        world.resets.append(self._reset)
        api = HttpApi(self.engine, self._catalogue, self._is_key)
        speech = "/v1/text-to-speech/{voice_id}"
        sockets = [
            WebSocketRoute(f"{speech}/stream-input", self._single),
            WebSocketRoute(f"{speech}/multi-stream-input", self._multi),
        ]
        self._server = AsgiServer(Starlette(routes=[*api.routes(), *sockets]))

    @property
    def port(self) -> int:
        """The port in use; raises RuntimeError before the start."""
        return self._server.port

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises OSError when the port is taken."""
        await self._server.start(host, port)

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    async def _reset(self) -> None:
        self._catalogue.reset()

    def _is_key(self, given: str | None) -> bool:
        """With no key in the settings any key will do, except one that says it is not."""
        expected = self._world.settings.elevenlabs_api_key.get_secret_value()
        if expected:
            return given == expected
        return bool(given) and not str(given).startswith("invalid")

    async def _single(self, socket: WebSocket) -> None:
        await SpeechSocket(socket, self.engine, self._catalogue, self._is_key, multi=False, snake=False).serve()

    async def _multi(self, socket: WebSocket) -> None:
        await SpeechSocket(
            socket, self.engine, self._catalogue, self._is_key, multi=True, snake=self.behaviour.snake_case
        ).serve()


def build(world: World) -> Emulator:
    """The emulated ElevenLabs of this world."""
    return ElevenLabsEmulator(world)

"""The emulated Microsoft: the login address over HTTPS on its port, and Graph over HTTP on the next.

Faults (vendor `microsoft`): the effects of `rehearsal.http_faults` on every operation (`discover`, `token`,
`get_schedule`, `create_event`, `get_event`, `calendar_view`, `list_events`, `update_event`, `cancel_event`,
`delete_event`), of which `lose_reply` on `create_event` makes the event and then cuts the connection; on every Graph
operation `expired_token` (every token issued so far is refused with 401); on `get_schedule` `slot_taken` (a colleague
takes the half hour from the asked start at that moment); on `create_event` `meeting_late` (`seconds` until the Teams
link is there). Orders can ask for `user`, an address.
"""

from starlette.applications import Starlette

from rehearsal.microsoft.behaviour import MicrosoftBehaviour
from rehearsal.microsoft.certificate import login_certificate
from rehearsal.microsoft.graph import GraphApi
from rehearsal.microsoft.login import LoginApi, Tokens
from rehearsal.servers import AsgiServer
from rehearsal.world import World


class MicrosoftEmulator:
    """Both services."""

    def __init__(self, world: World) -> None:
        self.behaviour = MicrosoftBehaviour()
        world.behaviours["microsoft"] = self.behaviour
        certificate = login_certificate(world.settings.data_dir / "rehearsal")
        tokens = Tokens()
        login = LoginApi(world, self.behaviour, tokens)
        self._graph = GraphApi(world, self.behaviour, tokens)
        self._login_server = AsgiServer(
            Starlette(routes=login.routes()), certificate=certificate.chain, private_key=certificate.private_key
        )
        self._graph_server = AsgiServer(Starlette(routes=self._graph.routes()))
        world.resets.append(self._reset)

    @property
    def login_port(self) -> int:
        """The login address's port in use."""
        return self._login_server.port

    @property
    def graph_port(self) -> int:
        """Graph's port in use."""
        return self._graph_server.port

    async def start(self, host: str, port: int) -> None:
        """Listen on the port and the next; with port 0 on two free ones."""
        await self._login_server.start(host, port)
        await self._graph_server.start(host, port + 1 if port else 0)

    async def stop(self) -> None:
        """Stop both."""
        await self._graph_server.stop()
        await self._login_server.stop()

    async def _reset(self) -> None:
        self._graph.clear()


def build(world: World) -> MicrosoftEmulator:
    """Build the emulator; makes the certificate if there is none."""
    return MicrosoftEmulator(world)

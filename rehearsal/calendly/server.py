"""The emulated Calendly: one organisation with three reps.

Faults (vendor `calendly`): the effects of `rehearsal.http_faults` on every operation (`fetch_user`,
`list_event_types`, `fetch_event_type`, `list_available_times`, `create_invitee`, `list_events`, `fetch_event`,
`list_invitees`, `cancel_event`, ...), of which `lose_reply` on `create_invitee` books and then cuts the connection;
and `slot_taken` on `create_invitee`: somebody else is a moment faster. Orders can ask for `event_type`, `start_time`
and `email`.
"""

from starlette.applications import Starlette

from rehearsal.calendly.api import CalendlyApi
from rehearsal.calendly.directory import Directory
from rehearsal.calendly.ledger import Ledger
from rehearsal.calendly.limits import CalendlyBehaviour
from rehearsal.calendly.webhooks import Webhooks
from rehearsal.servers import AsgiServer
from rehearsal.world import World


class CalendlyEmulator:
    """The service on one port."""

    def __init__(self, world: World) -> None:
        self.behaviour = CalendlyBehaviour()
        world.behaviours["calendly"] = self.behaviour
        directory = Directory(world.settings.calendly_base_url, world.seed)
        self.ledger = Ledger(directory, world.random("calendly"))
        self._webhooks = Webhooks(directory)
        self._api = CalendlyApi(world, self.behaviour, directory, self.ledger, self._webhooks)
        self._server = AsgiServer(Starlette(routes=self._api.routes()))
        world.resets.append(self._reset)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        await self._server.start(host, port)

    async def stop(self) -> None:
        """Stop, with the deliveries under way."""
        await self._webhooks.forget()
        await self._server.stop()

    async def _reset(self) -> None:
        self.ledger.clear()
        self._api.forget_limits()
        await self._webhooks.forget()


def build(world: World) -> CalendlyEmulator:
    """Build the emulator."""
    return CalendlyEmulator(world)

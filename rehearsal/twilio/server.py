"""Builds and runs the Twilio emulator."""

import asyncio
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

from rehearsal.servers import AsgiServer
from rehearsal.twilio.account import Account
from rehearsal.twilio.behaviour import TwilioBehaviour
from rehearsal.twilio.callbacks import Callbacks
from rehearsal.twilio.errors import Code, TwilioError
from rehearsal.twilio.exchange import Exchange
from rehearsal.twilio.pacing import Pacer
from rehearsal.twilio.rest import RestApi
from rehearsal.twilio.webhooks import Webhooks
from rehearsal.world import World

DEFAULT_ACCOUNT_SID = "AC" + "0" * 32
"""Account of a world whose settings name none."""
DEFAULT_AUTH_TOKEN = "rehearsal"


class TwilioEmulator:
    """One Twilio account on one port."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.behaviour = TwilioBehaviour(calls_per_second=max(1.0, world.settings.calls_per_second))
        self._account: Account | None = None
        self._exchange: Exchange | None = None
        self._server: AsgiServer | None = None
        world.behaviours["twilio"] = self.behaviour
        world.resets.append(self._reset)

    @property
    def port(self) -> int:
        """The port in use."""
        assert self._server is not None
        return self._server.port

    @property
    def pacer(self) -> Pacer:
        """The clock of all lines."""
        assert self._account is not None
        return self._account.pacer

    async def start(self, host: str, port: int) -> None:
        """Listen for REST requests. Raises OSError when the port is taken."""
        world, settings = self._world, self._world.settings
        auth_token = settings.twilio_auth_token.get_secret_value() or DEFAULT_AUTH_TOKEN
        webhooks = Webhooks(auth_token, world.faults, world.truth)
        callbacks = Callbacks(webhooks, world.clock, "")
        self._account = Account(
            sid=settings.twilio_account_sid or DEFAULT_ACCOUNT_SID,
            auth_token=auth_token,
            world=world,
            behaviour=self.behaviour,
            webhooks=webhooks,
            callbacks=callbacks,
            pacer=Pacer(),
            new_sid=lambda kind: kind + uuid4().hex,
        )
        self._exchange = Exchange(self._account)
        pacer = self._account.pacer
        world.measures["twilio_skipped_ticks"] = lambda: pacer.skipped
        world.measures["twilio_live_lines"] = lambda: len(pacer)
        own = frozenset({settings.twilio_from_number}) if settings.twilio_from_number else frozenset()
        api = RestApi(self._account, self._exchange, own)
        app = Starlette(routes=api.routes(), exception_handlers={404: _not_found, 405: _not_found})
        self._server = AsgiServer(app)
        await self._server.start(host, port)
        callbacks.base_url = f"http://{host}:{self._server.port}"
        # The first synthesis loads the speech library: not in the middle of the first call.
        await asyncio.to_thread(world.studio.synthesize, "Hello?")

    async def stop(self) -> None:
        """End all calls and stop listening."""
        if self._exchange is not None:
            await self._exchange.stop()
        if self._account is not None:
            await self._account.pacer.stop()
            await self._account.webhooks.stop()
        if self._server is not None:
            await self._server.stop()

    async def _reset(self) -> None:
        if self._exchange is not None:
            await self._exchange.reset()


def build(world: World) -> TwilioEmulator:
    """The emulator, not yet started."""
    return TwilioEmulator(world)


async def _not_found(request: Request, _: Exception) -> JSONResponse:
    error = TwilioError(Code.NOT_FOUND, f"The requested resource {request.url.path} was not found")
    return JSONResponse(error.body(), status_code=404)

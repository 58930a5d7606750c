"""The control port: what really happened, and orders for misfortune. For tests, demonstrations and judges."""

from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from rehearsal.control.faults import FaultOrder
from rehearsal.servers import AsgiServer
from rehearsal.world import World


class ControlServer:
    """The control endpoint of one world."""

    def __init__(self, world: World) -> None:
        self._server = AsgiServer(control_app(world))

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._server.start(host, port)

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()


def build(world: World) -> ControlServer:
    """The control server, not yet started."""
    return ControlServer(world)


def control_app(world: World) -> FastAPI:
    """The control endpoints of a world."""
    app = FastAPI(title="Cadenza rehearsal world: control")

    @app.exception_handler(ValidationError)
    async def refuse(_: Request, error: ValidationError) -> JSONResponse:
        return JSONResponse({"detail": error.errors(include_url=False, include_context=False)}, status_code=422)

    @app.get("/truth")
    async def truth(
        kind: str | None = None, since: int = 0, to: str | None = None, call_sid: str | None = None
    ) -> list[dict[str, Any]]:
        """What happened, oldest first; only this kind, from this sequence number on, about this number or call."""
        facts = {name: value for name, value in (("to", to), ("call_sid", call_sid)) if value is not None}
        return [entry.as_dict() for entry in world.truth.entries(kind, since, **facts)]

    @app.get("/calls")
    async def calls() -> list[dict[str, Any]]:
        """Every call of the carrier with its state, errors and recordings, oldest first."""
        return [
            {
                "sid": call.sid,
                "to": call.to,
                "status": call.status.value,
                "created": call.created.isoformat(),
                "answered": call.answered.isoformat() if call.answered else None,
                "ended": call.ended.isoformat() if call.ended else None,
                "ended_by": call.ended_by,
                "seconds": call.seconds,
                "answered_by": call.answered_by,
                "errors": call.errors,
                "recordings": [recording.sid for recording in call.recordings],
            }
            for call in world.calls.values()
        ]

    @app.get("/numbers")
    async def numbers() -> dict[str, dict[str, int]]:
        """How often each number was dialled and answered."""
        return {number: {"rung": memory.rung, "answered": memory.answered} for number, memory in world.numbers.items()}

    @app.get("/faults")
    async def faults() -> list[dict[str, Any]]:
        """The orders in force, with how often each struck and what is left of it."""
        return world.faults.standing()

    @app.post("/faults", status_code=201)
    async def order_faults(orders: list[FaultOrder]) -> list[dict[str, Any]]:
        """Add orders; they hold until used up, or until a reset."""
        world.faults.order(*orders)
        return world.faults.standing()

    @app.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        """Take back all orders."""
        world.faults.clear()

    @app.get("/settings")
    async def settings() -> dict[str, dict[str, Any]]:
        """What can be turned on each emulator, and how it stands."""
        return {vendor: behaviour.model_dump() for vendor, behaviour in world.behaviours.items()}

    @app.post("/settings/{vendor}")
    async def change_settings(vendor: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change some of an emulator's settings; takes effect at once. All or none are changed."""
        behaviour = world.behaviours.get(vendor)
        if behaviour is None:
            raise HTTPException(404, f"no settings for {vendor}; there are {sorted(world.behaviours)}")
        checked = type(behaviour).model_validate({**behaviour.model_dump(), **changes})
        for name in changes:
            setattr(behaviour, name, getattr(checked, name))
        return behaviour.model_dump()

    @app.get("/measures")
    async def measures() -> dict[str, float]:
        """How the emulators themselves keep up; `twilio_skipped_ticks` above 0 means the machine was too busy."""
        return {name: measure() for name, measure in world.measures.items()}

    @app.post("/reset", status_code=204)
    async def reset() -> None:
        """End all calls and forget everything: calls, people's memories, orders and the truth."""
        await world.reset()

    return app

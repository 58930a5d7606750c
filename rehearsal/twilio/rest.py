"""The REST API's calls and recordings, with HTTP Basic authentication."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.control.faults import Fault
from rehearsal.servers import cut_connection
from rehearsal.twilio.account import Account
from rehearsal.twilio.call import Call
from rehearsal.twilio.errors import Code, TwilioError
from rehearsal.twilio.exchange import Exchange
from rehearsal.twilio.parameters import read_call_request, read_instructions
from rehearsal.twilio.recording import Recording
from rehearsal.twilio.resources import (
    API_VERSION,
    account_resource,
    call_resource,
    number_resource,
    page,
    recording_resource,
)

_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1000
_STALL_SECONDS = 60.0
_STATUS_UPDATES = {"", "canceled", "completed"}

Handler = Callable[[Request], Awaitable[Response]]


class RestApi:
    """Handlers of the emulated `api.twilio.com`."""

    def __init__(self, account: Account, exchange: Exchange, own_numbers: frozenset[str]) -> None:
        self._account = account
        self._exchange = exchange
        self._own_numbers = own_numbers
        self._world = account.world

    def routes(self) -> list[Route]:
        """The routes, for a Starlette app."""
        base = f"/{API_VERSION}/Accounts/{{account}}"

        def route(path: str, method: str, operation: str, handler: Handler) -> Route:
            return Route(base + path, self._guarded(operation, handler), methods=[method])

        return [
            Route(
                f"/{API_VERSION}/Accounts/{{account}}.json",
                self._guarded("fetch_account", self._account_resource),
                methods=["GET"],
            ),
            route("/IncomingPhoneNumbers.json", "GET", "list_numbers", self._numbers),
            route("/Calls.json", "POST", "create_call", self._create),
            route("/Calls.json", "GET", "list_calls", self._list),
            route("/Calls/{sid}.json", "POST", "update_call", self._update),
            route("/Calls/{sid}.json", "GET", "fetch_call", self._fetch),
            route("/Calls/{sid}.json", "DELETE", "delete_call", self._delete),
            route("/Calls/{sid}/Recordings.json", "GET", "list_recordings", self._recordings_of_call),
            route("/Calls/{sid}/Recordings/{recording}.json", "POST", "update_recording", self._update_recording),
            route("/Recordings.json", "GET", "list_recordings", self._recordings),
            route("/Recordings/{sid}.json", "GET", "fetch_recording", self._recording),
            route("/Recordings/{sid}.json", "DELETE", "delete_recording", self._delete_recording),
            route("/Recordings/{sid}.wav", "GET", "fetch_media", self._media),
            route("/Recordings/{sid}", "GET", "fetch_media", self._media),
        ]

    # Every request: credentials, then faults on order, then errors as Twilio's bodies

    def _guarded(self, operation: str, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                self._check_credentials(request)
                if operation == "create_call":  # its faults come before, in the middle of and after placing
                    return await handler(request)
                faults = self._world.faults.take_all("twilio", operation, to=request.query_params.get("To"))
                if (answer := await self._misbehave(request, faults)) is not None:
                    return answer
                return await handler(request)
            except TwilioError as error:
                return JSONResponse(error.body(), status_code=error.status)

        return guarded

    def _check_credentials(self, request: Request) -> None:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        known = user == self._account.sid == request.path_params["account"]
        right = hmac.compare_digest(password.encode(), self._account.auth_token.encode())
        if kind.lower() != "basic" or not (known and right):
            raise TwilioError(Code.PERMISSION_DENIED)

    async def _misbehave(self, request: Request, faults: list[Fault]) -> Response | None:
        """Carry out faults that need no call; an answer ends the request."""
        for fault in faults:
            match fault.kind:
                case "delay":
                    await asyncio.sleep(fault.seconds)
                case "stall":
                    await asyncio.sleep(fault.seconds or _STALL_SECONDS)
                    raise TwilioError(20503)
                case "cut_socket":
                    cut_connection(request.scope)
                    return Response(status_code=500)
                case "rate_limit":
                    raise TwilioError(Code.TOO_MANY_REQUESTS)
                case "refuse":
                    raise TwilioError(int(fault.argument))
                case "status":
                    raise _error_of_status(int(fault.argument))
        return None

    # The account, as far as a check of credentials and caller ID asks for it

    async def _account_resource(self, request: Request) -> Response:
        return JSONResponse(account_resource(self._account.sid))

    async def _numbers(self, request: Request) -> Response:
        wanted = request.query_params.get("PhoneNumber", "")
        numbers = sorted(number for number in self._own_numbers if wanted in number)
        return self._page(
            request, "incoming_phone_numbers", [number_resource(self._account.sid, number) for number in numbers]
        )

    # Calls

    async def _create(self, request: Request) -> Response:
        asked = self._world.clock.now()
        form = await _form(request)
        to = (form.get("To") or [""])[-1]
        faults = self._world.faults.take_all("twilio", "create_call", to=to)
        if (answer := await self._misbehave(request, faults)) is not None:
            return answer
        checked = read_call_request(form, self._own_numbers)
        hidden = sum(fault.seconds for fault in faults if fault.kind == "hide_from_list_for")
        call = self._exchange.place(checked, hidden, asked=asked)
        for fault in faults:
            if fault.kind == "lose_reply":
                await asyncio.sleep(fault.seconds)
                cut_connection(request.scope)
                return Response(status_code=500)
            if fault.kind == "stall_after_placing":
                await asyncio.sleep(fault.seconds or _STALL_SECONDS)
            if fault.kind == "error_500_after_placing":
                raise TwilioError(Code.INTERNAL_ERROR)
        return JSONResponse(call_resource(call), status_code=201)

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(call_resource(self._exchange.find(request.path_params["sid"])))

    async def _update(self, request: Request) -> Response:
        call = self._exchange.find(request.path_params["sid"])
        form = await _form(request)
        status = (form.get("Status") or [""])[-1].lower()
        if status not in _STATUS_UPDATES:
            raise TwilioError(Code.UNKNOWN_PARAMETERS, f"Invalid Status: {status}")
        self._exchange.update(call, status, read_instructions(form))
        return JSONResponse(call_resource(call))

    async def _delete(self, request: Request) -> Response:
        self._exchange.delete(self._exchange.find(request.path_params["sid"]))
        return Response(status_code=204)

    async def _list(self, request: Request) -> Response:
        query = dict(request.query_params)
        calls = [call for call in self._exchange.visible() if _matches(call, query)]
        return self._page(request, "calls", [call_resource(call) for call in calls])

    # Recordings

    async def _recordings(self, request: Request) -> Response:
        found = [r for call in reversed(self._world.calls.values()) for r in call.recordings]
        if wanted := request.query_params.get("CallSid"):
            found = [recording for recording in found if recording.call_sid == wanted]
        return self._page(request, "recordings", [self._shown(recording, request) for recording in found])

    async def _recordings_of_call(self, request: Request) -> Response:
        call = self._exchange.find(request.path_params["sid"])
        return self._page(request, "recordings", [self._shown(one, request) for one in call.recordings])

    async def _update_recording(self, request: Request) -> Response:
        """Only stopping, which is final; `Twilio.CURRENT` is the one that runs."""
        call, wanted = self._exchange.find(request.path_params["sid"]), request.path_params["recording"]
        running = [one for one in call.recordings if one.status == "in-progress"]
        found = next((one for one in running if wanted in {"Twilio.CURRENT", one.sid}), None)
        if found is None:
            raise TwilioError(Code.NOT_FOUND, f"Recording {wanted} was not found")
        if (await _form(request)).get("Status") != ["stopped"]:
            raise TwilioError(Code.UNKNOWN_PARAMETERS, "Invalid Status")
        if call.line is not None and found in call.line.recorders:
            call.line.recorders.remove(found)
        found.finish()
        self._world.truth.append("recording_stopped", call_sid=call.sid, to=call.to, seconds=found.seconds)
        shown = self._shown(found, request)  # of a call's own recordings these two are not told
        return JSONResponse({name: shown[name] for name in shown.keys() - {"media_url", "subresource_uris"}})

    async def _recording(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._find_recording(request)[1], request))

    async def _delete_recording(self, request: Request) -> Response:
        call, recording = self._find_recording(request)
        recording.delete()
        call.recordings.remove(recording)
        return Response(status_code=204)

    async def _media(self, request: Request) -> Response:
        _, recording = self._find_recording(request)
        asked = request.query_params.get("RequestedChannels", "")
        channels = int(asked) if asked in {"1", "2"} else None
        if recording.status != "completed":
            raise TwilioError(Code.NOT_FOUND)
        content = await asyncio.to_thread(recording.wav, channels)
        return Response(content, media_type="audio/x-wav")

    def _find_recording(self, request: Request) -> tuple[Call, Recording]:
        sid = request.path_params["sid"]
        for call in self._world.calls.values():
            for recording in call.recordings:
                if recording.sid == sid:
                    return call, recording
        raise TwilioError(Code.NOT_FOUND)

    def _shown(self, recording: Recording, request: Request) -> dict[str, object]:
        return recording_resource(recording, self._account.sid, str(request.base_url).rstrip("/"))

    def _page(self, request: Request, name: str, items: list[dict[str, object]]) -> Response:
        query = dict(request.query_params)
        size = min(_whole(query.pop("PageSize", ""), _DEFAULT_PAGE) or _DEFAULT_PAGE, _LARGEST_PAGE)
        number = _whole(query.pop("Page", ""), 0)
        query.pop("PageToken", None)
        return JSONResponse(page(name, request.url.path, query, items, number, size))


async def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs((await request.body()).decode(), keep_blank_values=True)


def _whole(text: str, default: int) -> int:
    return int(text) if text.isdigit() else default


def _error_of_status(status: int) -> TwilioError:
    codes = {401: Code.PERMISSION_DENIED, 404: Code.NOT_FOUND, 429: Code.TOO_MANY_REQUESTS, 503: 20503}
    return TwilioError(codes.get(status, Code.INTERNAL_ERROR), status=status)


def _matches(call: Call, query: dict[str, str]) -> bool:
    """Whether a list with these filters shows the call. Filter names are case sensitive, as Twilio's."""
    for name, value in (("To", call.to), ("From", call.request.from_), ("Status", call.status.value)):
        if query.get(name) not in {None, "", value}:
            return False
    if query.get("ParentCallSid"):
        return False  # no call here has a parent
    return all(
        _within(instant, query, name) for name, instant in (("StartTime", call.started), ("EndTime", call.ended))
    )


def _within(instant: datetime | None, query: dict[str, str], name: str) -> bool:
    for suffix in ("", "<", ">"):
        text = query.get(name + suffix)
        if not text:
            continue
        if instant is None:
            return False
        try:
            bound = datetime.fromisoformat(text)
        except ValueError as error:
            raise TwilioError(Code.UNKNOWN_PARAMETERS, f"Invalid {name}: {text}") from error
        bound = bound if bound.tzinfo else bound.replace(tzinfo=UTC)
        if suffix == "" and instant.date() != bound.date():
            return False
        if (suffix == "<" and instant > bound) or (suffix == ">" and instant < bound):
            return False
    return True

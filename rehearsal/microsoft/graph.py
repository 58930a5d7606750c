"""The HTTP endpoints of the emulated Graph: users' calendars."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.control.faults import Fault
from rehearsal.http_faults import misbehave_after, misbehave_before
from rehearsal.microsoft.behaviour import MicrosoftBehaviour
from rehearsal.microsoft.errors import GraphError, invalid
from rehearsal.microsoft.events import event_resource, read_event, repeated
from rehearsal.microsoft.login import Tokens
from rehearsal.microsoft.mailboxes import USERS, Event, Mailbox
from rehearsal.microsoft.schedule import ScheduleRequest, schedule_answer
from rehearsal.microsoft.times import find_zone, preferred_zone, read_local
from rehearsal.office_hours import HALF_HOUR, OfficeHours
from rehearsal.sliding_window import SlidingWindow
from rehearsal.world import World

_TEN_MINUTES = 600.0
_DEFAULT_TOP, _LARGEST_TOP = 10, 1000
_CHANGEABLE = {"subject", "body", "start", "end", "attendees", "showAs", "isOnlineMeeting", "onlineMeetingProvider"}

Handler = Callable[[Request, Mailbox, list[Fault]], Awaitable[Response]]


class GraphApi:
    """Handlers; the state is in the mailboxes and the tokens."""

    def __init__(self, world: World, behaviour: MicrosoftBehaviour, tokens: Tokens) -> None:
        self._world = world
        self._behaviour = behaviour
        self._tokens = tokens
        self._mailboxes = [
            Mailbox(
                user,
                OfficeHours(user.address, user.zone, world.seed),
                world.random("microsoft", user.address),
                lambda: behaviour.busy_share,
            )
            for user in USERS
        ]
        self._windows: dict[str, SlidingWindow] = {}

    def clear(self) -> None:
        """Forget every event made."""
        for mailbox in self._mailboxes:
            mailbox.clear()
        self._windows.clear()

    def mailbox(self, name: str) -> Mailbox:
        """By address or id, in any case. Raises GraphError (404)."""
        for mailbox in self._mailboxes:
            if name.lower() in {mailbox.user.address, mailbox.user.identifier}:
                return mailbox
        raise GraphError(404, "ErrorInvalidUser", f"The requested user '{name}' is invalid.")

    def routes(self) -> list[Route]:
        """The routes, for a Starlette app."""
        user = "/v1.0/users/{user}"
        event = f"{user}/events/{{event}}"

        def route(path: str, method: str, operation: str, handler: Handler) -> Route:
            return Route(path, self._guarded(operation, handler), methods=[method])

        return [
            route(user, "GET", "get_user", self._user),
            route(f"{user}/calendar", "GET", "get_calendar", self._calendar),
            route(f"{user}/calendar/getSchedule", "POST", "get_schedule", self._schedule),
            route(f"{user}/calendarView", "GET", "calendar_view", self._calendar_view),
            route(f"{user}/calendar/calendarView", "GET", "calendar_view", self._calendar_view),
            route(f"{user}/events", "GET", "list_events", self._list),
            route(f"{user}/events", "POST", "create_event", self._create),
            route(f"{user}/calendar/events", "POST", "create_event", self._create),
            route(event, "GET", "get_event", self._get),
            route(event, "PATCH", "update_event", self._update),
            route(event, "DELETE", "delete_event", self._delete),
            route(f"{event}/cancel", "POST", "cancel_event", self._cancel),
        ]

    def _guarded(self, operation: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Every request: token, mailbox, its limits, faults on order, the work, errors in Graph's shape."""

        async def guarded(request: Request) -> Response:
            mailbox: Mailbox | None = None
            try:
                facts = {"user": request.path_params["user"].lower()}
                faults = self._world.faults.take_all("microsoft", operation, **facts)
                self._check_token(request, faults)
                mailbox = self.mailbox(request.path_params["user"])
                self._take(mailbox)
                mailbox.in_flight += 1
            except GraphError as error:
                return error.response(request.headers.get("client-request-id"))
            try:
                await asyncio.sleep(self._behaviour.latency_seconds)
                if (answer := await misbehave_before(request, faults, _error_of_status)) is not None:
                    return answer
                response = await handler(request, mailbox, faults)
                return await misbehave_after(request, faults, response)
            except GraphError as error:
                return error.response(request.headers.get("client-request-id"))
            finally:
                mailbox.in_flight -= 1

        return guarded

    def _check_token(self, request: Request, faults: list[Fault]) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise GraphError(401)
        if any(fault.kind == "expired_token" for fault in faults):
            self._tokens.expire_all()
        if not self._tokens.is_valid(token, self._world.clock.monotonic()):
            expired = self._tokens.is_known(token)
            text = (
                "Lifetime validation failed, the token is expired." if expired else "IDX14100: JWT is not well formed."
            )
            raise GraphError(401, message=text)

    def _take(self, mailbox: Mailbox) -> None:
        if mailbox.in_flight >= self._behaviour.requests_at_once:
            raise GraphError(429, retry_after=1.0)
        now = self._world.clock.monotonic()
        window = self._windows.setdefault(mailbox.user.address, SlidingWindow(0, _TEN_MINUTES))
        window.limit = self._behaviour.requests_in_ten_minutes
        if window.remaining(now) == 0:
            text = "Application is over its MailboxRequests limit."
            raise GraphError(429, "TooManyRequests", text, retry_after=max(1.0, window.opens_in(now)))
        window.use(now)

    # Questions

    async def _user(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        user = mailbox.user
        return JSONResponse(
            {
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
                "id": user.identifier,
                "displayName": user.name,
                "givenName": user.name.split()[0],
                "surname": user.name.split()[-1],
                "mail": user.address,
                "userPrincipalName": user.address,
                "businessPhones": [],
            }
        )

    async def _calendar(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        return JSONResponse(
            {
                "id": f"AAMkAD{mailbox.user.identifier}",
                "name": "Calendar",
                "canEdit": True,
                "isDefaultCalendar": True,
                "allowedOnlineMeetingProviders": ["teamsForBusiness"],
                "defaultOnlineMeetingProvider": "teamsForBusiness",
                "owner": {"name": mailbox.user.name, "address": mailbox.user.address},
            }
        )

    async def _schedule(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        wanted = ScheduleRequest(await _json(request))
        for fault in faults:
            if fault.kind == "slot_taken":
                self._take_by_stranger(mailbox, wanted.start)
        zone_name = self._zone(request)
        return _prefer(JSONResponse(schedule_answer(wanted, self.mailbox, zone_name)), request, zone_name)

    async def _calendar_view(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        query = request.query_params
        utc = find_zone("UTC")
        if not {"startDateTime", "endDateTime"} <= set(query):
            raise invalid("This request requires a time window specified by startDateTime and endDateTime.")
        start = read_local("startDateTime", query["startDateTime"], utc)
        end = read_local("endDateTime", query["endDateTime"], utc)
        return self._page(request, mailbox, mailbox.between(start, end))

    async def _list(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        return self._page(request, mailbox, sorted(mailbox.events.values(), key=lambda one: one.starts_at))

    async def _get(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        return self._event(request, mailbox, mailbox.find(request.path_params["event"]))

    # Changes

    async def _create(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        body = await _json(request)
        start, end = read_event(body)
        if (earlier := repeated(mailbox, body)) is not None:
            return self._event(request, mailbox, earlier, 201)
        now = self._world.clock.now()
        late = sum(fault.seconds for fault in faults if fault.kind == "meeting_late")
        meeting_from = now + timedelta(seconds=self._behaviour.meeting_seconds + late)
        transaction = body.get("transactionId")
        event = Event(mailbox.new_id(), start, end, body, now, transaction, meeting_from)
        mailbox.add(event)
        self._record("booking_made", mailbox, event)
        return self._event(request, mailbox, event, 201)

    async def _update(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        event = mailbox.find(request.path_params["event"])
        body = await _json(request)
        if not isinstance(body, dict):
            raise invalid("Empty Payload. JSON content expected.", "RequestBodyRead")
        if "transactionId" in body:
            raise invalid("The property 'transactionId' cannot be changed.", "ErrorPropertyValidationFailure")
        changed = {**event.content, **{key: value for key, value in body.items() if key in _CHANGEABLE}}
        event.starts_at, event.ends_at = read_event(changed)
        event.content, event.changed_at = changed, self._world.clock.now()
        return self._event(request, mailbox, event)

    async def _cancel(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        # The organiser's copy goes to the deleted items, and the attendees get a mail.
        event = mailbox.remove(request.path_params["event"])
        self._record("booking_cancelled", mailbox, event)
        return Response(status_code=202)

    async def _delete(self, request: Request, mailbox: Mailbox, faults: list[Fault]) -> Response:
        event = mailbox.remove(request.path_params["event"])
        self._record("booking_cancelled", mailbox, event)
        return Response(status_code=204)

    def _take_by_stranger(self, mailbox: Mailbox, start: datetime) -> None:
        """A colleague puts a meeting into the calendar at that moment."""
        content = {"subject": "A colleague's meeting"}
        mailbox.add(Event(mailbox.new_id(), start, start + HALF_HOUR, content, self._world.clock.now()))

    def _record(self, kind: str, mailbox: Mailbox, event: Event) -> None:
        attendees = [one["emailAddress"]["address"] for one in event.content.get("attendees") or []]
        self._world.truth.append(
            kind,
            vendor="microsoft",
            event=event.identifier,
            calendar=mailbox.user.address,
            starts_at=event.starts_at.isoformat(),
            invitee_email=attendees[0] if attendees else None,
            reference=event.transaction_id,
        )

    # Answers

    def _zone(self, request: Request) -> str:
        zone_name = preferred_zone(request.headers.get("prefer"))
        find_zone(zone_name)
        return zone_name

    def _shown(self, request: Request, mailbox: Mailbox, event: Event) -> dict[str, Any]:
        resource = event_resource(event, mailbox.user, self._zone(request), self._world.clock.now())
        if select := request.query_params.get("$select"):
            wanted = {"@odata.etag", "id", *(name.strip() for name in select.split(","))}
            resource = {name: value for name, value in resource.items() if name in wanted}
        return resource

    def _event(self, request: Request, mailbox: Mailbox, event: Event, status: int = 200) -> Response:
        return _prefer(JSONResponse(self._shown(request, mailbox, event), status), request, self._zone(request))

    def _page(self, request: Request, mailbox: Mailbox, events: list[Event]) -> Response:
        query = request.query_params
        top, skip = _number(query.get("$top"), _DEFAULT_TOP), _number(query.get("$skip"), 0)
        if not 1 <= top <= _LARGEST_TOP:
            raise invalid("The value of $top must be from 1 to 1000.", "ErrorInvalidUrlQueryFilter")
        shown = [self._shown(request, mailbox, event) for event in events[skip : skip + top]]
        for resource in shown:
            resource.pop("@odata.context", None)
        body: dict[str, Any] = {"value": shown}
        if skip + top < len(events):
            following = urlencode({**query, "$top": top, "$skip": skip + top})
            body["@odata.nextLink"] = f"{self._world.settings.microsoft_graph_url}{request.url.path}?{following}"
        return _prefer(JSONResponse(body), request, self._zone(request))


def _prefer(response: Response, request: Request, zone_name: str) -> Response:
    if "outlook.timezone" in request.headers.get("prefer", ""):
        response.headers["Preference-Applied"] = f'outlook.timezone="{zone_name}"'
    return response


def _number(given: str | None, default: int) -> int:
    try:
        return default if given is None else int(given)
    except ValueError:
        raise invalid("Invalid value for a paging option.", "ErrorInvalidUrlQueryFilter") from None


def _error_of_status(status: int, seconds: float) -> Response:
    retry_after = max(1.0, seconds) if status in {429, 503} else None
    return GraphError(status, retry_after=retry_after).response()


async def _json(request: Request) -> Any:
    """The body. Raises GraphError (400)."""
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise invalid("Unable to read JSON request payload.", "BadRequest") from None

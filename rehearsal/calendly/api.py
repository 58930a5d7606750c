"""The HTTP endpoints of the emulated Calendly."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.calendly.booking_request import read_booking, read_instant
from rehearsal.calendly.directory import Directory, Rep
from rehearsal.calendly.errors import CalendlyError, invalid, not_found, too_many
from rehearsal.calendly.ledger import Ledger, Meeting, earliest_start, iso
from rehearsal.calendly.limits import CalendlyBehaviour, Limits
from rehearsal.calendly.pages import page
from rehearsal.calendly.webhooks import Webhooks
from rehearsal.http_faults import misbehave_after, misbehave_before
from rehearsal.world import World

_AVAILABILITY_RANGE = timedelta(days=31)  # 7 days until 9 July 2026
_BUSY_RANGE = timedelta(days=7)
_LONGEST_REASON = 10_000

Handler = Callable[[Request], Awaitable[Response]]


class CalendlyApi:
    """Handlers; the state is in the directory, the ledger and the webhooks."""

    def __init__(
        self, world: World, behaviour: CalendlyBehaviour, directory: Directory, ledger: Ledger, webhooks: Webhooks
    ) -> None:
        self._world = world
        self._behaviour = behaviour
        self._directory = directory
        self._ledger = ledger
        self._webhooks = webhooks
        self._limits = Limits(behaviour)
        self._token = world.settings.calendly_token.get_secret_value()

    def forget_limits(self) -> None:
        """Start with unused limits."""
        self._limits = Limits(self._behaviour)

    def routes(self) -> list[Route]:
        """The routes, for a Starlette app."""

        def route(path: str, method: str, operation: str, handler: Handler) -> Route:
            return Route(path, self._guarded(operation, handler), methods=[method])

        event, hooks = "/scheduled_events/{event}", "/webhook_subscriptions"
        return [
            route("/users/{user}", "GET", "fetch_user", self._user),
            route("/organization_memberships", "GET", "list_memberships", self._memberships),
            route("/event_types", "GET", "list_event_types", self._event_types),
            route("/event_types/{event_type}", "GET", "fetch_event_type", self._event_type),
            route("/event_type_available_times", "GET", "list_available_times", self._available_times),
            route("/user_busy_times", "GET", "list_busy_times", self._busy_times),
            route("/invitees", "POST", "create_invitee", self._book),
            route("/scheduled_events", "GET", "list_events", self._events),
            route(event, "GET", "fetch_event", self._event),
            route(f"{event}/invitees", "GET", "list_invitees", self._invitees),
            route(f"{event}/invitees/{{invitee}}", "GET", "fetch_invitee", self._invitee),
            route(f"{event}/cancellation", "POST", "cancel_event", self._cancel),
            route("/scheduling_links", "POST", "create_link", self._scheduling_link),
            route(hooks, "POST", "create_webhook", self._subscribe),
            route(hooks, "GET", "list_webhooks", self._subscriptions),
            route(f"{hooks}/{{webhook}}", "GET", "fetch_webhook", self._subscription),
            route(f"{hooks}/{{webhook}}", "DELETE", "delete_webhook", self._unsubscribe),
        ]

    def _guarded(self, operation: str, handler: Handler) -> Handler:
        """Every request: token, limit, faults on order, the work, errors in Calendly's shape."""

        async def guarded(request: Request) -> Response:
            try:
                self._check_token(request)
                limit = self._limits.take_request(self._world.clock.monotonic())
                facts = await _facts(request)
                faults = self._world.faults.take_all("calendly", operation, **facts)
                if (answer := await misbehave_before(request, faults, _error_of_status)) is not None:
                    return answer
                if any(fault.kind == "slot_taken" for fault in faults):
                    self._lose_slot(facts)
                response = await handler(request)
                response.headers.update(limit)
            except CalendlyError as error:
                response = error.response()
            else:
                response = await misbehave_after(request, faults, response)
            return response

        return guarded

    def _check_token(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.encode(), self._token.encode()) if self._token else bool(token)
        if kind.lower() != "bearer" or not right:
            raise CalendlyError(401)

    # The organisation

    async def _user(self, request: Request) -> Response:
        return _resource(self._directory.user(self._directory.rep_of_user(request.path_params["user"])))

    async def _memberships(self, request: Request) -> Response:
        query = request.query_params
        if not {"organization", "user", "email"} & set(query):
            raise invalid("organization", "organization, user or email is required")
        self._check_organization(query.get("organization"))
        reps = [
            rep
            for rep in self._directory.reps
            if query.get("user") in {None, self._directory.user_uri(rep)} and query.get("email") in {None, rep.email}
        ]
        return self._page(request, [self._directory.membership(rep) for rep in reps])

    async def _event_types(self, request: Request) -> Response:
        query = request.query_params
        reps = self._reps_asked_for(request)
        if query.get("active") == "false":  # all of ours are
            reps = []
        rows = [self._directory.event_type(rep) for rep in reps]
        return self._page(request, sorted(rows, key=lambda row: (row["name"], row["uri"])))

    async def _event_type(self, request: Request) -> Response:
        rep = self._directory.rep_of_event_type(request.path_params["event_type"])
        return _resource(self._directory.event_type(rep))

    def _reps_asked_for(self, request: Request) -> list[Rep]:
        """Reps of the `user` or the `organization` in the query, one of which is required."""
        query = request.query_params
        if not {"organization", "user"} & set(query):
            raise invalid("user", "user or organization is required")
        self._check_organization(query.get("organization"))
        user = query.get("user")
        return [self._directory.rep_of_user(user)] if user else list(self._directory.reps)

    def _check_organization(self, given: str | None) -> None:
        if given is not None and given != self._directory.organization:
            raise CalendlyError(403)

    # Slots and bookings

    async def _available_times(self, request: Request) -> Response:
        query = request.query_params
        if not query.get("event_type"):
            raise invalid("event_type", "is missing")
        rep = self._directory.rep_of_event_type(query["event_type"])
        start = read_instant("start_time", query.get("start_time"))
        end = read_instant("end_time", query.get("end_time"))
        now = self._world.clock.now()
        if start < now:
            raise invalid("start_time", "must be in the future")
        if end <= start:
            raise invalid("end_time", "must be after start_time")
        if end - start > _AVAILABILITY_RANGE:
            raise invalid("end_time", "date range must not be greater than 31 days")
        self._ledger.availability_share = self._behaviour.availability_share
        earliest = earliest_start(now, self._behaviour.notice_minutes)
        rows = [_available_time(rep, moment) for moment in self._ledger.offered(rep, start, end, earliest)]
        return JSONResponse({"collection": rows})

    async def _busy_times(self, request: Request) -> Response:
        query = request.query_params
        rep = self._directory.rep_of_user(query.get("user", ""))
        start = read_instant("start_time", query.get("start_time"))
        end = read_instant("end_time", query.get("end_time"))
        if end - start > _BUSY_RANGE:
            raise invalid("end_time", "date range must not be greater than 7 days")
        rows: list[dict[str, Any]] = [
            {"type": "external", "start_time": iso(moment), "end_time": iso(moment + timedelta(minutes=30))}
            for moment in self._directory.office_hours(rep).busy(start, end)
        ]
        rows += [
            {
                "type": "calendly",
                "start_time": iso(one.starts_at),
                "end_time": iso(one.ends_at),
                "buffered_start_time": iso(one.starts_at),
                "buffered_end_time": iso(one.ends_at),
                "event": {"uri": self._directory.uri("scheduled_events", one.event_id)},
            }
            for one in self._ledger.all()
            if one.rep is rep and one.is_active and start <= one.starts_at < end
        ]
        return JSONResponse({"collection": sorted(rows, key=lambda row: row["start_time"])})

    async def _book(self, request: Request) -> Response:
        wanted = read_booking(await _json(request), self._directory)
        self._limits.take_booking(self._world.clock.monotonic())
        now = self._world.clock.now()
        meeting = self._ledger.book(wanted, now)
        invitee = self._ledger.invitee(meeting)
        self._record("booking_made", meeting)
        self._tell("invitee.created", meeting)
        return _resource(invitee, 201)

    async def _cancel(self, request: Request) -> Response:
        meeting = self._ledger.find(request.path_params["event"])
        body = await _json(request, empty={})
        reason = str(body.get("reason") or "") if isinstance(body, dict) else ""
        if len(reason) > _LONGEST_REASON:
            raise invalid("reason", f"is too long (maximum is {_LONGEST_REASON} characters)")
        cancellation = self._ledger.cancel(meeting, reason, self._world.clock.now())
        self._record("booking_cancelled", meeting)
        self._tell("invitee.canceled", meeting)
        return _resource(cancellation, 201)

    async def _events(self, request: Request) -> Response:
        query = request.query_params
        reps = self._reps_asked_for(request)
        meetings = [one for one in self._ledger.all() if one.rep in reps]
        if email := query.get("invitee_email"):
            meetings = [one for one in meetings if one.request.email.lower() == email.lower()]
        if status := query.get("status"):
            if status not in {"active", "canceled"}:
                raise invalid("status", "must be active or canceled")
            meetings = [one for one in meetings if one.is_active == (status == "active")]
        if "min_start_time" in query:
            first = read_instant("min_start_time", query["min_start_time"])
            meetings = [one for one in meetings if one.starts_at >= first]
        if "max_start_time" in query:
            last = read_instant("max_start_time", query["max_start_time"])
            meetings = [one for one in meetings if one.starts_at <= last]
        if query.get("sort", "start_time:asc") == "start_time:desc":
            meetings.reverse()
        return self._page(request, [self._ledger.event(one) for one in meetings])

    async def _event(self, request: Request) -> Response:
        return _resource(self._ledger.event(self._ledger.find(request.path_params["event"])))

    async def _invitees(self, request: Request) -> Response:
        query = request.query_params
        meeting = self._ledger.find(request.path_params["event"])
        invitee = self._ledger.invitee(meeting)
        fits = query.get("email", invitee["email"]).lower() == invitee["email"].lower()
        fits = fits and query.get("status", invitee["status"]) == invitee["status"]
        return self._page(request, [invitee] if fits else [])

    async def _invitee(self, request: Request) -> Response:
        meeting = self._ledger.find(request.path_params["event"])
        if meeting.invitee_id != request.path_params["invitee"]:
            raise not_found()
        return _resource(self._ledger.invitee(meeting))

    async def _scheduling_link(self, request: Request) -> Response:
        body = await _json(request)
        if not isinstance(body, dict) or body.get("owner_type") != "EventType":
            raise invalid("owner_type", "must be EventType")
        if body.get("max_event_count") != 1:
            raise invalid("max_event_count", "must be 1")
        rep = self._directory.rep_of_event_type(str(body.get("owner")))
        identifier = self._world.random("scheduling_link", rep.slug, self._world.clock.now()).randbytes(8).hex()
        return _resource(
            {
                "booking_url": f"https://calendly.com/d/{identifier}/30-minute-meeting",
                "owner": body["owner"],
                "owner_type": "EventType",
            },
            201,
        )

    def _lose_slot(self, facts: dict[str, str]) -> None:
        """Somebody else takes the slot that this request wants."""
        try:
            rep = self._directory.rep_of_event_type(facts.get("event_type", ""))
            start = read_instant("start_time", facts.get("start_time"))
        except CalendlyError:
            return  # a request that is refused for its form anyway
        self._ledger.take_by_stranger(rep, start, self._world.clock.now())

    def _record(self, kind: str, meeting: Meeting) -> None:
        self._world.truth.append(
            kind,
            vendor="calendly",
            event=self._directory.uri("scheduled_events", meeting.event_id),
            calendar=self._directory.event_type_uri(meeting.rep),
            starts_at=meeting.starts_at.isoformat(),
            invitee_email=meeting.request.email,
            reference=meeting.request.tracking["utm_content"],
        )

    # Webhooks

    async def _subscribe(self, request: Request) -> Response:
        one = self._webhooks.subscribe(await _json(request), self._world.clock.now())
        return _resource(self._webhooks.resource(one), 201)

    async def _subscriptions(self, request: Request) -> Response:
        query = request.query_params
        if query.get("scope") not in {"user", "organization"}:
            raise invalid("scope", "must be user or organization")
        self._check_organization(query.get("organization"))
        found = [one for one in self._webhooks.all() if one.scope == query["scope"]]
        return self._page(request, [self._webhooks.resource(one) for one in found])

    async def _subscription(self, request: Request) -> Response:
        return _resource(self._webhooks.resource(self._webhooks.find(request.path_params["webhook"])))

    async def _unsubscribe(self, request: Request) -> Response:
        self._webhooks.remove(request.path_params["webhook"])
        return Response(status_code=204)

    def _tell(self, event: str, meeting: Meeting) -> None:
        payload = {**self._ledger.invitee(meeting), "scheduled_event": self._ledger.event(meeting)}
        self._webhooks.tell(event, self._directory.user_uri(meeting.rep), payload, self._world.clock.now())

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        address = self._directory.uri(request.url.path.strip("/"))
        return JSONResponse(page(address, dict(request.query_params), rows))


def _available_time(rep: Rep, moment: datetime) -> dict[str, Any]:
    start = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    page_of_slot = f"https://calendly.com/{rep.slug}/30min/{start}?month={moment:%Y-%m}&date={moment:%Y-%m-%d}"
    return {"status": "available", "invitees_remaining": 1, "start_time": start, "scheduling_url": page_of_slot}


def _resource(resource: Any, status: int = 200) -> JSONResponse:
    return JSONResponse({"resource": resource}, status)


def _error_of_status(status: int, seconds: float) -> Response:
    error = too_many(seconds, 500) if status == 429 else CalendlyError(status)
    return error.response()


async def _json(request: Request, empty: Any = None) -> Any:
    """The body. Raises CalendlyError (400) for something that is not JSON."""
    body = await request.body()
    if not body:
        return empty
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CalendlyError(400) from None


async def _facts(request: Request) -> dict[str, str]:
    """What fault orders can ask for: the query, and the booking's slot and invitee."""
    facts = dict(request.query_params)
    if request.method == "POST":
        try:
            body = await _json(request)
        except CalendlyError:
            return facts
        if isinstance(body, dict):
            facts |= {key: body[key] for key in ("event_type", "start_time") if isinstance(body.get(key), str)}
            invitee = body.get("invitee")
            if isinstance(invitee, dict) and isinstance(invitee.get("email"), str):
                facts["email"] = invitee["email"]
    return facts

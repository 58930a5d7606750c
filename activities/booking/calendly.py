"""Calendly: one event type for each rep; `calendar_ref` is the event type's URI.

The Scheduling API (`POST /invitees`) has no idempotency key: after a lost answer the scheduled events are looked
through before anything is sent again. Our booking's id travels in `tracking.utm_content`.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import requests

from activities.booking.calendar import (
    Appointment,
    AppointmentRequest,
    CalendarBusy,
    CalendarDoubt,
    CalendarError,
    CalendarRefused,
    CalendarUnreachable,
    Diary,
    SlotTaken,
    Window,
)
from activities.booking.calendly_client import CalendlyHttpError, SafeCalendlyClient

MOST_DAYS_A_REQUEST = 7
"""Calendly allowed 7 days, since July 2026 31: the smaller holds for both."""
_TAKEN_CODES = frozenset({"already_filled"})
_UTM_KEYS = ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")
_SECONDS_WORTH_WAITING = 1.0

T = TypeVar("T")


class CalendlyCalendar:
    def __init__(self, token: str, base_url: str) -> None:
        self._client = SafeCalendlyClient(token, base_url)
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="calendly")
        self._blocked_until = 0.0  # monotonic; set by a 429
        self._locations: dict[str, list[dict[str, Any]]] = {}  # by event type

    async def free_starts(self, diary: Diary, window: Window) -> list[datetime]:
        parts = []
        start = window.starts_at
        while start < window.ends_at:
            end = min(start + timedelta(days=MOST_DAYS_A_REQUEST), window.ends_at)
            parts.append(self._available(diary.calendar_ref, start, end))
            start = end
        return sorted({moment for part in await asyncio.gather(*parts) for moment in part})

    async def create(self, request: AppointmentRequest) -> Appointment:
        body: dict[str, Any] = {
            "event_type": request.diary.calendar_ref,
            "start_time": _iso(request.starts_at),
            "invitee": {
                "name": request.invitee_name or "Guest",
                "email": request.invitee_email,
                "timezone": request.invitee_zone,
            },
            # All six keys or none.
            "tracking": {**dict.fromkeys(_UTM_KEYS), "utm_source": "cadenza", "utm_content": request.reference},
        }
        if location := await self._location(request):
            body["location"] = location
        try:
            answer = await self._change(partial(self._client.post, "invitees", data=body))
        except CalendlyHttpError as error:
            raise _as_calendar_error(error) from error
        invitee = answer["resource"]
        return Appointment(external_id=invitee["event"], cancel_url=invitee.get("cancel_url"))

    async def find(self, request: AppointmentRequest) -> Appointment | None:
        organization = await self._ask(self._client.organization)
        found = await self._get(
            "scheduled_events",
            organization=organization,
            invitee_email=request.invitee_email or None,
            min_start_time=_iso(request.starts_at),
            max_start_time=_iso(request.starts_at + timedelta(seconds=1)),
            status="active",
            count=100,
        )
        for event in found["collection"]:
            if event["event_type"] != request.diary.calendar_ref or _instant(event["start_time"]) != request.starts_at:
                continue
            invitees = await self._get(
                f"scheduled_events/{_uuid(event['uri'])}/invitees", email=request.invitee_email or None
            )
            for invitee in invitees["collection"]:
                # What the person booked by themselves at that time is not ours to count or to cancel.
                if (invitee.get("tracking") or {}).get("utm_content") == request.reference:
                    return Appointment(
                        external_id=event["uri"],
                        cancel_url=invitee.get("cancel_url"),
                        join_url=(event.get("location") or {}).get("join_url"),
                    )
        return None

    async def join_url(self, request: AppointmentRequest, external_id: str) -> str | None:
        event = await self._get(f"scheduled_events/{_uuid(external_id)}")
        join_url = (event["resource"].get("location") or {}).get("join_url")
        return str(join_url) if join_url else None

    async def cancel(self, request: AppointmentRequest, external_id: str, reason: str) -> None:
        path = f"scheduled_events/{_uuid(external_id)}/cancellation"
        try:
            await self._change(partial(self._client.post, path, data={"reason": reason[:10_000]}))
        except CalendlyHttpError as error:
            if error.status == 404:
                return
            if error.status == 403 and await self._is_cancelled(external_id):
                return
            raise _as_calendar_error(error) from error

    async def close(self) -> None:
        self._client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _available(self, event_type: str, start: datetime, end: datetime) -> list[datetime]:
        answer = await self._get(
            "event_type_available_times", event_type=event_type, start_time=_iso(start), end_time=_iso(end)
        )
        return [_instant(slot["start_time"]) for slot in answer["collection"] if slot["status"] == "available"]

    async def _location(self, request: AppointmentRequest) -> dict[str, str] | None:
        """The place, for event types that let the invitee or the scheduler choose; asked of the event type."""
        event_type = request.diary.calendar_ref
        if event_type not in self._locations:
            answer = await self._get(f"event_types/{_uuid(event_type)}")
            self._locations[event_type] = answer["resource"].get("locations") or []
        locations = self._locations[event_type]
        if not locations:
            return None
        place = {"kind": str(locations[0]["kind"])}
        if place["kind"] == "outbound_call":
            place["location"] = request.invitee_phone
        elif place["kind"] == "physical" and locations[0].get("location"):
            place["location"] = str(locations[0]["location"])
        return place

    async def _is_cancelled(self, event_uri: str) -> bool:
        event = await self._get(f"scheduled_events/{_uuid(event_uri)}")
        return bool(event["resource"]["status"] == "canceled")

    async def _get(self, path: str, **params: object) -> Any:
        return await self._ask(partial(self._client.get, path, params=params))

    async def _ask(self, question: Callable[[], T]) -> T:
        """A question changes nothing: whatever goes wrong, it can be asked again."""
        try:
            return await self._in_thread(question)
        except CalendlyHttpError as error:
            if error.status >= 500:
                raise CalendarUnreachable(str(error.status)) from error
            raise _as_calendar_error(error) from error
        except (requests.RequestException, ValueError, KeyError) as error:
            raise CalendarUnreachable(type(error).__name__) from error

    async def _change(self, change: Callable[[], T]) -> T:
        """A change whose answer is lost is in doubt. CalendlyHttpError below 500 is left to the caller."""
        try:
            return await self._in_thread(change)
        except CalendlyHttpError as error:
            if error.status >= 500:
                raise CalendarDoubt(str(error.status)) from error
            raise
        except (requests.ConnectTimeout, requests.exceptions.ProxyError) as error:
            raise CalendarUnreachable(type(error).__name__) from error
        except (requests.RequestException, ValueError) as error:
            raise CalendarDoubt(type(error).__name__) from error

    async def _in_thread(self, call: Callable[[], T]) -> T:
        wait = self._blocked_until - time.monotonic()
        if wait > _SECONDS_WORTH_WAITING:
            raise CalendarBusy("waiting for the limit's reset", wait)
        if wait > 0:
            await asyncio.sleep(wait)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except CalendlyHttpError as error:
            if error.status == 429:
                self._blocked_until = time.monotonic() + (error.retry_after if error.retry_after is not None else 1.0)
            raise


def _as_calendar_error(error: CalendlyHttpError) -> CalendarError:
    """What an answer below 500 means. Titles and codes are the vendor's fixed words: no personal data."""
    if error.codes & _TAKEN_CODES or error.status == 409:
        return SlotTaken()
    if error.status == 429:
        return CalendarBusy("429", error.retry_after or 1.0)
    if error.status == 403:
        return CalendarRefused("403: the Scheduling API needs a paid Calendly plan and the scope to write events")
    if error.status == 401:
        return CalendarRefused("401: the Calendly token is not valid")
    return CalendarRefused(f"{error.status} {error.title} {' '.join(sorted(error.codes))}".strip())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _uuid(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]

"""The telephone carrier (Twilio), on its own SDK. One method a request; every failure is one of `activities.errors`.

The SDK is synchronous and runs in threads: its asynchronous client ignores time-outs. Nothing is retried here: a
repeated POST rings twice, so whoever calls decides.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError

from activities.errors import (
    CarrierError,
    Doubtful,
    NoSuchCall,
    NotTaken,
    Rejected,
    RejectionKind,
    TooLate,
    WrongState,
)
from cadenza.domain.outcomes import CallStatus
from cadenza.settings import Settings

Answer = TypeVar("Answer")

UNREACHABLE = 0
"""Code of `NotTaken` where no connection came about."""

REJECTIONS: dict[int, RejectionKind] = {
    # The number
    21201: RejectionKind.BAD_NUMBER,
    21211: RejectionKind.BAD_NUMBER,
    21217: RejectionKind.BAD_NUMBER,
    13223: RejectionKind.BAD_NUMBER,
    13224: RejectionKind.BAD_NUMBER,
    21216: RejectionKind.BAD_NUMBER,  # blocked by the carrier
    13225: RejectionKind.BAD_NUMBER,
    21203: RejectionKind.BAD_NUMBER,  # a country this account may not call
    21215: RejectionKind.BAD_NUMBER,
    13227: RejectionKind.BAD_NUMBER,
    21219: RejectionKind.BAD_NUMBER,  # a trial account calls verified numbers only
    # The account, its caller ID, our parameters
    20003: RejectionKind.CONFIGURATION,
    20404: RejectionKind.CONFIGURATION,
    10001: RejectionKind.CONFIGURATION,
    20005: RejectionKind.CONFIGURATION,
    10002: RejectionKind.CONFIGURATION,
    10005: RejectionKind.CONFIGURATION,
    21210: RejectionKind.CONFIGURATION,
    21212: RejectionKind.CONFIGURATION,
    21213: RejectionKind.CONFIGURATION,
    21205: RejectionKind.CONFIGURATION,
    21218: RejectionKind.CONFIGURATION,
    21206: RejectionKind.CONFIGURATION,
    21208: RejectionKind.CONFIGURATION,
    21234: RejectionKind.CONFIGURATION,
    # What may pass
    21214: RejectionKind.TEMPORARY,
}
"""Codes of a refused POST, after vendor-contracts 1.13. A code that is not here counts as temporary."""

CALLER_ID_REFUSED = frozenset({21210, 21212, 21213})
"""Of these codes, those that are about the number we call from."""

_TOO_MUCH = frozenset({20429, 10004})
_DOUBTFUL = frozenset({20500, 20503})
_WRONG_STATE = 21220


@dataclass(frozen=True)
class CallRequest:
    """What a call is placed with. Holds numbers: never log it. Times in seconds."""

    to: str
    from_number: str
    answer_url: str
    fallback_url: str
    status_url: str
    machine_url: str | None  # None: no machine detection
    waits_for_beep: bool
    recording_url: str | None  # None: not recorded
    ring_seconds: int
    max_call_seconds: int


@dataclass(frozen=True)
class CarrierCall:
    """A call as the carrier shows it. Its reads are eventually consistent."""

    sid: str
    status: CallStatus
    created_at: datetime | None
    duration_seconds: int | None
    started_at: datetime | None = None  # None: not dialled yet


class Carrier:
    """The account at the carrier. Raises `activities.errors.CarrierError` and nothing else."""

    def __init__(self, settings: Settings) -> None:
        quiet = logging.getLogger("cadenza.carrier")
        quiet.setLevel(logging.CRITICAL)  # the SDK logs requests with their numbers
        self._client = Client(
            settings.twilio_account_sid or "AC" + "0" * 32,
            settings.twilio_auth_token.get_secret_value() or "unset",
            http_client=TwilioHttpClient(timeout=settings.twilio_timeout_seconds, logger=quiet),
        )
        # TWILIO_REGION and TWILIO_EDGE in the environment would rewrite the host name.
        self._client.region = self._client.edge = ""
        self._client.api.base_url = settings.twilio_base_url

    async def place_call(self, request: CallRequest, *, not_after: float) -> str:
        """Send the one POST; returns the call's SID. Doubtful: the call may have been placed.

        `not_after` is an instant of `time.monotonic`: a process that was frozen sends nothing then, and raises TooLate.
        """
        parameters: dict[str, Any] = {
            "to": request.to,
            "from_": request.from_number,
            "url": request.answer_url,
            "method": "POST",
            "fallback_url": request.fallback_url,
            "fallback_method": "POST",
            "status_callback": request.status_url,
            "status_callback_method": "POST",
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
            "timeout": request.ring_seconds,
            "time_limit": request.max_call_seconds,
        }
        if request.machine_url is not None:
            parameters |= {
                "machine_detection": "DetectMessageEnd" if request.waits_for_beep else "Enable",
                "async_amd": "true",
                "async_amd_status_callback": request.machine_url,
                "async_amd_status_callback_method": "POST",
            }
        if request.recording_url is not None:
            parameters |= {
                "record": True,
                "recording_channels": "dual",
                "recording_status_callback": request.recording_url,
                "recording_status_callback_method": "POST",
                "recording_status_callback_event": ["completed", "absent"],
            }

        def post() -> Any:
            if time.monotonic() > not_after:
                raise TooLate
            return self._client.calls.create(**parameters)

        try:
            call = await _asked(post)
        except NoSuchCall:
            raise Rejected(20404, RejectionKind.CONFIGURATION) from None  # there is no such account
        return str(call.sid)

    async def fetch_call(self, sid: str) -> CarrierCall:
        return _call(await _asked(lambda: self._client.calls(sid).fetch()))

    async def find_calls(self, to: str, from_number: str, since: datetime) -> list[CarrierCall]:
        """Calls between the two numbers created at or after `since`, oldest first.

        `since` is compared here: the carrier's own date filters miss calls that have not started.
        """
        listed = await _asked(lambda: self._client.calls.list(to=to, from_=from_number, limit=50, page_size=50))
        calls = [_call(one) for one in listed]
        recent = [call for call in calls if call.created_at is not None and call.created_at >= since]
        return sorted(recent, key=lambda call: (call.created_at or since, call.sid))

    async def cancel_call(self, sid: str) -> None:
        """Call off a call that is queued or ringing. WrongState: it was answered, or is over."""
        await _asked(lambda: self._client.calls(sid).update(status="canceled"))

    async def end_call(self, sid: str) -> None:
        """End a call in any state. WrongState: it is over already."""
        await _asked(lambda: self._client.calls(sid).update(status="completed"))

    async def redirect_call(self, sid: str, twiml: str) -> None:
        """Give a live call new instructions; its media stream ends. WrongState: the call is not live."""
        await _asked(lambda: self._client.calls(sid).update(twiml=twiml))

    async def send_on(self, sid: str, url: str) -> None:
        """Have a live call ask `url` for its next instructions; its media stream ends. WrongState: it is not live."""
        await _asked(lambda: self._client.calls(sid).update(url=url, method="POST"))

    async def stop_recording(self, sid: str) -> None:
        """Stop the recording of a live call; what it holds by then stays. NoSuchCall: there is none."""
        await _asked(lambda: self._client.calls(sid).recordings("Twilio.CURRENT").update(status="stopped"))


async def _asked(request: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(request)
    except (TwilioException, RequestException, ValueError, KeyError) as error:
        # ValueError and KeyError: an answer that is not Twilio's JSON, such as a proxy's error page.
        raise translate(error) from None  # the original message may hold a number


def translate(error: Exception) -> CarrierError:
    """The SDK's exceptions as ours."""
    if isinstance(error, TwilioRestException | TwilioServiceException):
        code = int(error.code or 0)
        if error.status == 429 or code in _TOO_MUCH:
            return NotTaken(code or 429)
        if error.status >= 500 or code in _DOUBTFUL:
            return Doubtful(f"HTTP {error.status}")
        if code == _WRONG_STATE:
            return WrongState()
        if error.status == 404:
            return NoSuchCall()
        if error.status == 401:
            return Rejected(code or 401, RejectionKind.CONFIGURATION)
        return Rejected(code or error.status, REJECTIONS.get(code, RejectionKind.TEMPORARY))
    if _never_connected(error):
        return NotTaken(UNREACHABLE)
    return Doubtful(type(error).__name__)


def _never_connected(error: Exception) -> bool:
    """True if no connection came about, so nothing can have been sent."""
    if isinstance(error, ConnectTimeout):
        return True
    if not isinstance(error, RequestsConnectionError) or not error.args:
        return False
    cause = error.args[0]
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _call(instance: Any) -> CarrierCall:
    duration = instance.duration
    return CarrierCall(
        sid=str(instance.sid),
        status=CallStatus(str(instance.status)),
        created_at=_utc(instance.date_created),
        duration_seconds=int(duration) if duration not in {None, ""} else None,
        started_at=_utc(instance.start_time),
    )


def _utc(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None and instant.tzinfo is None else instant

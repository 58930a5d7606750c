"""The lead's final outcome, posted to the customer's own system.

| activity | input | result | start-to-close |
|---|---|---|---|
| `notify_webhook` | `NotifyWebhook` | `Notified` | 20 s; retries with backoff for a day |

The body is the JSON of `_payload`. `Cadenza-Signature: t=<Unix seconds>,v1=<hex>` is the HMAC-SHA256 of
`<t>.<body>` under WEBHOOK_SECRET; `Cadenza-Delivery` is the same for every try of one message.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from cadenza.records.booking_tables import Booking, Rep
from cadenza.records.bookings import confirmed_booking
from cadenza.records.database import Database
from cadenza.records.tables import Attempt, Campaign, Lead
from cadenza.settings import Settings

_TIMEOUT = httpx.Timeout(10, connect=3)
_MAY_PASS = frozenset({408, 425, 429})
_LONGEST_WAIT_SECONDS = 3600.0


class NotifyWebhook(BaseModel):
    model_config = ConfigDict(frozen=True)
    lead_id: str


class Notified(BaseModel):
    model_config = ConfigDict(frozen=True)
    delivered: bool
    reason: str = ""


class ForbiddenTarget(Exception):
    """The address is not one of the public internet."""


class NotifyActivities:
    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        self._allow_private = settings.webhook_allow_private
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)

    def all(self) -> list[Callable[..., Any]]:
        """What to register with a worker."""
        return [self.notify_webhook]

    async def close(self) -> None:
        await self._http.aclose()

    @activity.defn
    async def notify_webhook(self, request: NotifyWebhook) -> Notified:
        """Post the outcome of a finished lead. Raises ApplicationError `webhook_refused` (final) or
        `webhook_unreachable`."""
        async with self._database.transaction() as session:
            lead = await session.get(Lead, request.lead_id)
            campaign = await session.get(Campaign, lead.campaign_id) if lead else None
            if lead is None or campaign is None:
                raise ApplicationError(f"no lead {request.lead_id}", type="unknown_lead", non_retryable=True)
            if not campaign.webhook_url:
                return Notified(delivered=False, reason="no_webhook")
            if lead.outcome is None:
                return Notified(delivered=False, reason="no_outcome_yet")
            attempts = await session.exec(
                select(Attempt).where(Attempt.lead_id == lead.id).order_by(col(Attempt.number))
            )
            booking = await confirmed_booking(session, lead.id)
            rep = await session.get(Rep, booking.rep_id) if booking else None
            body = orjson.dumps(_payload(campaign, lead, list(attempts.all()), booking, rep))
        await self._post(campaign.webhook_url, lead.id, body)
        return Notified(delivered=True)

    async def _post(self, url: str, lead_id: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "Cadenza-Delivery": f"{lead_id}:finished"}
        if self._secret:
            headers["Cadenza-Signature"] = signature(self._secret, body, int(time.time()))
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            address = await _address(parts.scheme, host, parts.port, allow_private=self._allow_private)
            # To the address that was checked: asking the name a second time might give another one.
            answer = await self._http.post(
                httpx.URL(url).copy_with(host=address),
                content=body,
                headers={**headers, "Host": parts.netloc.rpartition("@")[2]},
                extensions={"sni_hostname": host},
            )
        except ForbiddenTarget:
            raise ApplicationError(
                "the webhook's address is not a public one", type="webhook_refused", non_retryable=True
            ) from None
        except (httpx.HTTPError, OSError) as error:
            raise ApplicationError(
                f"the webhook did not answer: {type(error).__name__}", type="webhook_unreachable"
            ) from None
        if answer.is_success:
            return
        status = answer.status_code
        if status >= 500 or status in _MAY_PASS:
            raise ApplicationError(
                f"the webhook answered {status}", type="webhook_unreachable", next_retry_delay=_retry_after(answer)
            )
        raise ApplicationError(f"the webhook answered {status}", type="webhook_refused", non_retryable=True)


def signature(secret: str, body: bytes, at: int) -> str:
    """Value of the `Cadenza-Signature` header; `at` in Unix seconds."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def _address(scheme: str, host: str, port: int | None, *, allow_private: bool) -> str:
    """An address of the host. Raises ForbiddenTarget unless all its addresses are public; OSError: no such name."""
    if scheme not in {"http", "https"} or not host:
        raise ForbiddenTarget
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port or {"http": 80, "https": 443}[scheme], type=socket.SOCK_STREAM
    )
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and not all(_is_public(address) for address in addresses):
        raise ForbiddenTarget
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or parsed
    return bool(inner.is_global and not inner.is_multicast)


def _retry_after(answer: httpx.Response) -> timedelta | None:
    value = answer.headers.get("Retry-After", "")
    return timedelta(seconds=min(float(value), _LONGEST_WAIT_SECONDS)) if value.isdigit() else None


def _payload(
    campaign: Campaign, lead: Lead, attempts: list[Attempt], booking: Booking | None, rep: Rep | None
) -> dict[str, Any]:
    return {
        "event": "lead.finished",
        "campaign_id": campaign.id,
        "lead": {
            "id": lead.id,
            "phone": lead.phone,
            "name": lead.name,
            "email": lead.email,
            "company": lead.company,
            "custom": lead.custom,
        },
        "outcome": lead.outcome,
        "reason": lead.outcome_reason,
        "finished_at": lead.final_at,
        "attempts": [
            {
                "id": attempt.id,
                "outcome": attempt.outcome,
                "started_at": attempt.submitted_at,
                "duration_seconds": attempt.duration_seconds,
                "summary": attempt.summary,
            }
            for attempt in attempts
        ],
        "appointment": None
        if booking is None
        else {
            "id": booking.id,
            "starts_at": booking.starts_at,
            "ends_at": booking.ends_at,
            "rep": rep.name if rep else "",
            "join_url": booking.join_url,
            "cancel_url": booking.cancel_url,
        },
    }

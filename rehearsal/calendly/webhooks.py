"""Webhook subscriptions: kept, and delivered with Calendly's signature."""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import orjson

from rehearsal.calendly.directory import Directory
from rehearsal.calendly.errors import CalendlyError, invalid, not_found
from rehearsal.calendly.ledger import iso

_EVENTS = {"invitee.created", "invitee.canceled", "routing_form_submission.created"}
_RETRY_SECONDS = (0.5, 2.0, 5.0)


@dataclass
class Subscription:
    """One address that wants to be told."""

    identifier: str
    url: str
    events: list[str]
    scope: str
    organization: str
    user: str | None
    signing_key: str | None
    made_at: datetime
    state: str = "active"


def signature(signing_key: str, timestamp: int, body: bytes) -> str:
    """The value of Calendly-Webhook-Signature."""
    digest = hmac.new(signing_key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Webhooks:
    """All subscriptions of the organisation."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._subscriptions: dict[str, Subscription] = {}
        self._deliveries: set[asyncio.Task[None]] = set()

    def subscribe(self, body: Any, now: datetime) -> Subscription:
        """Keep a new one. Raises CalendlyError: 400, or 409 for one that exists."""
        if not isinstance(body, dict):
            raise CalendlyError(400)
        url, events, scope = body.get("url"), body.get("events"), body.get("scope")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise invalid("url", "is not a valid URL")
        if not isinstance(events, list) or not events or not set(events) <= _EVENTS:
            raise invalid("events", "is not a list of known events")
        if scope not in {"user", "organization"}:
            raise invalid("scope", "must be user or organization")
        if body.get("organization") != self._directory.organization:
            raise invalid("organization", "is not the token's organization")
        if scope == "user" and not body.get("user"):
            raise invalid("user", "is required for the user scope")
        user = body.get("user") if scope == "user" else None
        if any((one.url, one.scope, one.user) == (url, scope, user) for one in self._subscriptions.values()):
            raise CalendlyError(409, message="Hook with this url already exists")
        one = Subscription(
            *(secrets.token_hex(8).upper(), url, events, scope, str(body["organization"]), user),
            body.get("signing_key"),
            now,
        )
        self._subscriptions[one.identifier] = one
        return one

    def all(self) -> list[Subscription]:
        """Every subscription."""
        return list(self._subscriptions.values())

    def find(self, identifier: str) -> Subscription:
        """Raises CalendlyError (404)."""
        if identifier not in self._subscriptions:
            raise not_found()
        return self._subscriptions[identifier]

    def remove(self, identifier: str) -> None:
        """Raises CalendlyError (404)."""
        del self._subscriptions[self.find(identifier).identifier]

    def resource(self, one: Subscription) -> dict[str, Any]:
        """The WebhookSubscription resource."""
        return {
            "uri": self._directory.uri("webhook_subscriptions", one.identifier),
            "callback_url": one.url,
            "created_at": iso(one.made_at),
            "updated_at": iso(one.made_at),
            "retry_started_at": None,
            "state": one.state,
            "events": one.events,
            "scope": one.scope,
            "organization": one.organization,
            "user": one.user,
            "creator": self._directory.user_uri(self._directory.reps[0]),
        }

    def tell(self, event: str, user_uri: str, payload: dict[str, Any], now: datetime) -> None:
        """Deliver an event to all who subscribed to it, in the background."""
        content = {"event": event, "created_at": iso(now), "created_by": user_uri, "payload": payload}
        body = orjson.dumps(content)
        for one in self.all():
            mine = one.scope == "organization" or one.user == user_uri
            if mine and event in one.events and one.state == "active":
                task = asyncio.create_task(self._deliver(one, body, int(now.timestamp())))
                self._deliveries.add(task)
                task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, one: Subscription, body: bytes, timestamp: int) -> None:
        headers = {"Content-Type": "application/json"}
        if one.signing_key:
            headers["Calendly-Webhook-Signature"] = signature(one.signing_key, timestamp, body)
        async with httpx.AsyncClient(timeout=15.0) as client:
            for pause in (*_RETRY_SECONDS, None):
                try:
                    if (await client.post(one.url, content=body, headers=headers)).is_success:
                        return
                except httpx.HTTPError:
                    pass  # as good as an error status: tried again
                if pause is not None:
                    await asyncio.sleep(pause)
        one.state = "disabled"

    async def forget(self) -> None:
        """Drop every subscription and delivery."""
        for task in list(self._deliveries):
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        self._subscriptions.clear()

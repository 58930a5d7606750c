"""Sends signed webhooks: documents to fetch and callbacks to deliver, with Twilio's patience and retries."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx

from rehearsal.control.faults import Fault, FaultBook
from rehearsal.control.truth import TruthLog
from rehearsal.twilio.call import Address
from rehearsal.twilio.signature import sign

_FIRST_RESPONSE_SECONDS = 15.0
_CONNECT_SECONDS = 10.0
_HELD_BACK_SECONDS = 5.0  # how long a callback that is to be overtaken waits for the next one at most


@cache
def _authorities() -> ssl.SSLContext:
    """Read once: it takes 25 ms."""
    return httpx.create_ssl_context(trust_env=False)


class WebhookError(Exception):
    """The system under rehearsal did not answer a webhook well; `status` is its answer, if any came."""

    def __init__(self, status: int | None, reason: str) -> None:
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _RetryRule:
    """What the URL's fragment asks for: `#rc=2&rp=5xx,rt` and the like; times in seconds."""

    count: int
    policies: frozenset[str]
    connect_seconds: float
    response_seconds: float

    @classmethod
    def of(cls, url: str) -> tuple[str, "_RetryRule"]:
        """The URL without its fragment, and the rule."""
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.fragment).items()}

        def milliseconds(name: str, default: float) -> float:
            value = asked.get(name, "")
            return int(value) / 1000 if value.isdigit() else default

        count = asked.get("rc", "")
        return parts._replace(fragment="").geturl(), cls(
            count=min(int(count), 5) if count.isdigit() else 0,
            policies=frozenset(asked.get("rp", "ct").split(",")),
            connect_seconds=milliseconds("ct", _CONNECT_SECONDS),
            response_seconds=milliseconds("rt", _FIRST_RESPONSE_SECONDS),
        )

    def wants(self, failure: str) -> bool:
        """Whether a failure of this kind (4xx, 5xx, ct, rt) is to be retried."""
        return failure in self.policies or "all" in self.policies


class Webhooks:
    """The account's webhook sender. Signs with the account's auth token."""

    def __init__(self, auth_token: str, faults: FaultBook, truth: TruthLog) -> None:
        self._auth_token = auth_token
        self._faults = faults
        self._truth = truth
        self._client = httpx.AsyncClient(
            timeout=_FIRST_RESPONSE_SECONDS,
            limits=httpx.Limits(max_connections=500, max_keepalive_connections=100),
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
        )
        self._background: set[asyncio.Task[None]] = set()
        self._held: dict[str, asyncio.Event] = {}

    async def fetch(self, address: Address, fields: Mapping[str, str]) -> httpx.Response:
        """Call a webhook and return its 2xx answer. Raises WebhookError."""
        url, rule = _RetryRule.of(address.url)
        token = str(uuid4())
        for left in range(rule.count, -1, -1):
            try:
                response = await self._send(url, address.method, fields, rule, token)
            except httpx.ConnectTimeout as error:
                failure, problem = "ct", WebhookError(None, repr(error))
            except httpx.ConnectError as error:
                failure, problem = "ct", WebhookError(None, repr(error))
            except httpx.HTTPError as error:
                failure, problem = "rt", WebhookError(None, repr(error))
            else:
                if response.is_success:
                    return response
                failure = f"{response.status_code // 100}xx"
                problem = WebhookError(response.status_code, f"answered {response.status_code}")
            if not left or not rule.wants(failure):
                raise problem
        raise AssertionError("unreachable")

    def deliver(self, operation: str, key: str, address: Address, fields: Mapping[str, str], **facts: object) -> None:
        """Deliver a callback in the background; `key` (the call) is what order is kept or broken within.

        One that was taken with a 2xx is written down: from then on the carrier counts on the receiver.
        """
        faults = self._faults.take_all("twilio", operation, **facts)
        taken = {"call_sid": key, "callback": operation, "event": facts.get("event")}
        task = asyncio.create_task(self._deliver(key, address, dict(fields), faults, taken), name=operation)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def stop(self) -> None:
        """Give up what is under way and close the connections."""
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(
        self, key: str, address: Address, fields: dict[str, str], faults: list[Fault], taken: dict[str, object]
    ) -> None:
        overtaken, copies, delay = False, 1, 0.0
        held_seconds = _HELD_BACK_SECONDS
        for fault in faults:
            match fault.kind:
                case "drop_callback":
                    return
                case "duplicate_callback":
                    copies += 1
                case "delay" | "delay_callback":
                    delay += fault.seconds
                case "reorder_callback":
                    overtaken = True
                    held_seconds = fault.seconds or held_seconds
        if delay:
            await asyncio.sleep(delay)
        if overtaken:
            await self._wait_to_be_overtaken(key, held_seconds)
        for _ in range(copies):
            try:
                await self.fetch(address, fields)
            except WebhookError:
                continue  # the body and fate of a callback do not matter to the carrier
            self._truth.append("callback_taken", **taken)
        if not overtaken and key in self._held:
            self._held.pop(key).set()

    async def _wait_to_be_overtaken(self, key: str, seconds: float) -> None:
        overtaken = self._held.setdefault(key, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await overtaken.wait()
        except TimeoutError:
            self._held.pop(key, None)

    async def _send(
        self, url: str, method: str, fields: Mapping[str, str], rule: _RetryRule, token: str
    ) -> httpx.Response:
        headers = {"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"}
        if rule.count:
            headers["I-Twilio-Idempotency-Token"] = token
        timeout = httpx.Timeout(rule.response_seconds, connect=rule.connect_seconds)
        if method == "GET":
            if fields:
                url += ("&" if "?" in url else "?") + urlencode(fields)
            headers["X-Twilio-Signature"] = sign(self._auth_token, url)
            return await self._client.get(url, headers=headers, timeout=timeout)
        headers["X-Twilio-Signature"] = sign(self._auth_token, url, fields)
        return await self._client.post(url, data=dict(fields), headers=headers, timeout=timeout)

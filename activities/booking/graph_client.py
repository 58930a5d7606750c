"""Microsoft Graph over HTTP, with an application's own token from msal."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msal
import requests

from activities.booking.calendar import (
    CalendarBusy,
    CalendarDoubt,
    CalendarRefused,
    CalendarUnreachable,
)

SCOPES = ["https://graph.microsoft.com/.default"]
_TIMEOUT = httpx.Timeout(4.0, connect=2.0)
_LOGIN_SECONDS = 4.0
_SECONDS_WORTH_WAITING = 1.0


class GraphHttpError(Exception):
    """An answer with status 400 or above (401, 429 and 5xx are dealt with before). `code` is Graph's own."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class _LoginSession(requests.Session):
    """msal's HTTP client, with time-outs; a given certificate file wins over REQUESTS_CA_BUNDLE."""

    def __init__(self, ca_bundle: Path | None) -> None:
        super().__init__()
        self._ca_bundle = str(ca_bundle) if ca_bundle else None

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = _LOGIN_SECONDS
        if self._ca_bundle:
            kwargs["verify"] = self._ca_bundle
        return super().request(*args, **kwargs)


class TokenSource:
    """Application tokens by client credentials. msal caches them, and reports errors as dictionaries."""

    def __init__(self, *, authority: str, client_id: str, secret: str, ca_bundle: Path | None) -> None:
        self._authority = authority
        self._client_id = client_id
        self._secret = secret
        self._session = _LoginSession(ca_bundle)
        self._app: Any = None
        self._lock = asyncio.Lock()

    async def token(self, *, fresh: bool = False) -> str:
        """Raises CalendarRefused (wrong secret, unknown tenant) or CalendarUnreachable."""
        async with self._lock:
            return await asyncio.to_thread(self._acquire, fresh)

    def close(self) -> None:
        self._session.close()

    def _acquire(self, fresh: bool) -> str:
        try:
            if self._app is None:  # its constructor asks the authority for its endpoints
                self._app = msal.ConfidentialClientApplication(
                    self._client_id,
                    authority=self._authority,
                    client_credential=self._secret,
                    instance_discovery=False,
                    http_client=self._session,
                )
            if fresh:
                self._app.remove_tokens_for_client()
            answer = self._app.acquire_token_for_client(scopes=SCOPES)
        except (requests.RequestException, ValueError, msal.exceptions.MsalError) as error:
            # msal raises ValueError where the authority's discovery document cannot be had, its own error for a 5xx.
            raise CalendarUnreachable(f"login: {type(error).__name__}") from error
        if "access_token" not in answer:
            raise CalendarRefused(f"login: {answer.get('error', 'unknown')} {answer.get('error_codes', '')}".strip())
        return str(answer["access_token"])


class GraphClient:
    """Requests to Graph: one new token after a 401, short Retry-After waited for once, everything else told."""

    def __init__(self, base_url: str, tokens: TokenSource) -> None:
        self._tokens = tokens
        self._http = httpx.AsyncClient(base_url=f"{base_url.rstrip('/')}/v1.0", timeout=_TIMEOUT)

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """A request that changes nothing. Raises GraphHttpError, CalendarBusy, CalendarRefused, CalendarUnreachable."""
        return await self._send(method, path, CalendarUnreachable, options)

    async def change(self, method: str, path: str, **options: Any) -> Any:
        """A request that changes something: CalendarDoubt instead when the answer is lost."""
        return await self._send(method, path, CalendarDoubt, options)

    async def close(self) -> None:
        await self._http.aclose()
        self._tokens.close()

    async def _send(
        self,
        method: str,
        path: str,
        lost: type[CalendarUnreachable] | type[CalendarDoubt],
        options: dict[str, Any],
    ) -> Any:
        fresh, waited = False, False
        while True:
            token = await self._tokens.token(fresh=fresh)
            headers = {"Authorization": f"Bearer {token}", "Prefer": 'outlook.timezone="UTC"'}
            try:
                answer = await self._http.request(method, path, headers=headers, **options)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                raise CalendarUnreachable(type(error).__name__) from error
            except httpx.HTTPError as error:
                raise lost(type(error).__name__) from error
            if answer.status_code == 401 and not fresh:
                fresh = True
                continue
            if answer.status_code == 429:
                seconds = _retry_after(answer)
                if waited or seconds > _SECONDS_WORTH_WAITING:
                    raise CalendarBusy("429", seconds)
                waited = True
                await asyncio.sleep(seconds)
                continue
            if answer.status_code >= 500:
                raise lost(str(answer.status_code))
            if answer.status_code >= 400:
                raise GraphHttpError(answer.status_code, _code(answer))
            return _json(answer, lost)


def _json(answer: httpx.Response, lost: type[CalendarUnreachable] | type[CalendarDoubt]) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise lost("answer is not JSON") from error


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _retry_after(answer: httpx.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "1")))
    except ValueError:
        return 1.0

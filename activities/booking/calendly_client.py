"""calendly-python made safe to use.

As published (0.1.2) it shares one header dictionary among all clients, so that one sends another's token; it calls
the API in its constructor; it returns most errors as if they were data; and it has no time-outs. Here: a client's own
headers and session, a time-out on every request, and an error for every status from 400.
"""

import threading
import time
from typing import Any

import requests
from calendly.client import Client
from requests.adapters import HTTPAdapter

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0


class CalendlyHttpError(Exception):
    """An answer with status 400 or above. `codes` are the machine-readable reasons in its details."""

    def __init__(self, status: int, title: str, codes: frozenset[str], retry_after: float | None) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.codes = codes
        self.retry_after = retry_after


class SafeCalendlyClient(Client):  # type: ignore[misc]
    """Blocking: call it in a thread. Safe for several threads. Raises CalendlyHttpError and requests' exceptions."""

    def __init__(self, token: str, base_url: str) -> None:
        super().__init__()  # without the token: with it, the constructor would call the API
        self.URL = base_url.rstrip("/") + "/"
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
        }
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=16, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._lock = threading.Lock()
        self._organization: str | None = None

    def organization(self) -> str:
        """URI of the token's organisation; asked once."""
        with self._lock:
            if self._organization is None:
                self._organization = str(self.get_current_user()["resource"]["current_organization"])
            return self._organization

    def request(
        self,
        method: str,
        endpoint: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        json: bool = True,
        auth_url: bool = False,
    ) -> requests.Response:
        if auth_url:
            raise NotImplementedError("only personal access tokens are used")
        return self._session.request(
            method,
            self.URL + endpoint,
            params=params,
            headers={**self.headers, **(headers or {})},
            json=data if json else None,
            data=None if json else data,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
        )

    def parse(self, response: requests.Response) -> Any:
        if response.status_code >= 300:
            raise _error(response)
        return response.json() if response.content else None

    def close(self) -> None:
        self._session.close()


def _error(response: requests.Response) -> CalendlyHttpError:
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    details = body.get("details") or ()
    codes = frozenset(str(detail["code"]) for detail in details if isinstance(detail, dict) and detail.get("code"))
    return CalendlyHttpError(response.status_code, str(body.get("title", "")), codes, _reset_seconds(response))


def _reset_seconds(response: requests.Response) -> float | None:
    """Seconds to wait after a 429: X-RateLimit-Reset holds the seconds left (a Unix time is understood too)."""
    value = response.headers.get("X-RateLimit-Reset") or response.headers.get("Retry-After")
    try:
        seconds = float(value) if value else None
    except ValueError:
        return None
    if seconds is None:
        return None
    return max(0.0, seconds - time.time() if seconds > 1_000_000_000 else seconds)

"""The `cadenza` command's way to the API: a small typed client. Every answer that is not 2xx becomes an ApiProblem."""

from pathlib import Path
from typing import Any

import httpx

from cadenza.settings import Settings

_UPLOAD_SECONDS = 900.0


class ApiProblem(Exception):
    """The API said no. `code` is stable; `errors` name the field and the fix."""

    def __init__(self, status: int, code: str, detail: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors


class ApiUnreachable(Exception):
    """Nothing answers at the API's address."""


class ApiClient:
    """One connection to the API. Use as a context manager."""

    def __init__(self, base_url: str, key: str, *, timeout_seconds: float = 60.0) -> None:
        self.base_url = base_url
        self.key = key
        self._http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout_seconds
        )

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, params=_given(query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, json=body if body is not None else {})

    def change(self, path: str, body: Any = None, *, reason: str = "") -> Any:
        """A POST whose reason is kept in the audit log."""
        headers = {"X-Reason": reason} if reason else {}
        return self._send("POST", path, json=body if body is not None else {}, headers=headers)

    def put(self, path: str, body: Any, **query: Any) -> Any:
        return self._send("PUT", path, json=body, params=_given(query))

    def delete(self, path: str, **query: Any) -> Any:
        return self._send("DELETE", path, params=_given(query))

    def download_to(self, path: str, file: Path) -> None:
        """An answer of any size, written piece by piece."""
        try:
            with self._http.stream("GET", path, timeout=_UPLOAD_SECONDS) as response:
                if not response.is_success:
                    response.read()
                    raise _problem(response)
                with file.open("wb") as target:
                    for piece in response.iter_bytes():
                        target.write(piece)
        except httpx.TransportError as error:
            raise ApiUnreachable(self.base_url) from error

    def upload(self, path: str, file: Path, **query: Any) -> Any:
        """Send a lead file as it is; the API finds out its form. A large one takes its time."""
        with file.open("rb") as handle:
            return self._send(
                "POST", path, files={"file": (file.name, handle)}, params=_given(query), timeout=_UPLOAD_SECONDS
            )

    def download(self, path: str) -> bytes:
        """An answer that is not JSON."""
        return self._request("GET", path).content

    def _send(self, method: str, path: str, **more: Any) -> Any:
        response = self._request(method, path, **more)
        return response.json() if response.content else None

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise ApiUnreachable(self.base_url) from error
        if response.is_success:
            return response
        raise _problem(response)


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def api_key(settings: Settings) -> str | None:
    """The key from CADENZA_API_KEY, or the one made at first start; None if there is none yet."""
    if settings.cadenza_api_key is not None:
        return settings.cadenza_api_key.get_secret_value()
    file = settings.data_dir / "api_key"
    return file.read_text().strip() if file.exists() else None


def _problem(response: httpx.Response) -> ApiProblem:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    detail = body.get("detail") or body.get("title") or f"HTTP {response.status_code}"
    return ApiProblem(response.status_code, body.get("code", "unknown"), str(detail), body.get("errors") or [])

"""The emulated login.microsoftonline.com: discovery and the client-credentials token."""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.http_faults import misbehave_after, misbehave_before
from rehearsal.microsoft.behaviour import MicrosoftBehaviour
from rehearsal.world import World

_SCOPE = "https://graph.microsoft.com/.default"


class Tokens:
    """Access tokens in force, with the monotonic time at which each ends."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def issue(self, now: float, seconds: float) -> str:
        """A new token."""
        token = f"eyJ0eXAiOiJKV1QifQ.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(24)}"
        self._ends[token] = now + seconds
        return token

    def is_known(self, token: str) -> bool:
        """Whether it was issued, in force or not."""
        return token in self._ends

    def is_valid(self, token: str, now: float) -> bool:
        """Whether it is in force."""
        return now < self._ends.get(token, float("-inf"))

    def expire_all(self) -> None:
        """End every token now."""
        self._ends = dict.fromkeys(self._ends, float("-inf"))


class _Refusal(Exception):
    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}")
        self.status = status
        self.error = error
        self.number = number
        self.text = text


class LoginApi:
    """Handlers of the login address."""

    def __init__(self, world: World, behaviour: MicrosoftBehaviour, tokens: Tokens) -> None:
        self._world = world
        self._behaviour = behaviour
        self._tokens = tokens
        settings = world.settings
        self._tenant = settings.microsoft_tenant_id
        self._client = settings.microsoft_client_id
        self._secret = settings.microsoft_client_secret.get_secret_value()

    def routes(self) -> list[Route]:
        """The routes, for a Starlette app."""
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discover, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
        ]

    async def _discover(self, request: Request) -> Response:
        faults = self._world.faults.take_all("microsoft", "discover")
        if (answer := await misbehave_before(request, faults, _error_of_status)) is not None:
            return answer
        try:
            tenant = self._check_tenant(request)
        except _Refusal as refusal:
            return self._refuse(refusal)
        here = f"{request.url.scheme}://{request.headers['host']}/{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{here}/oauth2/v2.0/token",
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{here}/discovery/v2.0/keys",
                "issuer": f"{here}/v2.0",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "NA",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    async def _token(self, request: Request) -> Response:
        faults = self._world.faults.take_all("microsoft", "token")
        if (answer := await misbehave_before(request, faults, _error_of_status)) is not None:
            return answer
        try:
            self._check_tenant(request)
            async with request.form() as form:
                self._check(form)
        except _Refusal as refusal:
            return self._refuse(refusal)
        seconds = self._behaviour.token_seconds
        body = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._tokens.issue(self._world.clock.monotonic(), seconds),
        }
        return await misbehave_after(request, faults, JSONResponse(body, headers={"Cache-Control": "no-store"}))

    def _check_tenant(self, request: Request) -> str:
        tenant: str = request.path_params["tenant"]
        if tenant != self._tenant:
            raise _Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        return tenant

    def _check(self, form: Mapping[str, Any]) -> None:
        if form.get("grant_type") != "client_credentials":
            raise _Refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client = str(form.get("client_id", ""))
        if client != self._client:
            text = f"Application with identifier '{client}' was not found in the directory."
            raise _Refusal(400, "unauthorized_client", 700016, text)
        given = str(form.get("client_secret", ""))
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            raise _Refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if _SCOPE not in str(form.get("scope", "")).split():
            raise _Refusal(400, "invalid_scope", 70011, "The provided value for scope is not valid.")

    def _refuse(self, refusal: _Refusal) -> Response:
        trace, correlation = str(uuid4()), str(uuid4())
        stamp = f"{self._world.clock.now():%Y-%m-%d %H:%M:%SZ}"
        text = (
            f"AADSTS{refusal.number}: {refusal.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        )
        body = {
            "error": refusal.error,
            "error_description": text,
            "error_codes": [refusal.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return JSONResponse(body, refusal.status)


def _error_of_status(status: int, seconds: float) -> Response:
    headers = {"Retry-After": str(max(1, round(seconds)))} if status == 429 else {}
    return JSONResponse({"error": "temporarily_unavailable", "error_codes": [90033]}, status, headers=headers)

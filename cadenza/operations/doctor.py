"""`cadenza doctor`: looks at everything that a start would need, and says what to fix. It changes and dials nothing.

Each vendor is asked one cheap, authenticated question. Answers are judged by status code, never by their words, and
neither keys nor numbers are shown.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from temporalio.service import RPCError

from cadenza.operations.findings import Finding, Verdict
from cadenza.operations.number_key_check import number_key
from cadenza.operations.port_check import needed_ports
from cadenza.operations.processes import port_holder, port_is_free
from cadenza.operations.readiness import is_ready
from cadenza.operations.rules_check import calling_rules
from cadenza.operations.settings_check import problems_for_calling
from cadenza.settings import Settings
from cadenza.temporal.connection import connect

_PATIENCE_SECONDS = 10.0


async def examine(settings: Settings) -> list[Finding]:
    """Run every check; the vendors' at the same time."""
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
        vendors: list[Awaitable[Finding]] = [
            _twilio(settings, client),
            _assemblyai(settings, client),
            _openai(settings, client),
            _elevenlabs(settings, client),
            _calendly(settings, client),
            _microsoft(settings),
        ]
        reached = await asyncio.gather(_database(settings), number_key(settings), _temporal(settings), *vendors)
    return [
        *_settings(settings),
        *await asyncio.to_thread(calling_rules, settings),
        *await asyncio.to_thread(_ports, settings),
        *reached,
    ]


def _settings(settings: Settings) -> list[Finding]:
    problems = problems_for_calling(settings)
    if not problems:
        return [Finding("Settings", Verdict.GOOD, "complete for calling")]
    return [Finding(one.variable, Verdict.WRONG, one.problem, one.fix) for one in problems]


def _ports(settings: Settings) -> list[Finding]:
    if is_ready("api", settings.data_dir) and not port_is_free(settings.api_port):
        return [Finding("Ports", Verdict.GOOD, "in use by Cadenza, which is running")]
    findings = []
    for port, setting in needed_ports(settings, rehearsal=False).items():
        if not port_is_free(port):
            problem = f"port {port} is in use by {port_holder(port)}"
            findings.append(Finding(setting, Verdict.WRONG, problem, f"stop it or set {setting}"))
    return findings or [Finding("Ports", Verdict.GOOD, "free")]


async def _database(settings: Settings) -> Finding:
    if settings.database_url is None:
        return Finding("PostgreSQL", Verdict.GOOD, "embedded: starts with `cadenza up`")
    try:
        address = settings.database_url.get_secret_value()
        async with await psycopg.AsyncConnection.connect(address, connect_timeout=5) as connection:
            return Finding("PostgreSQL", Verdict.GOOD, f"version {connection.info.server_version // 10_000}")
    except psycopg.OperationalError as error:
        return Finding(
            "PostgreSQL", Verdict.WRONG, f"not reached ({type(error).__name__})", "check DATABASE_URL, and that it runs"
        )


async def _temporal(settings: Settings) -> Finding:
    if settings.temporal_address is None:
        return Finding("Temporal", Verdict.GOOD, "embedded: starts with `cadenza up`")
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            client = await connect(settings)
            await client.service_client.check_health()
        return Finding("Temporal", Verdict.GOOD, f"serving namespace {settings.temporal_namespace}")
    except (RPCError, RuntimeError, TimeoutError) as error:
        fix = "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_API_KEY"
        return Finding("Temporal", Verdict.WRONG, f"not reached ({type(error).__name__})", fix)


async def _ask(
    subject: str,
    variables: str,
    question: Callable[[], Awaitable[httpx.Response]],
    address: str,
    refusals: frozenset[int] = frozenset({401, 403}),
) -> Finding:
    """Judge one authenticated request. `variables` are the settings to look at when it fails."""
    try:
        reply = await question()
    except httpx.HTTPError as error:
        host = urlsplit(address).netloc
        return Finding(
            subject,
            Verdict.WRONG,
            f"{host} not reached ({type(error).__name__})",
            "check the network, proxy and certificates of this machine",
        )
    if reply.status_code in refusals:
        return Finding(subject, Verdict.WRONG, f"key refused ({reply.status_code})", f"check {variables}")
    if reply.status_code == 404:
        return Finding(subject, Verdict.WRONG, "not found (404)", f"check {variables} and the address")
    if reply.status_code >= 400:
        return Finding(
            subject, Verdict.WRONG, f"answered {reply.status_code}", "try again; see the vendor's status page"
        )
    return Finding(subject, Verdict.GOOD, "reached, key accepted")


def _not_set(subject: str, detail: str = "no key set") -> Finding:
    return Finding(subject, Verdict.SKIPPED, detail)


async def _twilio(settings: Settings, client: httpx.AsyncClient) -> Finding:
    account, token = settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()
    if not (account and token):
        return _not_set("Twilio")
    address = f"{settings.twilio_base_url}/2010-04-01/Accounts/{account}.json"
    variables = "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    return await _ask("Twilio", variables, lambda: client.get(address, auth=(account, token)), address)


async def _assemblyai(settings: Settings, client: httpx.AsyncClient) -> Finding:
    key = settings.assemblyai_api_key.get_secret_value()
    if not key:
        return _not_set("AssemblyAI")
    address = "http" + settings.assemblyai_streaming_url.removeprefix("ws") + "/v3/token?expires_in_seconds=60"
    return await _ask(
        "AssemblyAI", "ASSEMBLYAI_API_KEY", lambda: client.get(address, headers={"Authorization": key}), address
    )


async def _openai(settings: Settings, client: httpx.AsyncClient) -> Finding:
    key = settings.openai_api_key.get_secret_value()
    if not key:
        return _not_set("OpenAI")
    address = f"{settings.openai_base_url}/models"
    return await _ask(
        "OpenAI", "OPENAI_API_KEY", lambda: client.get(address, headers={"Authorization": f"Bearer {key}"}), address
    )


async def _elevenlabs(settings: Settings, client: httpx.AsyncClient) -> Finding:
    key = settings.elevenlabs_api_key.get_secret_value()
    if not key:
        return _not_set("ElevenLabs")
    address = f"{settings.elevenlabs_base_url}/v1/voices"
    return await _ask(
        "ElevenLabs", "ELEVENLABS_API_KEY", lambda: client.get(address, headers={"xi-api-key": key}), address
    )


async def _calendly(settings: Settings, client: httpx.AsyncClient) -> Finding:
    token = settings.calendly_token.get_secret_value()
    if not token:
        return _not_set("Calendly", "no token set: campaigns cannot book through Calendly")
    address = f"{settings.calendly_base_url}/users/me"
    return await _ask(
        "Calendly", "CALENDLY_TOKEN", lambda: client.get(address, headers={"Authorization": f"Bearer {token}"}), address
    )


async def _microsoft(settings: Settings) -> Finding:
    secret = settings.microsoft_client_secret.get_secret_value()
    if not (settings.microsoft_tenant_id and settings.microsoft_client_id and secret):
        return _not_set("Microsoft", "not set up: campaigns cannot book in Teams")
    address = f"{settings.microsoft_login_url}/{settings.microsoft_tenant_id}/oauth2/v2.0/token"
    variables = "MICROSOFT_TENANT_ID, MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET"
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.microsoft_client_id,
        "client_secret": secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    bundle = settings.microsoft_ca_bundle
    if bundle is not None and not bundle.exists():
        return Finding(
            "Microsoft", Verdict.WRONG, "certificate file not found", "check the path in MICROSOFT_CA_BUNDLE"
        )
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, verify=_trust(bundle)) as client:
        # An unknown tenant or application is a 400 at Microsoft.
        refusals = frozenset({400, 401, 403})
        return await _ask("Microsoft", variables, lambda: client.post(address, data=form), address, refusals)


def _trust(bundle: Path | None) -> bool | ssl.SSLContext:
    return True if bundle is None else ssl.create_default_context(cafile=str(bundle))

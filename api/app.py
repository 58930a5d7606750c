"""The application: parts put together, nothing running yet."""

from fastapi import Depends, FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline
from temporalio.client import Client

from api.authentication import authenticated
from api.context import ApiContext, account_id
from api.delivery import EventDelivery
from api.documentation import document_problems_and_examples
from api.middleware import BodyLimit, RequestLog
from api.orchestration import Orchestration
from api.problems import install_problem_handlers
from api.rate_limit import RateLimit
from api.routes import (
    account,
    appointments,
    audio,
    audit,
    caller_ids,
    calls,
    campaign_control,
    campaigns,
    health,
    keys,
    leads,
    messages,
    metrics,
    people,
    registers,
    reports,
    rules,
    suppressions,
    twilio,
    uploads,
)
from cadenza.calling_rules import rules_for
from cadenza.records.database import Database
from cadenza.records.rules_in_force import RulesInForce
from cadenza.settings import Settings
from cadenza.temporal.lead_client import LeadClient

_FORM_OVERHEAD = 100_000
"""Bytes that a form may add around a file of the largest size."""

_LARGEST_BODY = 2_000_000
"""Bytes of any other request."""

_TAGS = [
    {"name": "Campaigns", "description": "Make them, start, pause, resume and cancel them."},
    {"name": "Leads", "description": "Upload lead files; see where each lead is, and why it was not called."},
    {"name": "Calls", "description": "Outcomes, transcripts, recordings, latency and cost."},
    {"name": "Reports", "description": "What a campaign did, and what it does now."},
    {"name": "Appointments", "description": "Booked in calls."},
    {"name": "Suppressions", "description": "Numbers that no campaign calls."},
    {"name": "Rules", "description": "The calling rules: in force now, in force then, and changes to them."},
    {"name": "Registers", "description": "Do-not-call registers and reassigned numbers."},
    {"name": "People", "description": "What is known of a number, its erasure, and the evidence for a lead."},
    {"name": "Audit", "description": "Every decision and every change, in a log that can be verified."},
    {"name": "Account", "description": "The telephony account: limits, and all calling paused or resumed."},
    {"name": "Caller IDs", "description": "The numbers that calls are made from: pools, daily caps, health."},
    {"name": "API keys", "description": "Made, listed, revoked."},
    {"name": "Carrier", "description": "For Twilio: signed webhooks, and audio behind signed links."},
    {"name": "Health", "description": "For supervisors and load balancers."},
]
_DESCRIPTION = """\
Cadenza calls your leads, talks with them, leaves the voicemail and books the appointment.

**A campaign in four requests:** create it, upload leads, start it, read its progress or report.

**Keys.** Send `Authorization: Bearer cdz_...`. The first key is in the file `api_key` of the data folder.

**Errors** are RFC 9457 documents (`application/problem+json`) with a stable `code`, and `errors` that name the field
and the fix.

**Lists** answer with `items` and `next`; send `next` as `after` for the next page.
"""


def create_app(settings: Settings, database: Database, temporal: Client) -> FastAPI:
    """The API over these parts. Its background loops are started by the process (`api.server`), not here.

    Raises RulesRefused.
    """
    app = assemble_app(settings.max_upload_bytes)
    app.state.context = create_context(settings, database, temporal)
    return app


def create_context(settings: Settings, database: Database, temporal: Client) -> ApiContext:
    """What the routes work with. Raises RulesRefused."""
    orchestration = Orchestration(temporal, database, account_id(settings))
    return ApiContext(
        settings=settings,
        database=database,
        temporal=temporal,
        orchestration=orchestration,
        delivery=EventDelivery(database, LeadClient(temporal), orchestration),
        rate_limit=RateLimit(settings.api_rate_limit),
        rules=RulesInForce(rules_for(settings)),
    )


def assemble_app(max_upload_bytes: int) -> FastAPI:
    """Routes and middleware, as yet without a context: `app.state.context`."""
    app = FastAPIOffline(  # the pages' scripts come from the package: a closed network shows them too
        title="Cadenza",
        version="1.0.0",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=_LARGEST_BODY, file_limit_bytes=max_upload_bytes + _FORM_OVERHEAD)
    app.add_middleware(RequestLog)
    for module in (
        campaigns,
        campaign_control,
        reports,
        uploads,
        leads,
        calls,
        appointments,
        suppressions,
        registers,
        people,
        audit,
        rules,
        keys,
        account,
        caller_ids,
        metrics,
    ):
        app.include_router(module.router, dependencies=[Depends(authenticated)])
    for module in (twilio, messages, audio, health):
        app.include_router(module.router)
    document_problems_and_examples(app)

    @app.get("/", include_in_schema=False)
    async def show_the_docs() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app


def put_routes_together(app: FastAPI) -> None:
    """What FastAPI else leaves to the first request: 0.15 s of a processor, for which a callee would wait."""
    for route in app.routes:
        route.matches({"type": "http", "method": "GET", "path": "", "headers": []})

"""What every request may use: made once by the app factory, handed to routes as a dependency."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from temporalio.client import Client

from api.delivery import EventDelivery
from api.orchestration import Orchestration
from api.rate_limit import RateLimit
from cadenza.records.database import Database
from cadenza.records.rules_in_force import RulesInForce
from cadenza.settings import Settings

UPLOADS_AT_ONCE = 2
"""Lead files that a process reads at the same time: they cost time and memory. Others wait."""


@dataclass(frozen=True)
class ApiContext:
    """The process's parts."""

    settings: Settings
    database: Database
    temporal: Client
    orchestration: Orchestration
    delivery: EventDelivery
    rate_limit: RateLimit
    rules: RulesInForce
    upload_places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))

    @property
    def account_id(self) -> str:
        return account_id(self.settings)


def account_id(settings: Settings) -> str:
    """The telephony account's id in our tables."""
    return settings.twilio_account_sid or "default"


def context_of(request: Request) -> ApiContext:
    return cast(ApiContext, request.app.state.context)


Context = Annotated[ApiContext, Depends(context_of)]

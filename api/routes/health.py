"""Is it alive, and can it serve?"""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.context import ApiContext, Context
from api.problems import Problem
from api.routes.answers import errors
from api.schemas.problems import FieldError, ProblemCode

router = APIRouter(tags=["Health"])
CHECK_SECONDS = 3.0


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What the process needs can be reached."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "database": "ok", "temporal": "ok"}]})

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"
    temporal: Literal["ok"] = "ok"


@router.get("/health", summary="Is the process alive?", responses=errors(503))
async def health() -> Health:
    """Needs no key and asks nobody: for a supervisor that restarts what hangs."""
    return Health()


@router.get("/health/ready", summary="Can it serve?", responses=errors(503))
async def ready(context: Context) -> Readiness:
    """Needs no key. Asks the database and Temporal: for a load balancer. 503 names what cannot be reached."""
    database, temporal = await asyncio.gather(_database_answers(context), context.orchestration.is_reachable())
    broken = []
    if not database:
        broken.append(FieldError(field="database", message="PostgreSQL does not answer", fix="Check DATABASE_URL."))
    if not temporal:
        broken.append(FieldError(field="temporal", message="Temporal does not answer", fix="Check TEMPORAL_ADDRESS."))
    if broken:
        raise Problem(503, ProblemCode.NOT_READY, "Not ready to serve", errors=broken)
    return Readiness()


async def _database_answers(context: ApiContext) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS), context.database.transaction() as session:
            await session.execute(text("select 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
    return True

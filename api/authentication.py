"""Who is asking: `Authorization: Bearer cdz_...`."""

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import Context
from api.problems import Problem
from api.schemas.problems import ProblemCode
from cadenza.records.api_keys import PREFIX, find_key

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="API key",
    description="A key from POST /v1/api-keys; the first one is in the file `api_key` of the data folder",
)
MAX_KEY_LENGTH = 100


async def authenticated(
    context: Context, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> str:
    """The key's id, or the 401 problem; counts against the key's rate limit."""
    secret = credentials.credentials if credentials else ""
    if not secret.startswith(PREFIX) or len(secret) > MAX_KEY_LENGTH or not secret.isascii():
        raise _unauthorized("Send a key as `Authorization: Bearer cdz_...`.")
    async with context.database.transaction() as session:
        key = await find_key(session, secret)
    if key is None:
        raise _unauthorized("The key is not known, or it was revoked.")
    await context.rate_limit.take(key.id)
    return key.id


KeyId = Annotated[str, Depends(authenticated)]


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401, ProblemCode.UNAUTHORIZED, "An API key is needed", detail, headers={"WWW-Authenticate": "Bearer"}
    )

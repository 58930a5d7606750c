"""API keys."""

from fastapi import APIRouter

from api.authorship import Author
from api.context import Context
from api.problems import Problem, not_found
from api.routes.answers import guarded
from api.schemas.lists import ApiKeyIn, ApiKeyMade, ApiKeyOut
from api.schemas.pages import Page
from api.schemas.problems import ProblemCode
from cadenza.records.api_keys import add_key, count_valid_keys, get_key, list_keys, lock_keys, new_secret, revoke_key
from cadenza.records.audit import note_change

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"])


@router.post("", status_code=201, summary="Make a key", responses=guarded())
async def make(body: ApiKeyIn, context: Context, author: Author) -> ApiKeyMade:
    """The answer is the only place where the secret is ever shown: only its hash is kept."""
    secret = new_secret()
    async with context.database.transaction() as session:
        key = await add_key(session, body.name, secret)
        await note_change(session, "key.made", who=author.who, why=author.why, key=key.id)
    return ApiKeyMade.model_validate({**key.model_dump(), "key": secret})


@router.get("", summary="List keys", responses=guarded())
async def list_all(context: Context) -> Page[ApiKeyOut]:
    """Valid and revoked ones, without their secrets, on one page."""
    async with context.database.transaction() as session:
        return Page(items=[ApiKeyOut.model_validate(key) for key in await list_keys(session)])


@router.delete("/{key_id}", summary="Revoke a key", responses=guarded(404, 409))
async def revoke(key_id: str, context: Context, author: Author) -> ApiKeyOut:
    """From the next request on it opens nothing. The last valid key cannot be revoked: make another one first."""
    async with context.database.transaction() as session:
        await lock_keys(session)
        key = await get_key(session, key_id)
        if key is None:
            raise not_found("key", "GET /v1/api-keys lists them")
        if key.revoked_at is None and await count_valid_keys(session) == 1:
            raise Problem(
                409,
                ProblemCode.LAST_API_KEY,
                "This is the last valid key",
                "Make another key first: without one, nobody could use the API.",
            )
        await revoke_key(session, key_id)
        await note_change(session, "key.revoked", who=author.who, why=author.why, key=key_id)
        await session.refresh(key)
    return ApiKeyOut.model_validate(key)

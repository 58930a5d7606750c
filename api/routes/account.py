"""The telephony account: every campaign at once. Its breaker pauses it by itself, and tells why."""

from fastapi import APIRouter

from api.authorship import Author
from api.context import ApiContext, Context
from api.problems import not_found
from api.routes.answers import guarded
from api.schemas.account import AccountOut, PauseIn
from api.schemas.breakers import breaker_out
from cadenza.records.accounts import pause_account, read_account, resume_account
from cadenza.records.audit import note_change
from cadenza.records.breakers import read_breaker

router = APIRouter(prefix="/v1/account", tags=["Account"])


@router.get("", summary="Read the telephony account", responses=guarded(404))
async def read(context: Context) -> AccountOut:
    """Limits, lines in use, and why nobody is called if so."""
    return await _account(context)


@router.post("/pause", summary="Pause all calling", responses=guarded(404))
async def pause(body: PauseIn, context: Context, author: Author) -> AccountOut:
    """No campaign rings anybody from the next tick on (half a second); calls under way go on."""
    async with context.database.transaction() as session:
        await pause_account(session, context.account_id, body.reason)
        await note_change(session, "account.paused", who=author.who, why=author.why or body.reason)
    return await _account(context)


@router.post("/resume", summary="Resume calling", responses=guarded(404))
async def resume(context: Context, author: Author) -> AccountOut:
    """After a pause, or when what paused it has been put right: what ended before does not pause it again."""
    async with context.database.transaction() as session:
        await resume_account(session, context.account_id)
        await note_change(session, "account.resumed", who=author.who, why=author.why)
    return await _account(context)


async def _account(context: ApiContext) -> AccountOut:
    async with context.database.transaction() as session:
        account = await read_account(session, context.account_id)
        breaker = await read_breaker(session, context.account_id)
    if account is None:
        raise not_found("account", "it is made when the API starts")
    return AccountOut.model_validate({**vars(account), "breaker": breaker_out(breaker)})

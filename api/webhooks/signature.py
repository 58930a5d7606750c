"""Only Twilio may call the webhooks: every request is signed with the account's auth token."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.datastructures import FormData
from twilio.request_validator import RequestValidator

from api.context import Context
from api.problems import Problem
from api.schemas.problems import ProblemCode

MAX_BODY_BYTES = 100_000


async def signed_form(request: Request, context: Context) -> FormData:
    """The callback's fields, or the 403 problem.

    The signed address is the public one as Twilio knows it (PUBLIC_BASE_URL), not what a proxy made of it. Empty values
    are signed too, so they are kept.
    """
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise Problem(413, ProblemCode.TOO_LARGE, "The request is too large")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        pairs = []
    form = FormData([*pairs])
    token = context.settings.twilio_auth_token.get_secret_value()
    signature = request.headers.get("x-twilio-signature", "")
    if (
        not token
        or not signature
        or not RequestValidator(token).validate(_public_url(request, context), form, signature)
    ):
        raise Problem(
            403,
            ProblemCode.BAD_SIGNATURE,
            "The signature does not match",
            "The request is not signed by Twilio for this address. Check TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL.",
        )
    return form


SignedForm = Annotated[FormData, Depends(signed_form)]


def _public_url(request: Request, context: Context) -> str:
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    path = raw_path.decode("ascii", "replace").partition("?")[0]
    query = request.scope.get("query_string", b"").decode("ascii", "replace")
    return f"{context.settings.public_base_url}{path}" + (f"?{query}" if query else "")

"""Rendered speech for the carrier, behind signed links that expire."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.context import Context
from api.problems import Problem, not_found
from api.routes.answers import errors
from api.schemas.problems import ProblemCode
from api.wav import mulaw_wav
from cadenza.domain.stream_token import InvalidToken, verify_token
from cadenza.records.tables import RenderedAudio

router = APIRouter(tags=["Carrier"])


@router.get(
    "/audio/{key}.wav",
    summary="Rendered speech",
    response_class=Response,
    responses={
        **errors(403, 404, 422),
        200: {
            "description": "mu-law, 8 kHz, mono",
            "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def audio(
    key: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    context: Context,
    token: Annotated[str, Query(max_length=200, description="Signed for this very file")] = "",
) -> Response:
    """The voicemail message that the carrier plays. Links are made by Cadenza and live for minutes."""
    try:
        verify_token(context.settings.signing_secret.get_secret_value(), f"audio:{key}", token, time.time())
    except InvalidToken as error:
        raise Problem(
            403, ProblemCode.BAD_TOKEN, "The link is not valid", f"Its token is {error.error.value.replace('_', ' ')}."
        ) from None
    async with context.database.transaction() as session:
        found = await session.get(RenderedAudio, key)
    if found is None:
        raise not_found("audio", "it is rendered when its campaign is started")
    return Response(mulaw_wav(found.audio), media_type="audio/wav", headers={"Cache-Control": "private, max-age=300"})

"""The instructions that the carrier gets for a call."""

from twilio.twiml.voice_response import Connect, VoiceResponse

from cadenza.domain.stream_token import sign_token
from cadenza.settings import Settings


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def connect_to_bridge(settings: Settings, attempt_id: str, now: float, *, pause_seconds: int = 0) -> str:
    """Open the media stream to a voice bridge, and come back when it closes.

    The token lets exactly this attempt's stream in, for a short time. `pause_seconds`: before connecting again.
    """
    expires = int(now) + pause_seconds + settings.stream_token_seconds
    token = sign_token(settings.signing_secret.get_secret_value(), f"stream:{attempt_id}", expires)
    webhooks = f"{settings.public_base_url}/webhooks/twilio"
    response = VoiceResponse()
    if pause_seconds:
        response.pause(length=pause_seconds)
    connect = Connect()
    stream = connect.stream(
        url=f"{settings.bridge_public_url}/media",
        status_callback=f"{webhooks}/stream?attempt={attempt_id}",
        status_callback_method="POST",
    )
    stream.parameter(name="attempt", value=attempt_id)
    stream.parameter(name="token", value=token)
    response.append(connect)
    response.redirect(f"{webhooks}/after-stream?attempt={attempt_id}", method="POST")
    return str(response)

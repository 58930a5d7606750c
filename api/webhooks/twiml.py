"""The instructions that the carrier gets for a call."""

from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from cadenza.domain.policy import CampaignPolicy
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


def dial_target(
    settings: Settings, attempt_id: str, position: int, *, phone: str, caller_id: str, policy: CampaignPolicy
) -> str:
    """Connect the callee to a transfer's target, and come back with how that went.

    The caller ID is the number that the callee was called from: carriers take no other without more ado.
    """
    webhooks = f"{settings.public_base_url}/webhooks/twilio"
    query = f"attempt={attempt_id}&transfer={position}"
    response = VoiceResponse()
    dial = Dial(
        action=f"{webhooks}/after-transfer?{query}",
        method="POST",
        timeout=policy.transfer_ring_seconds,
        time_limit=policy.max_transfer_seconds,
        caller_id=caller_id,
        answer_on_bridge=True,
    )
    dial.number(
        phone,
        status_callback=f"{webhooks}/transfer?{query}",
        status_callback_method="POST",
        status_callback_event="ringing answered completed",
    )
    response.append(dial)
    return str(response)

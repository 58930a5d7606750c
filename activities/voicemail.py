"""The voicemail message as instructions for the carrier."""

from xml.sax.saxutils import escape

from activities.callback_urls import CallbackUrls
from cadenza.domain.audio_key import audio_key
from cadenza.domain.stream_token import sign_token
from cadenza.records.call_context import CallContext
from cadenza.settings import Settings

LINK_SECONDS = 300
"""Life of the link to the audio: the carrier fetches it at once."""


def message_text(call: CallContext, settings: Settings) -> str:
    caller_id = call.caller_id or settings.twilio_from_number
    return call.script.say(
        call.script.voicemail,
        first_name=call.first_name,
        company=call.company,
        caller_id=caller_id,
        custom=call.custom,
    )


def message_key(call: CallContext, settings: Settings) -> str:
    """Name of the rendered message."""
    voice = call.policy.voice_id or settings.elevenlabs_voice_id
    return audio_key(voice, settings.elevenlabs_model, message_text(call, settings))


def message_twiml(call: CallContext, settings: Settings, *, rendered: bool, now: float) -> str:
    """Play the message, then come back: the request for more is the proof that it was played to its end.

    Where the message was not rendered, the carrier's own voice reads it: a plain message is better than none.
    """
    urls = CallbackUrls(settings.public_base_url, call.attempt_id)
    if rendered:
        key = message_key(call, settings)
        token = sign_token(settings.signing_secret.get_secret_value(), f"audio:{key}", int(now) + LINK_SECONDS)
        verb = f"<Play>{escape(urls.audio(key, token))}</Play>"
    else:
        verb = f"<Say>{escape(message_text(call, settings))}</Say>"
    return f'<Response>{verb}<Redirect method="POST">{escape(urls.voicemail_played)}</Redirect></Response>'

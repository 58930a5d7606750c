"""The settings' prices, as the report's arithmetic takes them."""

from cadenza.domain.reporting import Prices
from cadenza.settings import Settings


def prices(settings: Settings) -> Prices:
    return Prices(
        telephony_minute=settings.cost_telephony_minute,
        machine_detection_call=settings.cost_machine_detection_call,
        listening_minute=settings.cost_listening_minute,
        thinking_million_tokens=settings.cost_thinking_million_tokens,
        speaking_thousand_characters=settings.cost_speaking_thousand_characters,
    )

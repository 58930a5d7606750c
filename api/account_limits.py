"""The account's own limits, from the settings."""

from cadenza.domain.breakers import BreakerLimits
from cadenza.settings import Settings


def account_breakers(settings: Settings) -> BreakerLimits:
    """When all calling stops by itself. The burst of abandoned calls is switched off with the abandoned calls."""
    limits = BreakerLimits(
        carrier_fault_share=settings.breaker_carrier_fault_share,
        abandoned_share=settings.breaker_abandoned_share,
        opt_out_share=settings.breaker_opt_out_share,
    )
    return limits if limits.abandoned_share else limits.model_copy(update={"abandoned_burst_share": 0.0})

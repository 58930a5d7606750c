"""When campaigns were told to ring nobody. Pure."""

from datetime import datetime

from cadenza.domain.judge_facts import Stop, StopKind


class StopLog:
    """Pauses and cancels as they were confirmed by the API."""

    def __init__(self) -> None:
        self._stops: dict[str, list[Stop]] = {}

    def paused(self, campaign_id: str, at: datetime) -> None:
        self._stops.setdefault(campaign_id, []).append(Stop(kind=StopKind.PAUSED, at=at))

    def resumed(self, campaign_id: str, at: datetime) -> None:
        """`at` is when resuming was asked for: a ring may follow before the API's answer is here."""
        stops = self._stops[campaign_id]
        stops[-1] = stops[-1].model_copy(update={"until": at})

    def cancelled(self, campaign_id: str, at: datetime) -> None:
        self._stops.setdefault(campaign_id, []).append(Stop(kind=StopKind.CANCELLED, at=at))

    def of(self, campaign_id: str) -> list[Stop]:
        return list(self._stops.get(campaign_id, ()))

    def is_paused(self, at: datetime) -> bool:
        """Whether any campaign was held back at that moment."""
        return any(
            stop.kind is StopKind.PAUSED and stop.at <= at and (stop.until is None or at < stop.until)
            for stops in self._stops.values()
            for stop in stops
        )

"""Figures for a monitoring system, in Prometheus' text format."""

from collections import Counter
from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from api.context import Context
from api.routes.answers import guarded
from cadenza.domain.breakers import BreakerRule
from cadenza.domain.caller_ids import RestRule
from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES, CampaignState, LeadState
from cadenza.records.caller_ids import CallerIdHealth, count_by_state
from cadenza.records.metrics import Figures, read_figures
from cadenza.records.sweeper import SweepKind

router = APIRouter(tags=["Health"])

BRIDGE_STATES = ("serving", "draining", "deaf")
CALLER_ID_STATES = ("active", "resting", "paused")


@router.get(
    "/metrics",
    summary="Figures for monitoring",
    response_class=Response,
    responses={**guarded(), 200: {"description": "Prometheus text", "content": {"text/plain": {}}}},
)
async def metrics(context: Context) -> Response:
    """Prometheus' text format, with the API key as bearer token. From the records: every API process tells the same."""
    async with context.database.transaction() as session:
        figures = await read_figures(session, context.account_id)
    registry = CollectorRegistry()
    registry.register(_Families(figures))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Families(Collector):
    """The figures as metrics. States, kinds and rules that did not occur are told as 0."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        found = self._figures
        yield _by("campaigns", "Campaigns by state", "state", found.campaigns, CampaignState)
        yield _by("leads", "Leads of unfinished campaigns by state", "state", found.leads, LeadState)
        yield _one("lead_oldest_due_seconds", "How long the lead that waits longest has been due", found.oldest_due)
        yield _by("attempts_open", "Attempts under way by state", "state", found.attempts_open, OPEN_ATTEMPT_STATES)
        yield _one("lines_in_use", "Lines that attempts hold", found.lines_in_use)
        yield _one("lines_free", "Lines of the account that are free", max(0, found.max_lines - found.lines_in_use))
        yield _one("admission_tick_age_seconds", "Since the dialer's last tick", found.tick_age)
        yield _by("bridges", "Voice bridges that live, by state", "state", found.bridges, BRIDGE_STATES)
        yield _one("bridge_room", "Conversations that the bridges can still take", found.bridge_room)
        yield _one("webhooks_undelivered", "The carrier's webhooks that wait for delivery", found.webhooks_undelivered)
        yield _one("webhooks_undelivered_oldest_seconds", "The oldest of them", found.webhooks_oldest)
        yield from self._caller_ids()
        yield from self._breakers()
        yield _total(
            "leads_swept", "Leads that were stuck and were repaired: should be 0", "kind", found.swept, SweepKind
        )

    def _caller_ids(self) -> Iterator[Metric]:
        """Without the numbers: GET /v1/caller-ids has them."""
        numbers = self._figures.caller_ids
        yield _by("caller_ids", "Caller IDs of the pools by state", "state", count_by_state(numbers), CALLER_ID_STATES)
        room = sum(max(0, one.row.daily_cap - one.calls_today) for one in numbers if one.may_call)
        yield _one("caller_id_room", "Calls that the pools' daily caps still allow", room)
        yield _by("caller_ids_resting", "Caller IDs that rest, by rule", "rule", _resting(numbers), RestRule)

    def _breakers(self) -> Iterator[Metric]:
        held = GaugeMetricFamily(
            "cadenza_breaker_held",
            "Circuit breakers that stop calls; the account's has no campaign",
            labels=("campaign", "rule", "state"),
        )
        for breaker in self._figures.breakers:
            held.add_metric((breaker.campaign_id or "", breaker.rule, breaker.state), 1)
        yield held
        yield _total("breaker_trips", "Times that a breaker opened", "rule", self._figures.trips, BreakerRule)


def _resting(numbers: Iterable[CallerIdHealth]) -> dict[str, int]:
    return Counter(one.row.rest_rule for one in numbers if one.rests and one.row.rest_rule)


def _one(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"cadenza_{name}", help_text, value=value)


def _by(name: str, help_text: str, label: str, counts: dict[str, int], known: Iterable[str]) -> Metric:
    family = GaugeMetricFamily(f"cadenza_{name}", help_text, labels=(label,))
    for value, number in ({str(one): 0 for one in known} | counts).items():
        family.add_metric((value,), number)
    return family


def _total(name: str, help_text: str, label: str, counts: dict[str, int], known: Iterable[str]) -> Metric:
    family = CounterMetricFamily(f"cadenza_{name}", help_text, labels=(label,))
    for value, number in ({str(one): 0 for one in known} | counts).items():
        family.add_metric((value,), number)
    return family

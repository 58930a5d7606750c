"""The misfortunes of a run are drawn from its seed alone, and a whole deck holds every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.operations.chaos.schedule import (
    KILLS,
    LEASE_SECONDS,
    Card,
    Dealt,
    Misfortune,
    Target,
    deal,
    full_deck,
    is_due,
    kill,
)

SEEDS = st.integers(min_value=0, max_value=10_000)
KILL_COUNTS = st.integers(min_value=0, max_value=60)


@given(seed=SEEDS, kills=KILL_COUNTS)
def test_one_seed_deals_the_same_cards_at_the_same_times(seed: int, kills: int) -> None:
    assert deal(seed, kills=kills) == deal(seed, kills=kills)


def test_two_seeds_deal_in_another_order() -> None:
    assert [dealt.card for dealt in deal(1, kills=14)] != [dealt.card for dealt in deal(2, kills=14)]


@given(seed=SEEDS, kills=KILL_COUNTS)
def test_exactly_the_wanted_deaths_are_dealt_and_every_other_misfortune_at_least_once(seed: int, kills: int) -> None:
    cards = [dealt.card for dealt in deal(seed, kills=kills)]
    assert sum(card.kind is Misfortune.KILL for card in cards) == kills
    assert {card.name for card in full_deck() if card.kind is not Misfortune.KILL} <= {card.name for card in cards}


@given(seed=SEEDS)
def test_a_whole_deck_kills_every_process(seed: int) -> None:
    dealt = deal(seed, kills=sum(KILLS.values()))
    assert {card.card.target for card in dealt if card.card.kind is Misfortune.KILL} == set(Target)


def test_a_deck_without_deaths_cannot_deal_any() -> None:
    with pytest.raises(ValueError, match="no death"):
        deal(1, kills=1, deck=[Card(Misfortune.FAULT, "a fault")])
    assert deal(1, kills=0, deck=[]) == []


@given(seed=SEEDS)
def test_gaps_are_those_that_were_asked_for(seed: int) -> None:
    for dealt in deal(seed, kills=20, gap=(2.0, 3.0)):
        longest = 1.0 if dealt.card.kind is Misfortune.FAULT else 3.0
        assert 0 < dealt.after <= longest


def test_a_freeze_of_the_worker_outlasts_the_lease() -> None:
    frozen = [card.seconds for card in full_deck() if card.kind is Misfortune.FREEZE and card.target is Target.WORKER]
    assert max(frozen) > LEASE_SECONDS + 1


@pytest.mark.parametrize(
    ("waited", "played", "progress", "due"),
    [
        (5.0, 9, 0.0, True),  # its time has come, however slow the campaign is
        (4.9, 0, 0.0, False),  # the campaign has not begun to finish
        (4.9, 6, 0.5, False),  # further than the campaign
        (1.0, 9, 0.85, True),  # the last ones take long: by now every card should be out
        (1.0, 4, 0.5, True),  # behind the campaign
        (0.9, 4, 1.0, False),  # behind, and the last one still shows
    ],
)
def test_a_card_is_due_in_its_time_or_when_the_campaign_is_ahead(
    waited: float, played: int, progress: float, due: bool
) -> None:
    dealt = Dealt(5.0, kill(Target.WORKER))
    assert is_due(dealt, waited=waited, played=played, of=10, progress=progress) is due

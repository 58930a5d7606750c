"""A conversation with turn-taking at the moments where most tests begin."""

import pytest

from tests.voice_bridge.talk import Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.fixture
def greeted() -> Talk:
    talk = Talk()
    talk.greet()
    return talk


@pytest.fixture
def agent_speaking(greeted: Talk) -> Talk:
    """The callee answered, and the agent is in the middle of its reply."""
    greeted.turn("Yes, speaking.")
    greeted.agent_starts(4000)
    greeted.wait(500)
    return greeted


@pytest.fixture
def known(greeted: Talk) -> Talk:
    """A person has spoken and was answered: the floor is theirs."""
    greeted.turn("Yes, speaking.")
    greeted.reply()
    return greeted

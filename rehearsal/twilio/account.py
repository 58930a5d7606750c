"""What the parts of the emulated account share while calls run."""

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.twilio.behaviour import TwilioBehaviour
from rehearsal.twilio.callbacks import Callbacks
from rehearsal.twilio.pacing import Pacer
from rehearsal.twilio.webhooks import Webhooks
from rehearsal.world import World


@dataclass(frozen=True)
class Account:
    """The one account of the emulator."""

    sid: str
    auth_token: str
    world: World
    behaviour: TwilioBehaviour
    webhooks: Webhooks
    callbacks: Callbacks
    pacer: Pacer
    new_sid: Callable[[str], str]
    """Makes a SID with the given two letters."""

"""<Dial><Number>: the carrier rings somebody else for a live call and puts the two together.

The dialled party is its own call at the carrier, with a SID of its own. In the log its events have names of their own,
so that nobody takes them for a ring of the callee.
"""

import asyncio
from random import Random
from typing import TYPE_CHECKING

from rehearsal.people.characters import Memory, Pickup, receive
from rehearsal.speech.voices import MACHINE
from rehearsal.twilio.account import Account
from rehearsal.twilio.call import Address, Call
from rehearsal.twilio.callbacks import dialled_fields
from rehearsal.twilio.line import Clip, Line
from rehearsal.twilio.twiml import Dial

if TYPE_CHECKING:
    from collections.abc import Callable

_DIAL_SECONDS = (0.1, 0.3)
_REFUSAL_SECONDS = (0.3, 0.8)
_GREETING = "Hello, you are through to the team. Thank you for waiting, I will take it from here."


class DialledParty:
    """One target of one <Dial>. `run` returns the fields of the action's request."""

    def __init__(self, account: Account, call: Call, line: Line, verb: Dial, absolute: "Callable[[str], str]") -> None:
        self._account = account
        self._call = call
        self._line = line
        self._verb = verb
        self._absolute = absolute
        self.sid = account.new_sid("CA")
        self._sequence = 0

    async def run(self) -> dict[str, str]:
        """Ring, talk, end. Cancelled where the callee hangs up or the call gets other instructions."""
        world = self._account.world
        memory: Memory = world.numbers.setdefault(self._verb.number, Memory())
        reception = receive(self._verb.number, memory)
        random = world.random("dial", self._verb.number, memory.rung)
        memory.rung += 1
        self._truth("transfer_dialled", caller_id=self._verb.caller_id or self._call.request.from_)
        self._report("initiated")
        status, seconds = "canceled", 0
        try:
            status = await self._ring(reception.pickup, random)
            if status == "completed":
                memory.answered += 1
                began = asyncio.get_running_loop().time()
                await self._talk()
                seconds = round(asyncio.get_running_loop().time() - began)
        finally:
            self._truth("transfer_ended", status=status, seconds=seconds)
            self._report("completed", status, seconds)
        fields = {"DialCallStatus": status, "DialCallSid": self.sid, "DialBridged": str(status == "completed").lower()}
        return fields | ({"DialCallDuration": str(seconds)} if status == "completed" else {})

    async def _ring(self, pickup: Pickup, random: Random) -> str:
        behaviour = self._account.behaviour
        await asyncio.sleep(random.uniform(*_DIAL_SECONDS))
        if pickup is Pickup.NOT_IN_SERVICE:
            await asyncio.sleep(random.uniform(*_REFUSAL_SECONDS))
            return "failed"
        self._truth("transfer_ringing")
        self._report("ringing")
        if pickup is Pickup.BUSY:
            await asyncio.sleep(random.uniform(*_REFUSAL_SECONDS))
            return "busy"
        rings = random.uniform(behaviour.shortest_ring_seconds, behaviour.longest_ring_seconds)
        if pickup is Pickup.RINGS_OUT or rings > self._verb.timeout:
            await asyncio.sleep(self._verb.timeout)
            return "no-answer"
        await asyncio.sleep(rings)
        return "completed"

    async def _talk(self) -> None:
        """The target says its words to the callee, and leaves."""
        self._truth("transfer_answered")
        self._report("answered")
        spoken = await asyncio.to_thread(self._account.world.studio.synthesize, _GREETING, MACHINE)
        said = asyncio.Event()
        self._line.source = Clip(bytes(spoken.audio), said.set)
        try:
            async with asyncio.timeout(self._verb.time_limit):
                await said.wait()
                await asyncio.sleep(self._account.behaviour.transfer_talk_seconds)
        except TimeoutError:
            self._truth("transfer_cut", after=self._verb.time_limit)
        finally:
            self._line.source = None

    def _report(self, event: str, status: str = "", seconds: int = 0) -> None:
        """The status callback of the dialled call."""
        if not self._verb.status_callback or event not in self._verb.status_events:
            return
        fields = dialled_fields(self._call, self.sid, self._verb.number, event, status, seconds, self._sequence)
        self._sequence += 1
        address = Address(self._absolute(self._verb.status_callback), self._verb.status_callback_method)
        self._account.callbacks.dialled(self._call, address, fields, event)

    def _truth(self, kind: str, **facts: object) -> None:
        self._account.world.truth.append(
            kind, call_sid=self._call.sid, to=self._call.to, target=self._verb.number, dial_call_sid=self.sid, **facts
        )

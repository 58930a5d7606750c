"""The telephone exchange of the account: takes calls in, queues them at the account's rate, runs them."""

import asyncio
import contextlib
from collections import deque
from datetime import datetime

from rehearsal.twilio.account import Account
from rehearsal.twilio.call import Call, CallRequest, CallStatus, Instructions
from rehearsal.twilio.call_run import CallRun
from rehearsal.twilio.errors import Code, TwilioError

_PATIENCE = 2.0  # seconds that running calls get to end when the exchange stops


class Exchange:
    """All calls of the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._calls: dict[str, Call] = account.world.calls
        self._queue: deque[Call] = deque()
        self._queued = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._next_start = 0.0

    def place(self, request: CallRequest, hidden_seconds: float = 0.0, *, asked: datetime | None = None) -> Call:
        """Take a call in. It stays out of lists for the account's usual delay plus `hidden_seconds`. `asked`: when the
        request arrived, if that was earlier.

        Raises TwilioError 10004 when the account has as many calls as it may.
        """
        world, behaviour = self._account.world, self._account.behaviour
        limit = behaviour.concurrency_limit
        if limit is not None and sum(not call.status.ended for call in self._calls.values()) >= limit:
            raise TwilioError(Code.CONCURRENCY_LIMIT)
        now = world.clock.now()
        delay = behaviour.list_delay_seconds + hidden_seconds
        call = Call(
            sid=self._account.new_sid("CA"),
            account_sid=self._account.sid,
            request=request,
            created=now,
            updated=now,
            queue_milliseconds=round(len(self._queue) / behaviour.calls_per_second * 1000),
            visible_from=world.clock.monotonic() + delay,
            errors=list(request.warnings),
        )
        self._calls[call.sid] = call
        self._queue.append(call)
        answer_url = request.answer.url if request.answer else None
        asked_at = (asked or now).isoformat()
        world.truth.append("placed", call_sid=call.sid, to=call.to, answer_url=answer_url, asked_at=asked_at)
        self._queued.set()
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch(), name="dispatcher")
        return call

    def find(self, sid: str) -> Call:
        """The call. Raises TwilioError 20404."""
        call = self._calls.get(sid)
        if call is None:
            raise TwilioError(
                Code.NOT_FOUND,
                f"The requested resource /2010-04-01/Accounts/{self._account.sid}/Calls/{sid}.json was not found",
            )
        return call

    def update(self, call: Call, status: str, instructions: Instructions | None) -> None:
        """Cancel, complete or redirect a call. Raises TwilioError 21220 when its state does not allow that."""
        if call.status.ended or call.ending.is_set():
            raise TwilioError(Code.INVALID_CALL_STATE)
        if status == "canceled" and call.status is CallStatus.IN_PROGRESS:
            raise TwilioError(Code.INVALID_CALL_STATE, "Call is in-progress. Cannot cancel.")
        if status in {"canceled", "completed"}:
            if call.dialled:
                call.end("the REST API")
            else:
                self._cancel_queued(call)
            return
        if instructions is not None:
            if call.status is not CallStatus.IN_PROGRESS:
                raise TwilioError(Code.INVALID_CALL_STATE)
            call.redirect = instructions
            call.redirected.set()
            self._account.world.truth.append("redirected", call_sid=call.sid, to=call.to)

    def delete(self, call: Call) -> None:
        """Remove the record of an ended call. Raises TwilioError 20009."""
        if not call.status.ended:
            raise TwilioError(Code.NOT_COMPLETE)
        del self._calls[call.sid]

    def visible(self) -> list[Call]:
        """Calls that a list shows by now, the newest first."""
        now = self._account.world.clock.monotonic()
        return [call for call in reversed(self._calls.values()) if call.visible_from <= now]

    async def reset(self) -> None:
        """End every call without further callbacks being waited for, and forget all of them."""
        await self.stop()
        self._calls.clear()

    async def stop(self) -> None:
        """End every call; those that do not end in time are cut."""
        self._queue.clear()
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._dispatcher
            self._dispatcher = None
        for call in self._calls.values():
            call.end("the end of the rehearsal")
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _cancel_queued(self, call: Call) -> None:
        """A call canceled while queued is never dialled, and no callback tells of it."""
        now = self._account.world.clock.now()
        with contextlib.suppress(ValueError):
            self._queue.remove(call)
        call.status = CallStatus.CANCELED
        call.ended = call.updated = now
        call.end("the REST API")
        self._account.world.truth.append(
            "ended", call_sid=call.sid, to=call.to, status="canceled", seconds=0, by="the REST API"
        )

    async def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._queue:
                self._queued.clear()
                await self._queued.wait()
            if (wait := self._next_start - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not self._queue:
                continue
            call = self._queue.popleft()
            self._next_start = loop.time() + 1 / self._account.behaviour.calls_per_second
            task = asyncio.create_task(CallRun(self._account, call).run(), name="call")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

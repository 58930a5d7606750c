"""Runs a call's TwiML: fetches documents, plays their verbs on the line, survives their failures."""

import asyncio
import contextlib
from collections.abc import Mapping
from urllib.parse import urljoin

from rehearsal.twilio import twiml
from rehearsal.twilio.account import Account
from rehearsal.twilio.audio import AudioFileError, read_audio
from rehearsal.twilio.call import Address, Call, Instructions
from rehearsal.twilio.callbacks import call_fields
from rehearsal.twilio.dialling import DialledParty
from rehearsal.twilio.errors import Code
from rehearsal.twilio.line import Clip, Line
from rehearsal.twilio.media_stream import MediaStream, StreamEnd
from rehearsal.twilio.signature import sign
from rehearsal.twilio.webhooks import WebhookError

_APOLOGY = "We're sorry, an application error has occurred. Goodbye."
_XML_TYPES = {"text/xml", "application/xml", "text/html"}
_MOST_REDIRECTS = 20


class DocumentRunner:
    """Runs the documents of one call until none is left."""

    def __init__(self, account: Account, call: Call, line: Line) -> None:
        self._account = account
        self._call = call
        self._line = line
        self._base = call.request.answer.url if call.request.answer else ""

    async def run(self, first: Instructions, fields: Mapping[str, str]) -> None:
        """Run `first` and whatever it or an update of the call leads to; `fields` go with the first fetch."""
        call = self._call
        following: Instructions | None = first
        rounds = 0
        while following is not None and rounds < _MOST_REDIRECTS:
            call.redirected.clear()
            running = asyncio.create_task(self._run_one(following, fields))
            redirected = asyncio.create_task(call.redirected.wait())
            try:
                await asyncio.wait({running, redirected}, return_when=asyncio.FIRST_COMPLETED)
                if call.redirected.is_set():
                    following, rounds = call.redirect, 0
                else:
                    following, rounds = await running, rounds + 1
            finally:
                await _cancel(running, redirected)
            fields = following.fields if following is not None else {}

    async def _run_one(self, instructions: Instructions, fields: Mapping[str, str]) -> Instructions | None:
        """Run one document; returns what it redirects to."""
        verbs = await self._load(instructions, fields)
        if verbs is None:
            await self._say(twiml.Say(_APOLOGY))
            return None
        for verb in verbs:
            match verb:
                case twiml.ConnectStream():
                    await self._stream(verb)
                    if verb.action:
                        return Instructions(Address(self._absolute(verb.action)), None)
                case twiml.Dial():
                    ended = await DialledParty(self._account, self._call, self._line, verb, self._absolute).run()
                    if verb.action:
                        return Instructions(Address(self._absolute(verb.action), verb.method), None, ended)
                case twiml.Play():
                    await self._play_file(verb)
                case twiml.Say():
                    await self._say(verb)
                case twiml.Pause(length):
                    await asyncio.sleep(length)
                case twiml.Redirect(url, method):
                    return Instructions(Address(self._absolute(url), method), None)
                case twiml.Hangup():
                    return None
        return None

    async def _load(self, instructions: Instructions, fields: Mapping[str, str]) -> list[twiml.Verb] | None:
        """The verbs, from the fallback when the document cannot be had; None when nothing can be run."""
        error: Code
        try:
            return await self._fetch_and_parse(instructions, fields)
        except WebhookError:
            error = Code.HTTP_RETRIEVAL_FAILURE
        except twiml.TwimlError as problem:
            error = problem.code
        self._record(error)
        fallback = self._call.request.fallback
        if fallback is None or instructions.address is None:
            return None
        extra = {**fields, "ErrorCode": str(int(error)), "ErrorUrl": instructions.address.url}
        try:
            return await self._fetch_and_parse(Instructions(fallback, None), extra)
        except WebhookError:
            self._record(Code.HTTP_RETRIEVAL_FAILURE)
        except twiml.TwimlError as problem:
            self._record(problem.code)
        return None

    async def _fetch_and_parse(self, instructions: Instructions, fields: Mapping[str, str]) -> list[twiml.Verb]:
        if instructions.address is None:
            return twiml.parse(instructions.twiml or "")
        fault = self._account.world.faults.take("twilio", "twiml_fetch", to=self._call.to)
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            raise WebhookError(None, "the fetch failed by order")
        self._base = instructions.address.url
        response = await self._account.webhooks.fetch(instructions.address, {**call_fields(self._call), **fields})
        content_type = response.headers.get("content-type", "").partition(";")[0].strip()
        if content_type not in _XML_TYPES:
            raise twiml.TwimlError(Code.INVALID_CONTENT_TYPE, f"content type {content_type}")
        return twiml.parse(response.text)

    async def _stream(self, verb: twiml.ConnectStream) -> None:
        account, call = self._account, self._call
        stream = MediaStream(
            account.new_sid("MZ"),
            account.sid,
            call.sid,
            verb,
            signature=sign(account.auth_token, verb.url.partition("?")[0]),
            warn=self._record,
            fault=account.world.faults.take("twilio", "media_stream", to=call.to),
            network_seconds=account.behaviour.network_seconds,
        )
        if not await stream.open():
            self._stream_event(verb, stream, "stream-error")
            await self._after_failure()
            return
        call.stream_sid = stream.sid
        account.world.truth.append("stream_started", call_sid=call.sid, to=call.to, stream_sid=stream.sid)
        self._stream_event(verb, stream, "stream-started")
        self._line.source = stream
        self._line.listeners.append(stream)
        end = StreamEnd.CALL_MOVED_ON
        try:
            end = await stream.wait()
        finally:
            self._line.source = None
            self._line.listeners.remove(stream)
            stream.move_on()
            broke = end is StreamEnd.SERVER_BROKE
            account.world.truth.append(
                "stream_ended", call_sid=call.sid, to=call.to, stream_sid=stream.sid, why=end.name.lower()
            )
            self._stream_event(verb, stream, "stream-error" if broke else "stream-stopped")
        if broke:
            await self._after_failure()

    async def _after_failure(self) -> None:
        """To the next verb after a while; or the call stays where it is, until it is updated or ends."""
        behaviour = self._account.behaviour
        if not behaviour.goes_on_after_broken_stream:
            await asyncio.Event().wait()
        await asyncio.sleep(behaviour.stream_failure_pause_seconds)

    def _stream_event(self, verb: twiml.ConnectStream, stream: MediaStream, event: str) -> None:
        error = ""
        if event == "stream-error" and stream.error is not None:
            self._record(stream.error)
            error = f"{int(stream.error)} {stream.error.name.replace('_', ' ').capitalize()}"
        if verb.status_callback:
            address = Address(self._absolute(verb.status_callback), verb.status_callback_method)
            self._account.callbacks.stream(self._call, address, stream.sid, verb.name, event, error)

    async def _play_file(self, verb: twiml.Play) -> None:
        try:
            response = await self._account.webhooks.fetch(Address(self._absolute(verb.url), "GET"), {})
            audio = read_audio(response.content, response.headers.get("content-type", ""))
        except (WebhookError, AudioFileError):
            self._record(Code.HTTP_RETRIEVAL_FAILURE)
            return
        await self._play(audio, verb.loop)

    async def _say(self, verb: twiml.Say) -> None:
        studio = self._account.world.studio
        utterance = await asyncio.to_thread(studio.synthesize, verb.text)
        await self._play(utterance.audio, verb.loop)

    async def _play(self, audio: bytes, loop: int) -> None:
        rounds = 0
        while loop == 0 or rounds < loop:
            finished = asyncio.Event()
            self._line.source = Clip(audio, finished.set)
            try:
                await finished.wait()
            finally:
                self._line.source = None
            rounds += 1

    def _absolute(self, url: str) -> str:
        return urljoin(self._base, url)

    def _record(self, code: Code) -> None:
        self._call.errors.append(int(code))
        self._account.world.truth.append("error", call_sid=self._call.sid, to=self._call.to, code=int(code))


async def _cancel(*tasks: asyncio.Task[object] | asyncio.Task[Instructions | None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task

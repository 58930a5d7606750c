"""Reads TwiML: the verbs that the emulator can run, as plain data."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

from rehearsal.twilio.errors import Code


class TwimlError(Exception):
    """A document that Twilio would not run; `code` as in Twilio's debugger."""

    def __init__(self, code: Code, reason: str) -> None:
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """<Connect><Stream>: a bidirectional media stream."""

    url: str
    parameters: dict[str, str] = field(default_factory=dict)
    name: str = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    action: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """<Dial><Number>: ring one number and connect it. Times in seconds."""

    number: str
    action: str = ""
    method: str = "POST"
    timeout: int = 30
    time_limit: int = 14_400
    caller_id: str = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Play:
    """<Play>: an audio file, `loop` times (0: until the call ends)."""

    url: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Say:
    """<Say>: text read aloud."""

    text: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """<Pause>: silence, in seconds."""

    length: float = 1.0


@dataclass(frozen=True, slots=True)
class Redirect:
    """<Redirect>: go on with another document."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Hangup:
    """<Hangup> or <Reject>."""


Verb = ConnectStream | Dial | Play | Say | Pause | Redirect | Hangup

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST_PARAMETER = 500  # characters of name and value together


def parse(document: str) -> list[Verb]:
    """The verbs of a document, in order. Raises TwimlError (12100 not a document, 12200 not allowed)."""
    try:
        root = ElementTree.fromstring(document.strip())  # noqa: S314 - written by the system under rehearsal
    except ElementTree.ParseError as error:
        raise TwimlError(Code.DOCUMENT_PARSE_FAILURE, str(error)) from error
    if root.tag != "Response":
        raise TwimlError(Code.DOCUMENT_PARSE_FAILURE, "the root element is not <Response>")
    return [_verb(element) for element in root]


def _verb(element: ElementTree.Element) -> Verb:
    read = _READERS.get(element.tag)
    if read is None:
        raise TwimlError(Code.SCHEMA_VALIDATION, f"<{element.tag}> is not a known verb")
    return read(element)


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext()).strip()


def _number(element: ElementTree.Element, name: str, default: int) -> int:
    value = element.get(name, str(default))
    if not value.isdigit():
        raise TwimlError(Code.SCHEMA_VALIDATION, f"{name} of <{element.tag}> is not a number")
    return int(value)


def _connect(element: ElementTree.Element) -> Verb:
    stream = element.find("Stream")
    if stream is None or len(element) != 1:
        raise TwimlError(Code.SCHEMA_VALIDATION, "<Connect> needs exactly one <Stream> here")
    url = stream.get("url", "")
    # Twilio takes wss only; plain ws is let through because a rehearsal runs on one machine.
    if not url.startswith(("wss://", "ws://")):
        raise TwimlError(Code.SCHEMA_VALIDATION, "url of <Stream> is not a WebSocket address")
    parameters: dict[str, str] = {}
    for child in stream:
        name, value = child.get("name", ""), child.get("value", "")
        if child.tag != "Parameter" or not name or len(name) + len(value) >= _LONGEST_PARAMETER:
            raise TwimlError(Code.SCHEMA_VALIDATION, "a child of <Stream> is not a valid <Parameter>")
        parameters[name] = value
    return ConnectStream(
        url=url,
        parameters=parameters,
        name=stream.get("name", ""),
        status_callback=stream.get("statusCallback", ""),
        status_callback_method=stream.get("statusCallbackMethod", "POST").upper(),
        action=element.get("action", ""),
    )


def _dial(element: ElementTree.Element) -> Verb:
    numbers = element.findall("Number")
    if len(numbers) != 1 or len(element) != 1:
        raise TwimlError(Code.SCHEMA_VALIDATION, "<Dial> needs exactly one <Number> here")
    number, caller_id = numbers[0], element.get("callerId", "")
    for value in (_text(number), caller_id):
        if value and not _E164.fullmatch(value):
            raise TwimlError(Code.SCHEMA_VALIDATION, "a number of <Dial> is not E.164")
    if not _text(number):
        raise TwimlError(Code.SCHEMA_VALIDATION, "<Number> is empty")
    return Dial(
        number=_text(number),
        action=element.get("action", ""),
        method=element.get("method", "POST").upper(),
        timeout=_number(element, "timeout", 30),
        time_limit=_number(element, "timeLimit", 14_400),
        caller_id=caller_id,
        status_callback=number.get("statusCallback", ""),
        status_callback_method=number.get("statusCallbackMethod", "POST").upper(),
        status_events=frozenset(number.get("statusCallbackEvent", "completed").split()),
    )


_READERS: dict[str, Callable[[ElementTree.Element], Verb]] = {
    "Connect": _connect,
    "Dial": _dial,
    "Play": lambda element: Play(_text(element), _number(element, "loop", 1)),
    "Say": lambda element: Say(_text(element), _number(element, "loop", 1)),
    "Pause": lambda element: Pause(_number(element, "length", 1)),
    "Redirect": lambda element: Redirect(_text(element), element.get("method", "POST").upper()),
    "Hangup": lambda _: Hangup(),
    "Reject": lambda _: Hangup(),
}

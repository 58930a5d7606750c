"""Reads and checks the parameters of a call creation or update, refusing as Twilio refuses."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from rehearsal.twilio.call import (
    Address,
    CallRequest,
    DetectionSettings,
    Instructions,
    MachineDetection,
    RecordingSettings,
)
from rehearsal.twilio.errors import Code, TwilioError

_LONGEST_TWIML = 4000
_LONGEST_TIMEOUT = 600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_DIGITS = re.compile(r"[0-9#*wW]{1,32}")
_STATUS_EVENTS = {"initiated", "ringing", "answered", "completed"}
_RECORDING_EVENTS = {"in-progress", "completed", "absent"}

# Name of a detection parameter: factor to milliseconds, smallest and largest value in its own unit.
_DETECTION_RANGES: dict[str, tuple[int, int, int]] = {
    "MachineDetectionTimeout": (1000, 3, 59),
    "MachineDetectionSpeechThreshold": (1, 1000, 6000),
    "MachineDetectionSpeechEndThreshold": (1, 500, 5000),
    "MachineDetectionSilenceTimeout": (1, 2000, 10000),
}

Form = Mapping[str, Sequence[str]]


def read_call_request(form: Form, own_numbers: frozenset[str]) -> CallRequest:
    """The request in a creation form. `own_numbers` are the caller IDs allowed; empty allows all.

    Raises TwilioError with the code Twilio gives for the first thing that is wrong.
    """
    to = _number(form, "To", Code.NO_TO, Code.INVALID_TO)
    from_ = _number(form, "From", Code.NO_FROM, Code.INVALID_FROM)
    if own_numbers and from_ not in own_numbers:
        raise TwilioError(Code.FROM_NOT_VERIFIED)
    instructions = read_instructions(form)
    if instructions is None:
        raise TwilioError(Code.INVALID_URL, "Url parameter is required.")
    warnings: list[int] = []
    digits = _one(form, "SendDigits")
    if digits and not _DIGITS.fullmatch(digits):
        raise TwilioError(Code.INVALID_SEND_DIGITS)
    return CallRequest(
        to=to,
        from_=from_,
        answer=instructions.address,
        twiml=instructions.twiml,
        fallback=_address(form, "FallbackUrl", "FallbackMethod", Code.INVALID_URL),
        status_callback=_status_callback(form),
        status_events=_status_events(form, warnings),
        timeout=_whole(form, "Timeout", 60, 1, _LONGEST_TIMEOUT, Code.INVALID_TIMEOUT),
        time_limit=_whole(form, "TimeLimit", 14_400, 1, 86_400, Code.UNKNOWN_PARAMETERS),
        send_digits=digits,
        detection=None if digits else _detection(form, warnings),
        recording=_recording(form),
        warnings=warnings,
    )


def read_instructions(form: Form) -> Instructions | None:
    """Url or Twiml of a creation or update; None when neither is there. Raises TwilioError."""
    address = _address(form, "Url", "Method", Code.INVALID_URL)
    if address is not None:
        return Instructions(address, None)
    twiml = _one(form, "Twiml")
    if not twiml:
        return None
    if len(twiml) > _LONGEST_TWIML:
        raise TwilioError(Code.UNKNOWN_PARAMETERS, "Twiml is longer than 4000 characters")
    return Instructions(None, twiml)


def _one(form: Form, name: str) -> str:
    values = form.get(name)
    return values[-1].strip() if values else ""


def _number(form: Form, name: str, missing: Code, invalid: Code) -> str:
    value = _one(form, name)
    if not value:
        raise TwilioError(missing)
    plain = re.sub(r"[\s().-]", "", value)
    if not _E164.fullmatch(plain) or (plain.startswith("+1") and len(plain) != 12):
        what = "Invalid 'To' Phone Number" if name == "To" else "Invalid From Number (caller ID)"
        raise TwilioError(invalid, f"{what}: {value}")
    return plain


def _address(form: Form, url_name: str, method_name: str, code: Code) -> Address | None:
    method = (_one(form, method_name) or "POST").upper()
    if method not in {"GET", "POST"}:
        raise TwilioError(Code.INVALID_METHOD)
    url = _one(form, url_name)
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TwilioError(code, f"{url_name} is not a valid URL: {url}")
    return Address(url, method)


def _status_callback(form: Form) -> Address | None:
    address = _address(form, "StatusCallback", "StatusCallbackMethod", Code.INVALID_STATUS_CALLBACK)
    if address is not None and "_" in (urlsplit(address.url).hostname or ""):
        raise TwilioError(Code.INVALID_STATUS_CALLBACK)
    return address


def _status_events(form: Form, warnings: list[int]) -> frozenset[str]:
    asked = {event for value in form.get("StatusCallbackEvent", ()) for event in value.split()}
    if asked - _STATUS_EVENTS:
        warnings.append(Code.INVALID_STATUS_CALLBACK_EVENT)
    return frozenset(asked & _STATUS_EVENTS) or frozenset({"completed"})


def _whole(form: Form, name: str, default: int, smallest: int, largest: int, code: Code) -> int:
    value = _one(form, name)
    if not value:
        return default
    if not value.isdigit() or not smallest <= int(value) <= largest:
        raise TwilioError(code, f"Invalid {name}: {value}")
    return int(value)


def _true(form: Form, name: str) -> bool:
    return _one(form, name).lower() == "true"


def _detection(form: Form, warnings: list[int]) -> DetectionSettings | None:
    mode = _one(form, "MachineDetection")
    if not mode or mode == "none":
        return None
    if mode not in {known.value for known in MachineDetection}:
        raise TwilioError(Code.INVALID_MACHINE_DETECTION, f"Invalid MachineDetection value: {mode}")
    times = {
        name: _whole(form, name, 0, smallest, largest, Code.INVALID_MACHINE_DETECTION) * factor
        for name, (factor, smallest, largest) in _DETECTION_RANGES.items()
    }
    asynchronous = _true(form, "AsyncAmd")
    callback = _address(form, "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", Code.INVALID_STATUS_CALLBACK)
    if asynchronous and callback is None:
        warnings.append(Code.NO_AMD_CALLBACK)
    default = DetectionSettings(MachineDetection(mode))
    return DetectionSettings(
        mode=default.mode,
        asynchronous=asynchronous,
        callback=callback,
        timeout=times["MachineDetectionTimeout"] or default.timeout,
        speech_threshold=times["MachineDetectionSpeechThreshold"] or default.speech_threshold,
        speech_end_threshold=times["MachineDetectionSpeechEndThreshold"] or default.speech_end_threshold,
        silence_timeout=times["MachineDetectionSilenceTimeout"] or default.silence_timeout,
    )


def _recording(form: Form) -> RecordingSettings | None:
    if not _true(form, "Record"):
        return None
    channels = _one(form, "RecordingChannels") or "mono"
    if channels not in {"mono", "dual"}:
        raise TwilioError(Code.UNKNOWN_PARAMETERS, f"Invalid RecordingChannels: {channels}")
    asked = {event for value in form.get("RecordingStatusCallbackEvent", ()) for event in value.split()}
    return RecordingSettings(
        channels=2 if channels == "dual" else 1,
        callback=_address(
            form,
            "RecordingStatusCallback",
            "RecordingStatusCallbackMethod",
            Code.INVALID_STATUS_CALLBACK,
        ),
        events=frozenset(asked & _RECORDING_EVENTS) or frozenset({"completed"}),
    )

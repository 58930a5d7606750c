"""The forms that Twilio posts about a call: status, machine detection, recording, media stream."""

import math

from rehearsal.twilio.call import Address, Call, CallStatus
from rehearsal.twilio.recording import Recording
from rehearsal.twilio.resources import API_VERSION, rfc2822
from rehearsal.twilio.webhooks import Webhooks
from rehearsal.world import Clock

_CALL_STATUS = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


def call_fields(call: Call, status: str | None = None) -> dict[str, str]:
    """What every webhook about a call says."""
    fields = {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "From": call.request.from_,
        "To": call.to,
        "Caller": call.request.from_,
        "Called": call.to,
        "CallStatus": status or call.status.value,
        "ApiVersion": API_VERSION,
        "Direction": "outbound-api",
    }
    for side, number in (("From", call.request.from_), ("To", call.to)):
        for name in (side, "Caller" if side == "From" else "Called"):
            fields[f"{name}City"] = fields[f"{name}State"] = fields[f"{name}Zip"] = ""
            fields[f"{name}Country"] = _country(number)
    return fields


def dialled_fields(
    call: Call, sid: str, number: str, event: str, status: str, seconds: int, sequence: int
) -> dict[str, str]:
    """The status callback of a number that <Dial> rang for `call`."""
    fields = {
        "CallSid": sid,
        "ParentCallSid": call.sid,
        "AccountSid": call.account_sid,
        "From": call.request.from_,
        "To": number,
        "CallStatus": _CALL_STATUS.get(event, status),
        "ApiVersion": API_VERSION,
        "Direction": "outbound-dial",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
    }
    return fields | ({"CallDuration": str(seconds)} if event == "completed" else {})


class Callbacks:
    """Posts the callbacks of calls, each only if it was asked for."""

    def __init__(self, webhooks: Webhooks, clock: Clock, base_url: str) -> None:
        self._webhooks = webhooks
        self._clock = clock
        self.base_url = base_url

    def status(self, call: Call, event: str) -> None:
        """`initiated`, `ringing`, `answered` or `completed` (any final state)."""
        request = call.request
        if request.status_callback is None or event not in request.status_events:
            return
        fields = call_fields(call, _CALL_STATUS.get(event, call.status.value))
        fields |= {
            "Timestamp": rfc2822(self._clock.now()) or "",
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(call.sequence),
        }
        call.sequence += 1
        if event == "completed":
            fields |= self._final_fields(call)
        self._webhooks.deliver("status_callback", call.sid, request.status_callback, fields, to=call.to, event=event)

    def machine_detection(self, call: Call, address: Address, verdict: str, milliseconds: int) -> None:
        """The verdict of asynchronous machine detection."""
        fields = {
            "CallSid": call.sid,
            "AccountSid": call.account_sid,
            "AnsweredBy": verdict,
            "MachineDetectionDuration": str(milliseconds),
        }
        self._webhooks.deliver("amd_callback", call.sid, address, fields, to=call.to, event=verdict)

    def recording(self, call: Call, recording: Recording, status: str) -> None:
        """`in-progress`, `completed` or `absent`."""
        settings = recording.settings
        if settings.callback is None or status not in settings.events:
            return
        fields = {
            "AccountSid": call.account_sid,
            "CallSid": call.sid,
            "RecordingSid": recording.sid,
            "RecordingUrl": self._recording_url(call, recording),
            "RecordingStatus": status,
            "RecordingChannels": str(settings.channels),
            "RecordingStartTime": rfc2822(recording.started) or "",
            "RecordingSource": "OutboundAPI",
            "RecordingTrack": "both",
        }
        if status != "in-progress":
            fields["RecordingDuration"] = str(recording.seconds)
        self._webhooks.deliver("recording_callback", call.sid, settings.callback, fields, to=call.to, event=status)

    def stream(self, call: Call, address: Address, sid: str, name: str, event: str, error: str) -> None:
        """`stream-started`, `stream-stopped` or `stream-error`."""
        fields = {
            "AccountSid": call.account_sid,
            "CallSid": call.sid,
            "StreamSid": sid,
            "StreamName": name or sid,
            "StreamEvent": event,
            "Timestamp": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if error:
            fields["StreamError"] = error
        self._webhooks.deliver("stream_callback", call.sid, address, fields, to=call.to, event=event)

    def dialled(self, call: Call, address: Address, fields: dict[str, str], event: str) -> None:
        """How the call of a <Dial>'s number goes on."""
        fields = fields | {"Timestamp": rfc2822(self._clock.now()) or ""}
        self._webhooks.deliver("dial_callback", call.sid, address, fields, to=call.to, event=event)

    def _final_fields(self, call: Call) -> dict[str, str]:
        fields = {"CallDuration": str(call.seconds)}
        if call.status is CallStatus.COMPLETED:
            fields["Duration"] = str(max(1, math.ceil(call.seconds / 60)))
        if call.sip_response is not None:
            fields["SipResponseCode"] = str(call.sip_response)
        if call.answered_by:
            fields["AnsweredBy"] = call.answered_by
        for recording in call.recordings[:1]:
            fields |= {
                "RecordingUrl": self._recording_url(call, recording),
                "RecordingSid": recording.sid,
                "RecordingDuration": str(recording.seconds),
            }
        return fields

    def _recording_url(self, call: Call, recording: Recording) -> str:
        return f"{self.base_url}/{API_VERSION}/Accounts/{call.account_sid}/Recordings/{recording.sid}"


def _country(number: str) -> str:
    for prefix, country in (("+1", "US"), ("+61", "AU"), ("+44", "GB")):
        if number.startswith(prefix):
            return country
    return ""

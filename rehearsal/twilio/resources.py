"""JSON of calls, recordings and pages of them, as the REST API shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import urlencode

from rehearsal.twilio.call import Call, CallStatus
from rehearsal.twilio.recording import Recording

API_VERSION = "2010-04-01"
_OPENED = "Fri, 02 Jan 2026 09:00:00 +0000"
_SUBRESOURCES = (
    "notifications",
    "recordings",
    "payments",
    "events",
    "siprec",
    "streams",
    "transcriptions",
    "user_defined_message_subscriptions",
    "user_defined_messages",
)


def rfc2822(instant: datetime | None) -> str | None:
    """`Tue, 31 Aug 2010 20:36:28 +0000`, from an instant in UTC."""
    return format_datetime(instant.replace(microsecond=0)) if instant is not None else None


def call_resource(call: Call) -> dict[str, object]:
    """A call."""
    path = f"/{API_VERSION}/Accounts/{call.account_sid}/Calls/{call.sid}"
    completed = call.status is CallStatus.COMPLETED
    return {
        "sid": call.sid,
        "account_sid": call.account_sid,
        "parent_call_sid": None,
        "to": call.to,
        "to_formatted": _formatted(call.to),
        "from": call.request.from_,
        "from_formatted": _formatted(call.request.from_),
        "phone_number_sid": None,
        "status": call.status.value,
        "start_time": rfc2822(call.started),
        "end_time": rfc2822(call.ended),
        "duration": str(call.seconds) if completed else ("0" if call.status.ended else None),
        "price": None,
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": call.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(call.queue_milliseconds),
        "trunk_sid": None,
        "uri": f"{path}.json",
        "subresource_uris": {name: f"{path}/{_camel(name)}.json" for name in _SUBRESOURCES},
        "date_created": rfc2822(call.created),
        "date_updated": rfc2822(call.updated),
    }


def recording_resource(recording: Recording, account_sid: str, base_url: str) -> dict[str, object]:
    """A recording. `base_url` is where this emulator is reached, for the media's address."""
    path = f"/{API_VERSION}/Accounts/{account_sid}/Recordings/{recording.sid}"
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "call_sid": recording.call_sid,
        "conference_sid": None,
        "channels": recording.settings.channels,
        "date_created": rfc2822(recording.started),
        "date_updated": rfc2822(recording.started),
        "start_time": rfc2822(recording.started),
        "duration": str(recording.seconds),
        "sid": recording.sid,
        "price": None,
        "price_unit": "USD",
        "status": recording.status,
        "source": "OutboundAPI",
        "error_code": None,
        "encryption_details": None,
        "media_url": base_url + path,
        "uri": f"{path}.json",
        "subresource_uris": {
            "add_on_results": f"{path}/AddOnResults.json",
            "transcriptions": f"{path}/Transcriptions.json",
        },
    }


def account_resource(account_sid: str) -> dict[str, object]:
    """The account itself."""
    path = f"/{API_VERSION}/Accounts/{account_sid}"
    return {
        "sid": account_sid,
        "owner_account_sid": account_sid,
        "friendly_name": "Rehearsal",
        "status": "active",
        "type": "Full",
        "date_created": _OPENED,
        "date_updated": _OPENED,
        "uri": f"{path}.json",
        "subresource_uris": {"calls": f"{path}/Calls.json", "recordings": f"{path}/Recordings.json"},
    }


def number_resource(account_sid: str, number: str) -> dict[str, object]:
    """A phone number that the account owns."""
    sid = "PN" + sha256(number.encode()).hexdigest()[:32]
    return {
        "sid": sid,
        "account_sid": account_sid,
        "phone_number": number,
        "friendly_name": _formatted(number),
        "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
        "status": "in-use",
        "api_version": API_VERSION,
        "date_created": _OPENED,
        "date_updated": _OPENED,
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{sid}.json",
    }


def page(
    name: str, path: str, query: Mapping[str, str], items: Sequence[dict[str, object]], number: int, size: int
) -> dict[str, object]:
    """One page of a list. `items` are all of the list's; `query` are the filters to repeat in the links."""
    start = number * size
    shown = items[start : start + size]

    def link(page_number: int) -> str:
        fields = {**query, "PageSize": str(size), "Page": str(page_number)}
        if page_number:
            fields["PageToken"] = f"PA{items[page_number * size - 1]['sid']}"
        return f"{path}?{urlencode(fields)}"

    return {
        name: shown,
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start + len(shown) - 1, 0),
        "uri": link(number) if start <= len(items) else path,
        "first_page_uri": link(0),
        "next_page_uri": link(number + 1) if start + size < len(items) else None,
        "previous_page_uri": link(number - 1) if number else None,
    }


def _formatted(number: str) -> str:
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))

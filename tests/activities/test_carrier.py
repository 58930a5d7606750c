"""The carrier's errors as ours, and the addresses it calls back. Pure parts of the adapter."""

import pytest
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, ReadTimeout
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from activities.callback_urls import CallbackUrls
from activities.carrier import REJECTIONS, translate
from activities.errors import Doubtful, NoSuchCall, NotTaken, Rejected, RejectionKind, WrongState

POOL = HTTPConnectionPool("127.0.0.1")


def rest(status: int, code: int | None = None) -> TwilioRestException:
    return TwilioRestException(status, "/Calls.json", "+12125550123 is bad", code=code, method="POST")


def refused_connection() -> RequestsConnectionError:
    reason = NewConnectionError(POOL, "refused")  # type: ignore[arg-type]
    return RequestsConnectionError(MaxRetryError(POOL, "/", reason))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (rest(400, 21211), Rejected),
        (rest(401, 20003), Rejected),
        (rest(400, 99999), Rejected),
        (rest(429, 20429), NotTaken),
        (rest(429, 10004), NotTaken),
        (rest(429), NotTaken),
        (rest(400, 21220), WrongState),
        (rest(404, 20404), NoSuchCall),
        (rest(500, 20500), Doubtful),
        (rest(503), Doubtful),
        (TwilioServiceException("about:blank", "down", 503, 20503), Doubtful),
        (TwilioServiceException("about:blank", "no", 400, 21211), Rejected),
        (TwilioException("Unable to fetch page"), Doubtful),
        (ReadTimeout(), Doubtful),
        (ConnectTimeout(), NotTaken),
        (refused_connection(), NotTaken),
        (RequestsConnectionError(ProtocolError("aborted")), Doubtful),
        (ValueError("not JSON"), Doubtful),
    ],
    ids=str,
)
def test_an_error_says_whether_the_request_may_have_been_carried_out(error: Exception, kind: type) -> None:
    ours = translate(error)
    assert type(ours) is kind
    assert "+1212" not in str(ours), "no number in our messages"


@pytest.mark.parametrize(("code", "kind"), sorted(REJECTIONS.items()))
def test_every_known_code_keeps_its_kind(code: int, kind: RejectionKind) -> None:
    ours = translate(rest(400, code))
    assert isinstance(ours, Rejected)
    assert (ours.code, ours.kind) == (code, kind)


def test_every_address_names_the_attempt_and_asks_for_retries() -> None:
    urls = CallbackUrls("https://calls.example.com/", "ld_1-2")
    assert urls.answer == "https://calls.example.com/webhooks/twilio/answer?attempt=ld_1-2#rc=3&rp=all"
    for url in (urls.status, urls.machine, urls.recording, urls.voicemail_played):
        assert "?attempt=ld_1-2#rc=3" in url
    assert urls.audio("k", "1.a=b") == "https://calls.example.com/audio/k.wav?token=1.a%3Db"

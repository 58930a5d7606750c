"""Twilio's error codes and error bodies, as far as dialling can meet them."""

from enum import IntEnum


class Code(IntEnum):
    """Error and warning codes; texts in `_MESSAGES`."""

    CONCURRENCY_LIMIT = 10004
    HTTP_RETRIEVAL_FAILURE = 11200
    DOCUMENT_PARSE_FAILURE = 12100
    SCHEMA_VALIDATION = 12200
    INVALID_CONTENT_TYPE = 12300
    UNKNOWN_PARAMETERS = 20001
    PERMISSION_DENIED = 20003
    NOT_COMPLETE = 20009
    NOT_FOUND = 20404
    TOO_MANY_REQUESTS = 20429
    INTERNAL_ERROR = 20500
    NO_TO = 21201
    INVALID_URL = 21205
    INVALID_SEND_DIGITS = 21206
    INVALID_TIMEOUT = 21208
    INVALID_METHOD = 21209
    FROM_NOT_VERIFIED = 21210
    INVALID_TO = 21211
    INVALID_FROM = 21212
    NO_FROM = 21213
    INVALID_CALL_STATE = 21220
    INVALID_MACHINE_DETECTION = 21234
    NO_AMD_CALLBACK = 21262
    INVALID_STATUS_CALLBACK = 21609
    INVALID_STATUS_CALLBACK_EVENT = 21626
    STREAM_REFUSED = 31902
    STREAM_HANDSHAKE = 31920
    STREAM_CLOSED = 31921
    STREAM_PROTOCOL = 31924
    STREAM_BUFFER_OVERFLOW = 31930
    STREAM_INVALID_MESSAGE = 31951


_MESSAGES: dict[int, str] = {
    10001: "Account is not active",
    10002: "Trial accounts do not support the feature you tried to use",
    Code.CONCURRENCY_LIMIT: "Call concurrency limit exceeded",
    10005: "Voice calling has been disabled for this account",
    13223: "Dial: Invalid phone number format",
    13224: "Dial: Twilio does not support calling this number or the number is invalid",
    13225: "Dial: Call blocked by Twilio block list",
    13227: "Geo Permission configuration is not permitting call",
    Code.UNKNOWN_PARAMETERS: "Unknown parameters",
    Code.PERMISSION_DENIED: "Authenticate",
    20005: "Account not active",
    Code.NOT_COMPLETE: "Cannot delete this resource before it is complete",
    Code.NOT_FOUND: "The requested resource was not found",
    Code.TOO_MANY_REQUESTS: "Too Many Requests",
    Code.INTERNAL_ERROR: "Internal Server Error",
    20503: "Service unavailable",
    Code.NO_TO: "No 'To' number is specified",
    21203: "International calling not enabled",
    Code.INVALID_URL: "Url is not a valid URL",
    Code.INVALID_SEND_DIGITS: "Invalid SendDigits",
    Code.INVALID_TIMEOUT: "Invalid Timeout",
    Code.INVALID_METHOD: "Invalid Method",
    Code.FROM_NOT_VERIFIED: "The source phone number provided is not yet verified for your account",
    Code.INVALID_TO: "Invalid 'To' Phone Number",
    Code.INVALID_FROM: "Invalid From Number (caller ID)",
    Code.NO_FROM: "No 'From' number is specified",
    21214: "'To' phone number cannot be reached",
    21215: "Geo Permission configuration is not permitting call",
    21216: "API: Call blocked by Twilio blocklist",
    21217: "Phone number does not appear to be valid",
    21218: "Invalid ApplicationSid",
    21219: "'To' phone number not verified",
    Code.INVALID_CALL_STATE: "Call is not in-progress. Cannot redirect.",
    Code.INVALID_MACHINE_DETECTION: "Invalid Machine Detection configuration value",
    Code.INVALID_STATUS_CALLBACK: "Invalid 'StatusCallback' value",
}

_STATUS: dict[int, int] = {
    10001: 403,
    10002: 403,
    Code.CONCURRENCY_LIMIT: 429,
    10005: 403,
    Code.PERMISSION_DENIED: 401,
    20005: 403,
    Code.NOT_FOUND: 404,
    Code.TOO_MANY_REQUESTS: 429,
    Code.INTERNAL_ERROR: 500,
    20503: 503,
}


class TwilioError(Exception):
    """A REST request that Twilio refuses. `status` is the HTTP status; 400 unless the code has its own."""

    def __init__(self, code: int, message: str | None = None, status: int | None = None) -> None:
        self.code = int(code)
        self.message = message or _MESSAGES.get(self.code, "Error")
        self.status = status or _STATUS.get(self.code, 400)
        super().__init__(f"{self.code}: {self.message}")

    def body(self) -> dict[str, object]:
        """The JSON body."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }

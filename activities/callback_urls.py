"""Where the carrier reports: every address names the attempt, so that a lost reply can be matched. Pure."""

from urllib.parse import quote

RETRIES = "#rc=3&rp=all"
"""Asks Twilio to repeat a failed webhook three times; the fragment itself is neither sent nor signed."""


class CallbackUrls:
    """Addresses of one attempt's webhooks under the public address of the API."""

    def __init__(self, public_base_url: str, attempt_id: str) -> None:
        self._base = public_base_url.rstrip("/")
        self._attempt = quote(attempt_id, safe="")

    @property
    def answer(self) -> str:
        return self._webhook("answer")

    @property
    def fallback(self) -> str:
        """Asked where another document could not be had."""
        return self._webhook("fallback")

    @property
    def after_stream(self) -> str:
        """Asked what comes next when a media stream has ended."""
        return self._webhook("after-stream")

    @property
    def status(self) -> str:
        return self._webhook("status")

    @property
    def machine(self) -> str:
        return self._webhook("machine")

    @property
    def recording(self) -> str:
        return self._webhook("recording")

    @property
    def voicemail_played(self) -> str:
        return self._webhook("voicemail-played")

    def audio(self, key: str, token: str) -> str:
        return f"{self._base}/audio/{quote(key, safe='')}.wav?token={quote(token, safe='')}"

    def _webhook(self, name: str) -> str:
        return f"{self._base}/webhooks/twilio/{name}?attempt={self._attempt}{RETRIES}"

"""Query parameters of a streaming session and the changes that `UpdateConfiguration` may make.

Limits and defaults: AssemblyAI's documentation of Universal-3 Pro and Universal-Streaming (November 2026).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

MODELS: Final = frozenset(
    {
        "universal-3-5-pro",
        "universal-3-6",
        "universal-3-6-pro",
        "u3-rt-pro",
        "u3-rt-pro-beta-1",
        "u3-pro",
        "universal-streaming-english",
        "universal-streaming-multilingual",
        "whisper-rt",
    }
)
_TELEPHONE_RATE: Final = 8000


class InvalidParametersError(Exception):
    """A parameter or a configuration message that the service refuses; the text goes to the client."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One session's configuration. All silences are in ms."""

    model: str = "universal-3-5-pro"
    mode: str = "balanced"
    encoding: str = "pcm_s16le"
    sample_rate: int = _TELEPHONE_RATE
    min_turn_silence: int = 100
    max_turn_silence: int = 1000
    end_of_turn_confidence_threshold: float = 0.4
    interruption_delay: int = 500
    continuous_partials: bool = True
    format_turns: bool = False
    include_partial_turns: bool = True
    inactivity_timeout: int | None = None
    session_heartbeat: bool = False
    acknowledge_silence: bool = False

    @property
    def punctuation_based(self) -> bool:
        """The 3-series models end a turn at punctuation; the older ones by confidence."""
        return not self.model.startswith("universal-streaming") and self.model != "whisper-rt"

    @property
    def bytes_per_ms(self) -> int:
        """Audio bytes in a millisecond."""
        return self.sample_rate // 1000 * (2 if self.encoding == "pcm_s16le" else 1)


def _integer(minimum: int, maximum: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise InvalidParametersError(f"Invalid value for {name}: expected an integer") from None
        if isinstance(value, bool) or not minimum <= number <= maximum:
            raise InvalidParametersError(f"Invalid value for {name}: expected {minimum} to {maximum}")
        return number

    return check


def _share(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidParametersError(f"Invalid value for {name}: expected a number") from None
    if not 0 <= number <= 1:
        raise InvalidParametersError(f"Invalid value for {name}: expected 0 to 1")
    return number


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    # The SDK's urlencode writes Python's True and False.
    known = {"true": True, "false": False}.get(str(value).lower())
    if known is None:
        raise InvalidParametersError(f"Invalid value for {name}: expected true or false")
    return known


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise InvalidParametersError(f"Invalid value for {name}: expected one of {', '.join(choices)}")
        return str(value)

    return check


def _key_terms(name: str, value: Any) -> list[str]:
    terms = value
    if isinstance(value, str):
        try:
            terms = json.loads(value)
        except ValueError:
            raise InvalidParametersError(f"Invalid value for {name}: expected a JSON list") from None
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise InvalidParametersError(f"Invalid value for {name}: expected a list of strings")
    if len(terms) > 100 or any(len(term) > 50 for term in terms):
        raise InvalidParametersError(f"Invalid value for {name}: at most 100 terms of 50 characters")
    return terms


def _text(limit: int) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise InvalidParametersError(f"Invalid value for {name}: at most {limit} characters")
        return value

    return check


_CHECKS_AT_ANY_TIME: Final[dict[str, Callable[[str, Any], Any]]] = {
    "min_turn_silence": _integer(0, 60_000),
    "min_end_of_turn_silence_when_confident": _integer(0, 60_000),
    "max_turn_silence": _integer(0, 60_000),
    "end_of_turn_confidence_threshold": _share,
    "vad_threshold": _share,
    "interruption_delay": _integer(0, 1000),
    "continuous_partials": _boolean,
    "format_turns": _boolean,
    "filter_profanity": _boolean,
    "keyterms_prompt": _key_terms,
    "prompt": _text(8000),
    "agent_context": _text(1750),
    "session_heartbeat": _boolean,
    "acknowledge_silence": _boolean,
    "turn_left_pad_ms": _integer(0, 5000),
}
_CHECKS_AT_START: Final[dict[str, Callable[[str, Any], Any]]] = {
    **_CHECKS_AT_ANY_TIME,
    "sample_rate": _integer(8000, 48_000),
    "encoding": _one_of("pcm_s16le", "pcm_mulaw"),
    "speech_model": _one_of(*sorted(MODELS)),
    "mode": _one_of("max_accuracy", "min_latency", "balanced"),
    "inactivity_timeout": _integer(5, 3600),
    "include_partial_turns": _boolean,
}
_OLDER_MODEL_DEFAULTS: Final = {"min_turn_silence": 400, "max_turn_silence": 1280}


def _checked(values: Mapping[str, Any], checks: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    found = {name: checks[name](name, value) for name, value in values.items() if name in checks}
    if "min_end_of_turn_silence_when_confident" in found:
        old = found.pop("min_end_of_turn_silence_when_confident")
        found.setdefault("min_turn_silence", old)
    if "speech_model" in found:
        found["model"] = found.pop("speech_model")
    return {name: value for name, value in found.items() if name in Configuration.__dataclass_fields__}


def at_start(query: Mapping[str, str]) -> Configuration:
    """The configuration that the query of the connection asks for. Raises InvalidParametersError."""
    found = _checked(query, _CHECKS_AT_START)
    if "sample_rate" not in found:
        raise InvalidParametersError("Missing required parameter: sample_rate")
    if found["sample_rate"] != _TELEPHONE_RATE:
        raise InvalidParametersError("The rehearsal recogniser hears telephone audio only: sample_rate=8000")
    configuration = Configuration(**found)
    if not configuration.punctuation_based:
        configuration = replace(configuration, **{**_OLDER_MODEL_DEFAULTS, **found})
    return configuration


def updated(configuration: Configuration, message: Mapping[str, Any]) -> Configuration:
    """The configuration after an `UpdateConfiguration` message. Raises InvalidParametersError."""
    unknown = sorted(set(message) - {"type"} - set(_CHECKS_AT_ANY_TIME) - {"language_codes"})
    if unknown:
        raise InvalidParametersError(f"Cannot be changed during a session: {', '.join(unknown)}")
    return replace(configuration, **_checked(message, _CHECKS_AT_ANY_TIME))

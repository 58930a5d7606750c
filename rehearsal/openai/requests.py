"""What the service takes and what it refuses: the checks of a chat completions request. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.openai.intents import vocabulary

_NAME: Final = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_ARGUMENTS: Final = frozenset(
    vocabulary(
        "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens "
        "messages metadata modalities model moderation n parallel_tool_calls prediction presence_penalty "
        "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format "
        "safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools "
        "top_logprobs top_p user verbosity web_search_options"
    )
)
_EFFORTS: Final = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})


class RefusedError(Exception):
    """A request that the service refuses, as the body of its error says it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _refuse(message: str, param: str | None = None, code: str | None = None) -> RefusedError:
    return RefusedError(400, message, param=param, code=code)


def check_chat(body: Any) -> dict[str, Any]:
    """The body, if it is a request that the service takes. Raises RefusedError (400)."""
    if not isinstance(body, dict):
        raise _refuse("We could not parse the JSON body of your request.")
    for name in body:
        if name not in _ARGUMENTS:
            raise _refuse(f"Unrecognized request argument supplied: {name}", name, "unknown_parameter")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise _refuse("you must provide a model parameter")
    _check_messages(body.get("messages"))
    _check_tools(body.get("tools"))
    if body.get("stream_options") is not None and not body.get("stream"):
        raise _refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    limit = body.get("max_completion_tokens")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise _refuse(
            f"Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got {limit}.",
            "max_completion_tokens",
            "integer_below_min_value",
        )
    if body.get("max_tokens") is not None:
        raise _refuse(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise _refuse(f"Invalid value: '{effort}'.", "reasoning_effort", "invalid_value")
    _check_format(body.get("response_format"))
    return body


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise _refuse(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array"
        )
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in _ROLES:
            raise _refuse(f"Invalid value: '{role}'.", f"{where}.role", "invalid_value")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise _refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    f"{where}.role",
                )
            open_calls.discard(str(message["tool_call_id"]))
        elif open_calls:
            raise _refuse(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. The following tool_call_ids did not have response messages: "
                f"{', '.join(sorted(open_calls))}",
                where,
            )
        calls = message.get("tool_calls")
        if role == "assistant" and calls is not None:
            if not isinstance(calls, list) or not calls:
                raise _refuse(f"Invalid '{where}.tool_calls': empty array.", f"{where}.tool_calls", "empty_array")
            open_calls = {str(call["id"]) for call in calls}
        if message.get("content") is None and not (role == "assistant" and (calls or message.get("refusal"))):
            raise _refuse(
                "Invalid value for 'content': expected a string, got null.",
                f"{where}.content",
            )
    if open_calls:
        raise _refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(sorted(open_calls))}",
            "messages",
        )


def _check_tools(tools: Any) -> None:
    if tools is None:
        return
    if not isinstance(tools, list) or not tools:
        raise _refuse("Invalid 'tools': empty array.", "tools", "empty_array")
    for index, tool in enumerate(tools):
        where = f"tools[{index}]"
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise _refuse(f"Missing required parameter: '{where}.function'.", f"{where}.function")
        if not _NAME.match(function["name"]):
            raise _refuse(
                f"Invalid '{where}.function.name': string does not match pattern.",
                f"{where}.function.name",
                "invalid_value",
            )
        if function.get("strict"):
            _check_strict(function.get("parameters") or {}, function["name"], f"{where}.function.parameters", ())


def _check_strict(schema: Any, name: str, where: str, path: tuple[str, ...]) -> None:
    """Strict schemas close every object and require every property, at every depth."""
    if isinstance(schema, list):
        for one in schema:
            _check_strict(one, name, where, path)
        return
    if not isinstance(schema, Mapping):
        return
    if schema.get("type") == "object" or "properties" in schema:
        context = f"In context={path!r}"
        if schema.get("additionalProperties") is not False:
            raise _refuse(
                f"Invalid schema for '{name}': {context}, 'additionalProperties' is required to be supplied "
                "and to be false.",
                where,
                "invalid_function_parameters",
            )
        properties = schema.get("properties", {})
        missing = sorted(set(properties) - set(schema.get("required", [])))
        if missing:
            raise _refuse(
                f"Invalid schema for '{name}': {context}, 'required' is required to be supplied and to be an array "
                f"including every key in properties. Missing '{missing[0]}'.",
                where,
                "invalid_function_parameters",
            )
        for key, one in properties.items():
            _check_strict(one, name, where, (*path, "properties", key))
    for key in ("items", "anyOf", "allOf"):
        _check_strict(schema.get(key), name, where, (*path, key))
    for key, one in schema.get("$defs", {}).items():
        _check_strict(one, name, where, (*path, "$defs", key))


def _check_format(response_format: Any) -> None:
    if response_format is None:
        return
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if kind not in {"text", "json_object", "json_schema"}:
        raise _refuse(f"Invalid value: '{kind}'.", "response_format.type", "invalid_value")
    if kind == "json_schema":
        wanted = response_format.get("json_schema")
        if not isinstance(wanted, Mapping) or not _NAME.match(str(wanted.get("name", ""))):
            raise _refuse(
                "Missing required parameter: 'response_format.json_schema.name'.",
                "response_format.json_schema.name",
                "missing_required_parameter",
            )
        if wanted.get("strict"):
            _check_strict(wanted.get("schema") or {}, str(wanted["name"]), "response_format.json_schema.schema", ())

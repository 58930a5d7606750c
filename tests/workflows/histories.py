"""The kept histories: `histories/<scenario>.json.gz`, or `<scenario>.1`, `.2`, ... where it went on in a new run."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent / "histories"
SUFFIX = ".json.gz"

OF_THE_TEST_SERVER = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
}
"""Written where a test moves the clock; no real history has them."""


def names() -> list[str]:
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def scenario_of(name: str) -> str:
    return name.partition(".")[0]


def read(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, gzip.decompress((FOLDER / f"{name}{SUFFIX}").read_bytes()).decode())


def write(name: str, history: WorkflowHistory) -> None:
    """Compact, without what tells of the machine it was recorded on; the same history makes the same bytes."""
    text = json.dumps(_scrubbed(json.loads(history.to_json())), separators=(",", ":"), sort_keys=True)
    (FOLDER / f"{name}{SUFFIX}").write_bytes(gzip.compress(text.encode(), mtime=0))


def count_events(history: WorkflowHistory) -> Counter[str]:
    """How many events of each kind, as a real server would have written them."""
    return Counter(
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        for event in history.events
        if event.event_type not in OF_THE_TEST_SERVER
    )


def _scrubbed(value: Any) -> Any:
    """Without worker identities, sticky queues (named after process and machine) and stack traces."""
    if isinstance(value, list):
        return [_scrubbed(one) for one in value]
    if isinstance(value, dict):
        return {
            name: "recorder" if name == "identity" else _scrubbed(one)
            for name, one in value.items()
            if name != "stackTrace"
        }
    if isinstance(value, str) and "@" in value:
        return "recorder"
    return value

"""Are the ports that we are about to use free, and if not, who has them and what to do?"""

import time
from collections.abc import Mapping

from cadenza.operations.processes import port_holder, port_is_free
from cadenza.settings import Settings


class PortsInUse(RuntimeError):
    """At least one port is taken; the message has one line for each, with the setting that changes it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def needed_ports(settings: Settings, *, rehearsal: bool) -> dict[int, str]:
    """Port to the name of its setting, for everything that `up` would start on this machine."""
    ports = {settings.api_port: "API_PORT", settings.bridge_port: "BRIDGE_PORT"}
    if settings.temporal_address is None:
        ports |= {
            settings.temporal_embedded_port: "TEMPORAL_EMBEDDED_PORT",
            settings.temporal_ui_port: "TEMPORAL_UI_PORT",
        }
    if rehearsal:
        ports |= {settings.rehearsal_port + offset: "REHEARSAL_PORT" for offset in range(8)}
    return ports


def refuse_taken_ports(ports: Mapping[int, str], patience_seconds: float = 0.0) -> None:
    """Raises PortsInUse. With patience, waits for ports that a process just ended is about to free."""
    deadline = time.monotonic() + patience_seconds
    taken = dict(ports)
    while taken := {port: setting for port, setting in taken.items() if not port_is_free(port)}:
        if time.monotonic() >= deadline:
            raise PortsInUse([_sentence(port, setting) for port, setting in taken.items()])
        time.sleep(0.1)


def _sentence(port: int, setting: str) -> str:
    return f"port {port} is in use by {port_holder(port)}: stop it or set {setting}"

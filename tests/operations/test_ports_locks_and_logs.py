"""Ports, the lock of the data folder, readiness files, process logs and process marks."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadenza.operations.instance_lock import AlreadyRunning, only_instance, running_instance
from cadenza.operations.port_check import PortsInUse, needed_ports, refuse_taken_ports
from cadenza.operations.process_log import ProcessLog
from cadenza.operations.processes import (
    PortHolder,
    ProcessMark,
    end_leftover,
    free_block,
    free_port,
    port_holder,
    port_is_free,
)
from cadenza.operations.readiness import clear_ready, is_ready, mark_ready, readiness_file
from cadenza.settings import Settings
from tests.support.servers import python_process


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        yield listening.getsockname()[1]


def test_a_taken_port_is_refused_with_its_holder_and_its_setting(taken_port: int) -> None:
    with pytest.raises(PortsInUse, match=rf"port {taken_port} is in use by .*pid {os.getpid()}.*set API_PORT"):
        refuse_taken_ports({taken_port: "API_PORT", free_port(): "BRIDGE_PORT"})


def test_free_ports_pass() -> None:
    refuse_taken_ports({free_port(): "API_PORT"})


def test_a_port_is_given_to_nobody_else_before_its_server_listens() -> None:
    given = [free_block(3) for _ in range(200)]
    assert len({port for start in given for port in range(start, start + 3)}) == 600


def test_processes_look_for_ports_in_places_of_their_own() -> None:
    code = "from cadenza.operations.processes import free_port; print([free_port() for _ in range(20)])"
    found = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)]
    assert len({port for printed in found for port in json.loads(printed)}) == 60


def test_a_port_that_is_taken_is_not_given(taken_port: int) -> None:
    with pytest.raises(OSError, match="no 1 free ports"):
        free_block(1, taken_port, taken_port + 1)


def test_a_port_is_known_by_its_holder(taken_port: int) -> None:
    assert not port_is_free(taken_port)
    assert port_holder(taken_port).pid == os.getpid()
    assert str(PortHolder()) == "another process"


def test_only_what_would_be_started_here_needs_ports() -> None:
    embedded = Settings(_env_file=None)  # type: ignore[call-arg]
    external = embedded.model_copy(update={"temporal_address": "temporal.example.com:7233"})
    assert set(needed_ports(embedded, rehearsal=False).values()) == {
        "API_PORT",
        "BRIDGE_PORT",
        "TEMPORAL_EMBEDDED_PORT",
        "TEMPORAL_UI_PORT",
    }
    assert set(needed_ports(external, rehearsal=False).values()) == {"API_PORT", "BRIDGE_PORT"}
    assert list(needed_ports(external, rehearsal=True).values()).count("REHEARSAL_PORT") == 8


def test_a_second_system_on_the_same_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with (
        only_instance(tmp_path),
        pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}.*DATA_DIR"),
        only_instance(tmp_path),
    ):
        pass
    with only_instance(tmp_path):
        pass


def test_a_running_system_is_known_by_its_data_folder(tmp_path: Path) -> None:
    assert running_instance(tmp_path) is None
    with only_instance(tmp_path):
        assert running_instance(tmp_path) == os.getpid()
    assert running_instance(tmp_path) is None  # the file stays, and tells of nobody


def test_readiness_belongs_to_one_process(tmp_path: Path) -> None:
    assert not is_ready("api", tmp_path)
    mark_ready("api", tmp_path)
    assert is_ready("api", tmp_path) and is_ready("api", tmp_path, os.getpid())
    assert not is_ready("api", tmp_path, os.getpid() + 1)
    clear_ready("api", tmp_path)
    assert not is_ready("api", tmp_path)


def test_a_readiness_file_of_a_newer_process_is_left_alone(tmp_path: Path) -> None:
    mark_ready("api", tmp_path)
    readiness_file("api", tmp_path).write_text("1\n")
    clear_ready("api", tmp_path)
    assert is_ready("api", tmp_path, 1)


def test_each_start_has_a_new_log_and_keeps_the_one_before(tmp_path: Path) -> None:
    ProcessLog(tmp_path, "worker").path.write_text("first\n")
    log = ProcessLog(tmp_path, "worker")
    assert log.path.read_text() == ""
    assert (tmp_path / "worker.log.1").read_text() == "first\n"


def test_a_log_stays_within_its_limit_under_a_process_that_writes_it(tmp_path: Path) -> None:
    log = ProcessLog(tmp_path, "worker", limit_bytes=100)
    with log.path.open("ab") as writing:
        writing.write(b"x" * 101)
        writing.flush()
        log.keep_within_limit()
        writing.write(b"after\n")
    assert log.path.read_text() == "after\n"
    assert (tmp_path / "worker.log.1").stat().st_size == 101


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = ProcessLog(tmp_path, "worker")
    log.path.write_text("\n".join(map(str, range(100))))
    assert log.tail(2) == "98\n99"


def test_a_mark_names_one_process_and_not_its_successor_with_the_same_pid() -> None:
    mark = ProcessMark.of(os.getpid())
    assert mark is not None and mark.process() is not None
    assert ProcessMark.parse(str(mark)) == mark
    assert ProcessMark(mark.pid, mark.created_at - 60).process() is None
    assert ProcessMark.parse("rubbish") is None
    assert ProcessMark.of(2**22 + 1) is None


def test_a_leftover_that_ignores_a_polite_request_is_killed() -> None:
    child = python_process(
        "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('.', flush=True); time.sleep(60)",
    )
    mark = ProcessMark.of(child.pid)
    assert mark is not None
    assert end_leftover(mark, grace_seconds=0.2)
    assert not end_leftover(mark)

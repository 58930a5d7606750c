"""The embedded PostgreSQL: its account and places, its port, and starts after every kind of end."""

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from cadenza.operations import postgres_home
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.postgres_home import Account, EmbeddedServerError, can_traverse
from cadenza.operations.processes import port_is_free
from tests.support.servers import open_folder

pytestmark = [pytest.mark.servers, pytest.mark.computes(20)]


def server_process(server: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((server.home.data / "postmaster.pid").read_text().split("\n", 1)[0]))


def test_commits_survive_a_kill_and_the_address_stays_the_same() -> None:
    with open_folder("cadenza-test-") as folder:
        server = EmbeddedPostgres(folder / "postgres")
        address = server.start(folder / "server.log")
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE promise (kept boolean)")
            connection.execute("INSERT INTO promise VALUES (true)")
        server_process(server).send_signal(signal.SIGKILL)

        again = EmbeddedPostgres(folder / "postgres")
        try:
            assert again.start(folder / "server.log") == address
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT kept FROM promise").fetchall() == [(True,)]
                assert connection.execute("SHOW fsync").fetchone() == ("on",)
                assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        finally:
            again.stop()
        assert port_is_free(again.port or 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only the slow way")
def test_after_a_crash_files_are_not_flushed_one_by_one(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("show recovery_init_sync_method").fetchone() == ("syncfs",)


def test_a_server_that_still_runs_is_ended_before_a_second_one_starts() -> None:
    with open_folder("cadenza-test-") as folder:
        first = EmbeddedPostgres(folder / "postgres", durable=False)
        first.start()
        old = server_process(first)
        second = EmbeddedPostgres(folder / "postgres", durable=False)
        try:
            second.start()
            assert server_process(second).pid != old.pid
        finally:
            second.stop()
            first.stop()


def test_another_port_is_taken_when_the_remembered_one_is_in_use() -> None:
    with open_folder("cadenza-test-") as folder, socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen(1)
        taken = squatter.getsockname()[1]
        (folder / "port").write_text(str(taken))
        server = EmbeddedPostgres(folder, durable=False)
        try:
            server.start()
            assert server.port != taken
        finally:
            server.stop()


def test_the_server_asks_for_its_password_and_its_files_are_private(postgres_url: str) -> None:
    wrong = postgres_url.replace("cadenza:", "cadenza:not-", 1)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(wrong, connect_timeout=5)


def test_the_password_file_is_for_its_owner_only() -> None:
    with open_folder("cadenza-test-") as folder:
        server = EmbeddedPostgres(folder, durable=False)
        server.prepare()
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE(server.home.data.stat().st_mode) == 0o700


def test_a_first_start_that_was_cut_short_leaves_no_half_made_database() -> None:
    with open_folder("cadenza-test-") as folder:
        unfinished = folder / "data.unfinished"
        unfinished.mkdir()
        (unfinished / "rubbish").touch()
        server = EmbeddedPostgres(folder, durable=False)
        try:
            server.start()
        finally:
            server.stop()
        assert not unfinished.exists()


def test_data_of_another_version_is_refused_with_the_way_out() -> None:
    with open_folder("cadenza-test-") as folder:
        (folder / "data").mkdir()
        (folder / "data" / "PG_VERSION").write_text("16\n")
        with pytest.raises(EmbeddedServerError, match="dump and restore"):
            EmbeddedPostgres(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_folder_that_the_server_cannot_enter_is_replaced_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    with open_folder("cadenza-test-shared-") as shared:
        monkeypatch.setattr(postgres_home, "_SHARED", shared)
        server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
        try:
            server.start()
            assert server.home.data.is_relative_to(shared)
            assert server.home.moved_because is not None and str(server.home.data) in server.home.moved_because
            assert EmbeddedPostgres(tmp_path / "postgres").home.data == server.home.data
        finally:
            server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_programs_that_the_server_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder("cadenza-test-shared-") as shared:
        real = postgres_home._programs()
        monkeypatch.setattr(postgres_home, "_SHARED", shared)
        monkeypatch.setattr(
            postgres_home,
            "can_traverse",
            lambda path, account: not path.is_relative_to(real) and can_traverse(path, account),
        )
        server = EmbeddedPostgres(shared / "postgres", durable=False)
        try:
            server.start()
            assert server.home.programs.is_relative_to(shared)
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("mode", "mine", "may"), [(0o755, False, True), (0o750, False, False), (0o700, False, False), (0o700, True, True)]
)
def test_whether_an_account_may_enter_is_read_from_the_modes(mode: int, mine: bool, may: bool) -> None:
    with open_folder("cadenza-test-") as folder:
        closed = folder / "closed"
        closed.mkdir()
        closed.chmod(mode)
        owner = closed.stat()
        account = Account("x", owner.st_uid, owner.st_gid) if mine else Account("x", 64_001, 64_001)
        assert can_traverse(closed / "not-there-yet", account) is may

"""Real servers for tests, made fresh and thrown away: one PostgreSQL for a run of pytest, one Temporal for a module."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.records.migrate import migrate


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that other users may enter (pytest's own are closed, and PostgreSQL does not run as root)."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[EmbeddedPostgres]:
    """A server whose data nobody needs tomorrow: not durable, so fast."""
    with open_folder("cadenza-test-postgres-") as folder:
        server = EmbeddedPostgres(folder, durable=False)
        server.start(folder / "server.log")
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """A new database on the server, empty or a copy of another; dropped afterwards, whoever is still connected."""
    name = f"test_{uuid4().hex[:16]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(_database("CREATE DATABASE {} TEMPLATE {}", name, template))
    try:
        yield _of_server(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(_database("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))


def laid_out_database(server_url: str) -> str:
    """Name of a database with our tables, to be copied: a tenth of what migrating takes. Made by who needs it first."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LAYING_OUT])
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_LAID_OUT]).fetchone()
        if known is None:
            unfinished = f"{_LAID_OUT}_unfinished"
            connection.execute(_database("DROP DATABASE IF EXISTS {}", unfinished))
            connection.execute(_database("CREATE DATABASE {} TEMPLATE template0", unfinished))
            migrate(_of_server(server_url, unfinished))
            connection.execute(_database("ALTER DATABASE {} RENAME TO {}", unfinished, _LAID_OUT))
    return _LAID_OUT


def _of_server(server_url: str, database: str) -> str:
    return f"{server_url.rsplit('/', 1)[0]}/{database}"


def _database(statement: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


_LAID_OUT = "laid_out"
_LAYING_OUT = 5_502_117
_SMALL_BYTES = 1_000_000


def empty_database(url: str) -> None:
    """Nobody connected and no row left, but the schema as it was: a hundredth of what migrating anew takes.

    Rows are deleted from the few tables that a test wrote to: truncating makes new files for each table and index.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        written = connection.execute(
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"
        ).fetchall()
        large = [sql.Identifier(name) for name, size in written if size > _SMALL_BYTES]
        steps = [
            sql.SQL("SET session_replication_role = replica"),  # the audit log's triggers refuse to empty it
            *(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name, size in written if size <= _SMALL_BYTES),
            *([sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(large))] if large else []),
            sql.SQL("SELECT setval(seqrelid, 1, false) FROM pg_sequence"),
        ]
        connection.execute(sql.SQL("; ").join(steps))


def python_process(
    *arguments: str, environment: dict[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """A child Python in this environment plus `environment`; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, *arguments], env={**os.environ, **(environment or {})}, pass_fds=tuple(pass_fds)
    )

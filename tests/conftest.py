"""Fixtures that every test folder shares. Servers are real and on free ports."""

import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from temporalio.testing import WorkflowEnvironment

from cadenza.loading import loading
from cadenza.operations.processes import free_port as find_free_port
from cadenza.settings import Settings, get_settings
from tests.support.servers import empty_database, fresh_database, laid_out_database, running_postgres
from tests.support.temporal import running_temporal

_FIRST_WORKER = "gw0"
_data_folders = count()
_SHARED_POSTGRES = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None]:
    """Nothing that collecting makes is garbage: without looking for some it takes half of the time. Of several test
    processes, which all collect all tests, one traces which lines that covers: tracing is the other half."""
    worker = getattr(session.config, "workerinput", {}).get("workerid", _FIRST_WORKER)
    with loading(), nullcontext() if worker == _FIRST_WORKER else _untraced():
        return (yield)


@contextmanager
def _untraced() -> Iterator[None]:
    """Without the tracing that coverage needs, if there is any."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Of a parametrized test only the first case is traced: the others run few lines more (2 % of all), and tracing
    doubles their time."""
    traced = set[str]()
    for item in items:
        test, is_one_of_several, _ = item.nodeid.partition("[")
        if is_one_of_several and test in traced:
            item.add_marker("no_cover")
        traced.add(test)
        for name in ("end_to_end", "conversation"):
            if item.get_closest_marker(name) and f"mark.{name}" not in _text(item.path):
                raise pytest.UsageError(
                    f"{item.nodeid}: write the mark into its file, where `ops/run_tests` looks for it"
                )
    yield
    items[:] = _long_files_first(items)  # of those that were not deselected


@cache
def _text(file: Path) -> str:
    return file.read_text()


def _long_files_first(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """The last file to end sets the time of all. Those that wait and those that compute in turn, so that a processor is
    neither idle nor asked for by all at once."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def longest_first(mark: str) -> list[Path]:
        seconds = {file: found.args[0] for file in files if (found := files[file][0].get_closest_marker(mark))}
        return sorted(seconds, key=lambda file: -seconds[file])

    for pair in zip_longest(longest_first("waits"), longest_first("computes")):
        for file in pair:
            yield from files.pop(file, []) if file else []
    for rest in files.values():
        yield from rest


def _traced_unless_marked(item: pytest.Item) -> AbstractContextManager[None]:
    return nullcontext() if item.get_closest_marker("no_cover") is None else _untraced()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """`no_cover` is for what a test needs, too."""
    with _traced_unless_marked(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Makes `no_cover` true. pytest-cov pauses one of two tracers that it starts in a process of pytest-xdist."""
    with _traced_unless_marked(item):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _away_from_this_machines_settings() -> Iterator[None]:
    """No test reads a developer's `.env`, or what their shell exports."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        patch.setitem(Settings.model_config, "env_file", None)
        yield


@pytest.fixture(autouse=True)
def _own_data_folder(
    _away_from_this_machines_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """No test writes into a developer's data folder, and none sees another's cached settings."""
    os.environ["DATA_DIR"] = str(tmp_path_factory.getbasetemp() / f"cadenza-data-{next(_data_folders)}")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test speaks with the outer world. To read every public authority's certificate, as each client does that is
    made, takes 25 ms."""
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.write_to_path(str(file))
    os.environ["SSL_CERT_FILE"] = str(file)


@pytest.fixture
def free_port() -> int:
    """A TCP port that nothing listens on."""
    return find_free_port()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Several test processes share one PostgreSQL: the process that leads them starts it."""
    stash = node.config.stash
    if _SHARED_POSTGRES not in stash:
        servers = ExitStack()
        stash[_SHARED_POSTGRES] = servers.enter_context(running_postgres()).url
        node.config.add_cleanup(servers.close)
    node.workerinput["postgres_url"] = stash[_SHARED_POSTGRES]


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a PostgreSQL server. Use `database_url` or `laid_out_url` for a database to write in."""
    shared = getattr(request.config, "workerinput", {}).get("postgres_url")
    if shared is not None:
        yield shared
        return
    with running_postgres() as server:
        yield server.url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty database for one test."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def laid_out_url(postgres_url: str) -> Iterator[str]:
    """A fresh database with all our tables for one test."""
    with fresh_database(postgres_url, laid_out_database(postgres_url)) as url:
        yield url


@pytest.fixture(scope="module")
def module_laid_out_url(postgres_url: str) -> Iterator[str]:
    """A fresh database with all our tables for one test module."""
    with fresh_database(postgres_url, laid_out_database(postgres_url)) as url:
        yield url


@pytest.fixture(scope="session")
def shared_tables_url(postgres_url: str) -> Iterator[str]:
    """One database with our tables for the whole test process. Use `tables_url`, which is empty for each test."""
    with fresh_database(postgres_url, laid_out_database(postgres_url)) as url:
        yield url


@pytest.fixture
def tables_url(shared_tables_url: str) -> str:
    """A database with all our tables and no row in them."""
    empty_database(shared_tables_url)
    return shared_tables_url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    """A real development server; `await temporal_env.fast_forward(handle, by)` moves one workflow's clock.

    Workflow and task queue names must be unique to a test: its module shares the server. Not longer: it starts in a
    quarter of a second, and costs a twentieth of a processor while nobody uses it.
    """
    async with running_temporal() as environment:
        yield environment

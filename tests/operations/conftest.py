"""What the tests of a whole system's start share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.processes import free_port
from cadenza.records.migrate import migrate
from cadenza.settings import Settings
from tests.support.servers import open_folder


@pytest.fixture(scope="module")
def laid_out_data() -> Iterator[Path]:
    """A data folder whose database has its tables. A system starts on a copy with half of the work."""
    with open_folder("cadenza-test-data-") as folder:
        server = EmbeddedPostgres(folder / "postgres", durable=False)
        try:
            migrate(server.start())
        finally:
            server.stop()
        (folder / "postgres" / "port").unlink()
        yield folder


@pytest.fixture
def settings(laid_out_data: Path) -> Iterator[Settings]:
    """A system of its own on free ports, that has been up before."""
    with open_folder("cadenza-test-system-") as folder:
        shutil.copytree(laid_out_data, folder, dirs_exist_ok=True)
        yield settings_in(folder)


@pytest.fixture
def new_settings() -> Iterator[Settings]:
    """A system of its own on free ports, that never was up."""
    with open_folder("cadenza-test-system-") as folder:
        yield settings_in(folder)


def settings_in(folder: Path) -> Settings:
    """A system in this folder, on free ports."""
    return Settings(
        data_dir=folder,
        api_port=free_port(),
        bridge_port=free_port(),
        temporal_embedded_port=free_port(),
        temporal_ui_port=free_port(),
    )

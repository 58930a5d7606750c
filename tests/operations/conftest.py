"""What the tests of a whole system's start share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cadenza.operations.processes import free_port
from cadenza.settings import Settings
from tests.support.servers import open_folder


@pytest.fixture(scope="module")
def used_folder() -> Iterator[Path]:
    """A data folder for one system after another. The first lays the tables; to start on what others left is what
    most starts do, and half of the work."""
    with open_folder("cadenza-test-system-") as folder:
        yield folder


@pytest.fixture
def settings(used_folder: Path) -> Settings:
    """A system on free ports, that may have been up before."""
    return settings_in(used_folder)


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

"""What a process loads is collected neither while it loads nor afterwards; what cannot start loads little."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cadenza.loading import loading


def test_nothing_is_collected_while_a_process_loads_and_garbage_is_afterwards() -> None:
    before = gc.get_freeze_count()
    try:
        with loading():
            assert not gc.isenabled()
            loaded = [[number] for number in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > before + len(loaded)
    finally:
        gc.unfreeze()


def test_a_process_that_cannot_load_collects_again() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
    gc.unfreeze()


@pytest.mark.parametrize("module", ["api", "workflows", "voice_bridge"])
def test_a_process_whose_settings_cannot_be_used_says_so_before_it_loads_the_rest(module: str, tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module],
        env={**os.environ, "DATABASE_URL": "", "CADENZA_ENV_FILE": "", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 2
    assert "DATABASE_URL: is not set" in refused.stderr
    assert "pydantic" in refused.stderr  # what is loaded is listed there
    assert not any(heavy in refused.stderr for heavy in ("sqlalchemy", "temporalio", "fastapi", "openai"))

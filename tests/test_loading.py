"""What a process loads is collected neither while it loads nor afterwards."""

import gc

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

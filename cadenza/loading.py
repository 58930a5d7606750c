"""How our long-lived processes load what they are made of."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Around a process's imports: nothing of them is garbage, and they live as long as the process.

    So nothing is collected meanwhile, which takes a fifth off the start; and later collections do not look at them
    again, which would stop the whole process, calls included, for a tenth of a second at a time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

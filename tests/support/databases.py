"""Our database's engine, kept for all tests of a process."""

from cadenza.records.database import Database

_kept: dict[tuple[str, int], Database] = {}


def kept_database(url: str, pool_size: int = 8) -> Database:
    """The same engine for the same database: a new one compiles all statements anew, a quarter of a short test.

    `close` it as any other: that ends its connections, and the next test opens its own.
    """
    if (url, pool_size) not in _kept:
        _kept[url, pool_size] = Database(url, pool_size)
    return _kept[url, pool_size]

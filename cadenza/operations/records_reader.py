"""The records as the doctor may read them: of the database that is set, or of the embedded one if it runs. Nothing is
started and nothing changed."""

from typing import Any

import psycopg

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.settings import Settings


def read_records(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """The query's rows; none where nothing answers (which is told elsewhere), or where the table is not there yet."""
    address = _address(settings)
    if address is None:
        return []
    try:
        with psycopg.connect(address, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()
    except psycopg.Error:
        return []


def _address(settings: Settings) -> str | None:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    folder = settings.data_dir / "postgres"
    port = folder / "port"  # written as the server was first prepared
    return EmbeddedPostgres(folder, port=int(port.read_text())).url if port.exists() else None

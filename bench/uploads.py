"""How long does a file of 100,000 leads take, and how much memory, from the first byte sent to the answer?

The real API process with a real, durable PostgreSQL, over loopback. Beside it, in the same run and on the same rows:
what reading the CSV costs at least, what the phone number library costs at least, and what PostgreSQL needs to take the
rows as they are by COPY. While the file is taken, another client asks for something small ten times a second.

    python -m bench uploads [--rows 100000] [--xlsx]
"""

import argparse
import asyncio
import csv
import io
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import httpx
import openpyxl
import phonenumbers
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.processes import free_port
from cadenza.operations.readiness import is_ready

HEADER = (
    "Record ID", "First Name", "Last Name", "Email", "Mobile Phone Number", "Phone Number", "Company name", "City",
    "State/Region", "Time Zone", "Consent", "Consent Date", "Plan",
)  # fmt: skip
TARGET_SECONDS, TARGET_MIB = 30, 300
ASK_EVERY_SECONDS = 0.1


def fictional_numbers() -> Iterator[str]:
    """About 125,000 numbers that belong to nobody: 555-01xx in North America, 5550 and 7010 xxxx in Australia."""
    for area in range(200, 1000):
        if phonenumbers.is_valid_number(phonenumbers.parse(f"+1{area}5550123")):
            yield from (f"({area}) 555-01{line:02d}" for line in range(100))
    for region in "2378":
        for exchange in ("5550", "7010"):
            yield from (f"+61 {region} {exchange} {line:04d}" for line in range(10_000))


def lead_rows(count: int) -> list[list[str]]:
    """As a CRM exports them: every third person has a second number, every seventh row is bad or warned about."""
    rows = []
    for row, number in zip(range(count), fictional_numbers(), strict=False):
        first, last = f"First{row % 977}", f"Last{row}"
        rows.append(
            [
                str(100_000 + row), first, last, f"{first}.{last}@example.com" if row % 13 else "nothing",
                number if row % 29 else "1.21256E+10", "" if row % 3 else number.replace("01", "02", 1),
                f"Company {row % 5000}", "Springfield", "" if row % 7 else "NY", "" if row % 5 else "America/New_York",
                "express written" if row % 2 else "", "2026-03-04" if row % 2 else "", "Gold",
            ]
        )  # fmt: skip
    return rows


def csv_file(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()


def workbook_file(rows: list[list[str]]) -> bytes:
    """As Excel writes it: texts are kept once, and cells name them."""
    places: dict[str, int] = {}
    lines = []
    for number, row in enumerate([list(HEADER), *rows], start=1):
        cells = "".join(
            f'<c r="{chr(65 + column)}{number}" t="s"><v>{places.setdefault(text, len(places))}</v></c>'
            for column, text in enumerate(row)
            if text
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    with zipfile.ZipFile(out) as empty:
        parts = {name: empty.read(name).decode() for name in empty.namelist()}
    parts["xl/worksheets/sheet1.xml"] = f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>"
    parts["xl/sharedStrings.xml"] = (
        f"<sst {main}>" + "".join(f"<si><t>{escape(text)}</t></si>" for text in places) + "</sst>"
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        "</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    )
    full = io.BytesIO()
    with zipfile.ZipFile(full, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return full.getvalue()


@contextmanager
def running_api(database_url: str, folder: Path) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    """The API process, and a client with its first key."""
    port = free_port()
    settings = {"DATABASE_URL": database_url, "DATA_DIR": str(folder), "API_PORT": str(port), "CADENZA_ENV_FILE": "",
                "TEMPORAL_ADDRESS": "127.0.0.1:1", "API_RATE_LIMIT": "100000/minute"}  # fmt: skip
    environment = {**{name: psutil.Process().environ()[name] for name in psutil.Process().environ()}, **settings}
    process = subprocess.Popen([sys.executable, "-m", "api"], env=environment)
    try:
        while not is_ready("api", folder, process.pid):
            if process.poll() is not None:
                raise SystemExit("the API process ended")
            time.sleep(0.1)
        key = (folder / "api_key").read_text().strip()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=600
        ) as client:
            yield psutil.Process(process.pid), client
    finally:
        process.terminate()
        process.wait()


class Watch:
    """Asks for the API's health now and then, and looks at the process's memory."""

    def __init__(self, process: psutil.Process, client: httpx.Client) -> None:
        self._process = process
        self._url = f"{client.base_url}/health"
        self.milliseconds: list[float] = []
        self.most_bytes = 0

    async def during(self, work: Callable[[], Any]) -> Any:
        working = asyncio.get_running_loop().run_in_executor(None, work)
        async with httpx.AsyncClient(timeout=60) as client:
            while not working.done():
                asked = time.perf_counter()
                (await client.get(self._url)).raise_for_status()
                self.milliseconds.append(1000 * (time.perf_counter() - asked))
                self.most_bytes = max(self.most_bytes, self._process.memory_info().rss)
                await asyncio.sleep(ASK_EVERY_SECONDS)
        return working.result()

    @property
    def quantiles(self) -> tuple[float, float]:
        """Median and 95th percentile of an answer, in milliseconds."""
        points = statistics.quantiles(self.milliseconds, n=20)
        return points[9], points[18]


def peak_bytes(process: psutil.Process) -> int:
    """The most memory that was resident at any time, as the system counted it."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def processor_seconds(process: psutil.Process) -> float:
    """What the process has used so far: steadier than the time on the wall of a busy machine."""
    used = process.cpu_times()
    return used.user + used.system


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def read_csv(data: bytes) -> None:
    for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")):
        pass


def read_numbers(rows: list[list[str]]) -> None:
    for row in rows:
        for text in filter(None, row[4:6]):
            try:
                phonenumbers.is_valid_number(phonenumbers.parse(text, "US"))
            except phonenumbers.NumberParseException:
                continue


def copy_rows(database_url: str, data: bytes) -> None:
    columns = ", ".join(f"c{position} text" for position in range(len(HEADER)))
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"create table raw ({columns})")
        with cursor.copy("copy raw from stdin (format csv, header)") as copy:
            copy.write(data)


def measure(count: int, with_workbook: bool) -> None:
    console = Console()
    console.print(f"Machine: {describe()}")
    rows = lead_rows(count)
    files = {"CSV": ("text/csv", csv_file(rows))}
    if with_workbook:
        files["XLSX"] = ("application/octet-stream", workbook_file(rows))
    with tempfile.TemporaryDirectory(prefix="cadenza-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL does not run as root
        server = EmbeddedPostgres(folder / "postgres")
        server.start(folder / "postgres.log")
        try:
            table = Table(
                "",
                "MB",
                "seconds",
                "of them API's CPU",
                "rows/s",
                "taken",
                "peak MiB",
                "health p50 / p95 ms",
                title=f"{count} rows",
            )
            seconds: dict[str, float] = {}
            for kind, (content_type, data) in files.items():
                seconds[kind] = _upload(server.url, folder / "api", table, kind, content_type, data)
            console.print(table)
            _compare(console, server.url, rows, files["CSV"][1], seconds["CSV"])
        finally:
            server.stop()


def _upload(url: str, folder: Path, table: Table, kind: str, content_type: str, data: bytes) -> float:
    """Into a campaign of its own, by a process of its own."""
    folder.mkdir(exist_ok=True)
    with running_api(url, folder) as (process, client):
        campaign = client.post("/v1/campaigns", json={"name": kind, "script": _SCRIPT}).raise_for_status().json()["id"]
        idle = Watch(process, client)
        asyncio.run(idle.during(lambda: time.sleep(3)))
        started_with = process.memory_info().rss

        def send() -> httpx.Response:
            return client.post(
                f"/v1/campaigns/{campaign}/leads", params={"active_elsewhere": "take", "keep_unknown": True},
                content=data, headers={"content-type": content_type},
            )  # fmt: skip

        watch = Watch(process, client)
        worked, started = processor_seconds(process), time.perf_counter()
        answer = asyncio.run(watch.during(send)).raise_for_status().json()
        seconds = time.perf_counter() - started
        worked = processor_seconds(process) - worked
        peak = max(peak_bytes(process), watch.most_bytes)
        again = timed(lambda: send().raise_for_status())
        table.add_row(
            "idle", "", "", "", "", "", f"{started_with / 2**20:.0f}", "{:.1f} / {:.1f}".format(*idle.quantiles)
        )
        table.add_row(
            kind, f"{len(data) / 1e6:.1f}", f"{seconds:.1f}", f"{worked:.1f}", f"{answer['rows'] / seconds:.0f}",
            f"{answer['accepted']} of {answer['rows']}", f"{peak / 2**20:.0f}",
            "{:.1f} / {:.1f}".format(*watch.quantiles),
        )  # fmt: skip
        table.add_row(f"{kind}, the same file again", "", f"{again:.2f}", "", "", "nothing changed", "", "")
    return seconds


def _compare(console: Console, url: str, rows: list[list[str]], data: bytes, seconds: float) -> None:
    peers = Table("what the CSV upload is made of at least", "seconds", "upload / this")
    for name, work in (
        ("csv.reader over the file", lambda: read_csv(data)),
        ("phonenumbers: parse and validate each number", lambda: read_numbers(rows)),
        ("PostgreSQL: COPY of the rows as they are", lambda: copy_rows(url, data)),
    ):
        own = timed(work)
        peers.add_row(name, f"{own:.2f}", f"{seconds / own:.1f}")
    console.print(peers)
    console.print(f"Targets: under {TARGET_SECONDS} s and {TARGET_MIB} MiB for 100,000 rows")


_SCRIPT = {"agent_company": "Acme", "purpose": "To introduce us.", "opening": "Hello {first_name}?"}


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--xlsx", action="store_true", help="An Excel workbook with the same rows, too")
    arguments = parser.parse_args(words)
    measure(arguments.rows, arguments.xlsx)


if __name__ == "__main__":
    main(sys.argv[1:])

"""`cadenza campaign ...`: campaigns over the API, with progress."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from cadenza.operations.api_client import ApiClient, ApiProblem, ApiUnreachable, api_key
from cadenza.operations.campaign_view import (
    preview_view,
    progress_view,
    report_view,
    upload_view,
    waits_for,
    words,
)
from cadenza.operations.screen import console, error_console, show_error
from cadenza.operations.settings_check import load_settings

app = typer.Typer(no_args_is_help=True)

CampaignId = Annotated[str, typer.Argument(help="The campaign's id, as `create` and `list` print it")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help='What a column is, as "HEADER=FIELD"; `preview` lists the fields. Repeatable'),
]
KeepUnknown = Annotated[
    bool, typer.Option("--keep-unknown", help="Keep columns that are not understood as custom fields")
]

OVER = frozenset({"completed", "cancelled"})
_WATCH_SECONDS = 1.0
_WAIT_FOR_API_SECONDS = 60.0


@contextmanager
def connected() -> Iterator[ApiClient]:
    """A client; what the API refuses becomes a message with the field and the fix, and exit code 1."""
    settings = load_settings()
    key = api_key(settings)
    if key is None:
        show_error(
            f"No API key: set CADENZA_API_KEY, or start the system once (its first key goes to "
            f"{settings.data_dir / 'api_key'})"
        )
        raise typer.Exit(2)
    try:
        with ApiClient(settings.cadenza_api_url, key) as client:
            yield client
    except ApiProblem as problem:
        show_problem(problem)
        raise typer.Exit(1) from None
    except ApiUnreachable as error:
        show_error(f"Nothing answers at {error}: start it with `cadenza up`, or set CADENZA_API_URL")
        raise typer.Exit(1) from None


def show_problem(problem: ApiProblem) -> None:
    """The API's refusal, field by field."""
    show_error(f"{problem} ({problem.code})")
    for error in problem.errors:
        error_console.print(f"  {error.get('field', '')}: {error.get('message', '')}", markup=False)
        if fix := error.get("fix"):
            error_console.print(f"    -> {fix}", markup=False)


@app.command()
def create(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: name, script, policy, ...")],
) -> None:
    """Create a campaign from a JSON file and print its id."""
    try:
        body = json.loads(file.read_text())
    except ValueError as error:
        show_error(f"{file} is not JSON: {error}")
        raise typer.Exit(2) from None
    with connected() as client:
        console.print(client.post("/v1/campaigns", body)["id"])


@app.command(name="list")
def list_campaigns() -> None:
    """List the campaigns, newest first."""
    with connected() as client:
        for campaign in client.get("/v1/campaigns")["items"]:
            leads = sum(campaign["leads"].values())
            console.print(f"{campaign['id']}  {words(campaign['state']):<10}  {leads:>6} leads  {campaign['name']}")


@app.command()
def preview(
    campaign: CampaignId, file: File, column: Columns = None, keep_unknown: KeepUnknown = False
) -> None:  # fmt: skip
    """Show what each column of a lead file would be taken for, and its first rows. Keeps nothing."""
    with connected() as client:
        found = client.upload(
            f"/v1/campaigns/{campaign}/leads/preview", file, mapping=_mapping(column), keep_unknown=keep_unknown
        )
    console.print(preview_view(found))


@app.command()
def upload(
    campaign: CampaignId,
    file: File,
    column: Columns = None,
    columns_of: Annotated[
        str | None, typer.Option(help="Columns as in this earlier upload: for its corrected rows")
    ] = None,
    keep_unknown: KeepUnknown = False,
    take_active: Annotated[bool, typer.Option("--take-active", help="Also numbers that other campaigns call")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Find out what would happen, and change nothing")] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write the rows that were not taken to this CSV, to be corrected"),
    ] = None,
) -> None:
    """Upload a lead file (CSV, XLSX, JSON). Good rows are taken, each bad one is explained. Calls nobody."""
    with connected() as client:
        with _progress_of_uploads(client, campaign):
            result = client.upload(
                f"/v1/campaigns/{campaign}/leads", file, mapping=_mapping(column), mapping_of=columns_of,
                keep_unknown=keep_unknown, active_elsewhere="take" if take_active else None, dry_run=dry_run,
            )  # fmt: skip
        console.print(upload_view(result))
        if rejected is not None and result["rejected"]:
            _write_rejected(client, result["id"], rejected)


@app.command(name="rejected")
def write_rejected(
    upload: Annotated[str, typer.Argument(help="The upload's id, as `upload` prints it")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="CSV to write")],
) -> None:
    """Write the rows of an upload that were not taken to a CSV: correct it, and upload it with --columns-of."""
    with connected() as client:
        _write_rejected(client, upload, file)


@app.command()
def start(campaign: CampaignId) -> None:
    """Render the campaign's speech, then start calling."""
    _change(campaign, "start")


@app.command()
def pause(campaign: CampaignId) -> None:
    """Ring nobody new; calls under way end in their own time."""
    _change(campaign, "pause")


@app.command()
def resume(campaign: CampaignId) -> None:
    """Go on after a pause."""
    _change(campaign, "resume")


@app.command()
def cancel(
    campaign: CampaignId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False
) -> None:  # fmt: skip
    """End the campaign for good; leads without an outcome end as cancelled."""
    if not yes:
        typer.confirm(f"Cancel {campaign} for good?", abort=True)
    _change(campaign, "cancel")


@app.command()
def watch(campaign: CampaignId) -> None:
    """Follow a campaign live until it is over, or Ctrl-C."""
    with connected() as client:
        follow(client, campaign)


@app.command()
def report(
    campaign: CampaignId, as_json: Annotated[bool, typer.Option("--json", help="Print the API's JSON")] = False
) -> None:  # fmt: skip
    """Print the report: outcomes, appointments, rates, reply times, cost."""
    with connected() as client:
        result = client.get(f"/v1/campaigns/{campaign}/report")
    if as_json:
        console.print_json(data=result)
    else:
        console.print(report_view(result))


def _mapping(columns: list[str] | None) -> str | None:
    """`--column "Plan Type=custom:plan"`, as the API takes it."""
    mapping: dict[str, str] = {}
    for column in columns or []:
        header, sign, target = column.rpartition("=")
        if not sign:
            raise typer.BadParameter(f"{column!r} is not HEADER=FIELD", param_hint="--column")
        mapping[header] = target
    return json.dumps(mapping) if mapping else None


def _write_rejected(client: ApiClient, upload: str, file: Path) -> None:
    file.write_bytes(client.download(f"/v1/uploads/{upload}/rejected.csv"))
    console.print(f"The rows that were not taken are in {file}: correct them, and upload it with --columns-of {upload}")


@contextmanager
def _progress_of_uploads(client: ApiClient, campaign: str) -> Iterator[None]:
    """Show how far the API is with a large file, while the request waits."""
    over = threading.Event()
    with console.status("Sending the file") as status:

        def look() -> None:
            with ApiClient(client.base_url, client.key) as beside:
                while not over.wait(_WATCH_SECONDS):
                    with suppress(ApiProblem, ApiUnreachable):
                        newest = beside.get(f"/v1/campaigns/{campaign}/uploads", limit=1)["items"]
                        if newest and newest[0]["state"] in {"reading", "storing"}:
                            status.update(f"{newest[0]['state'].title()}: {newest[0]['rows']} rows so far")

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()


def follow(client: ApiClient, campaign: str, *, give_up_after: float = float("inf")) -> dict[str, Any]:
    """Show the live view until the campaign is over; returns the last progress.

    Without a terminal a line is printed for each change of the number of finished leads. An API that is being
    restarted is waited for.
    """
    deadline = time.monotonic() + give_up_after
    progress = _progress(client, campaign)
    with Live(progress_view(progress), console=console, refresh_per_second=4, transient=True) as live:
        shown: tuple[int, str] | None = None
        while progress["state"] not in OVER and time.monotonic() < deadline:
            if console.is_terminal:
                live.update(progress_view(progress))
            elif (told := (progress["finished"], waits_for(progress))) != shown:
                shown = told
                calls = len(progress["under_way"])
                console.print(
                    f"{told[0]:>4} of {progress['leads']} leads have their outcome; {calls} calls under way"
                    + (f"; {told[1]}" if told[1] else ""),
                    markup=False,
                )
            time.sleep(_WATCH_SECONDS)
            progress = _progress(client, campaign)
    return progress


def _progress(client: ApiClient, campaign: str) -> dict[str, Any]:
    deadline = time.monotonic() + _WAIT_FOR_API_SECONDS
    while True:
        try:
            progress: dict[str, Any] = client.get(f"/v1/campaigns/{campaign}/progress")
            return progress
        except ApiUnreachable:
            if time.monotonic() > deadline:
                raise
        except ApiProblem as problem:
            if problem.status < 500 or time.monotonic() > deadline:
                raise
        time.sleep(_WATCH_SECONDS)


def _change(campaign: str, action: str) -> None:
    with connected() as client:
        result = client.post(f"/v1/campaigns/{campaign}/{action}")
    console.print(f"{campaign} is {words(result['state'])}")

"""`lmgen download`: download a model, whole and checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from lmgen.checkpoint import Manifest, ModelFiles, without_secrets
from lmgen.cli.console import in_bytes, stderr_console
from lmgen.cli.converting import convert_first
from lmgen.cli.options import complete_model, confirmed
from lmgen.engines import PRECISIONS, find_converted
from lmgen.errors import LmgenError
from lmgen.store import (
    DEFAULT_MODEL,
    Failed,
    Placed,
    Received,
    Waiting,
    check_intact,
    find,
    manifest_of,
    own_folder,
    released,
)

if TYPE_CHECKING:
    from lmgen.store import Event, Need, Source


@dataclass(frozen=True)
class _Options:
    place: str
    patterns: tuple[str, ...]
    dry_run: bool
    yes: bool
    offline: bool


@click.command()
@click.argument("model", default=DEFAULT_MODEL, shell_complete=complete_model)
@click.option("--from", "place", default="", metavar="URL|FOLDER", help="A mirror, or a folder that has the files.")
@click.option("--files", "patterns", multiple=True, metavar="GLOB", help="Download only the files that match.")
@click.option("--dry-run", is_flag=True, help="Print what would be fetched from where; fetch nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the model's folder.")
@click.option("--offline", is_flag=True, envvar="LMGEN_OFFLINE", help="Use no network; so does LMGEN_OFFLINE=1.")
def download(model: str, quiet: bool, **options) -> None:
    """Download MODEL: a name such as lm1b, or a manifest FILE.toml. Every file is verified.

    After any interruption, run it again: it continues there. For a model that is here already, such as
    the default, it verifies the files. The model's folder is printed on stdout.

    \b
    Examples:
      lmgen download lm1b
      lmgen download lm1b --from ~/Downloads/lm1b
      lmgen download lm1b --from https://mirror.example.org/lm1b -y
      lmgen download lm1b --files 'ckpt-softmax*' --dry-run
    """
    from lmgen.store import Source, fetch_model, lacking, survey  # HTTP and TLS, which no other command waits for

    asked, console = _Options(**options), Console(quiet=True) if quiet else stderr_console()
    manifest = _manifest(model)
    if manifest is None:
        click.echo(_verified(model, console))
        return
    source, needs = Source(asked.place, asked.offline), survey(manifest, asked.patterns)
    if asked.dry_run:
        _print_plan(manifest, source, needs)
        return
    if missing := sum(need.missing for need in needs):
        console.print(
            f"{manifest.name}: about {in_bytes(missing)} to fetch into {own_folder(manifest.name)}", soft_wrap=True
        )
        if not (asked.yes or quiet or confirmed("Continue?", nobody=True)):
            raise LmgenError("nothing was fetched")
    fetched = _show(fetch_model(manifest, source, asked.patterns), needs, console)
    console.print(f"{manifest.name}: {len(needs)} files verified, {fetched} of them downloaded now")
    if absent := lacking(manifest):
        console.print(f"it still lacks {', '.join(absent)}", soft_wrap=True)
    elif asked.yes or confirmed("Convert it for the fast engine, which takes half a minute?", nobody=False):
        _convert(find(manifest.name))
    click.echo(own_folder(manifest.name))


def _convert(files: ModelFiles) -> None:
    if not find_converted(files, PRECISIONS[0]):
        convert_first(files, PRECISIONS[0], verbose=False)


def _manifest(model: str) -> Manifest | None:
    """What is to be downloaded; None for a model that can only be here already."""
    if model.endswith(".toml"):
        return Manifest.load(Path(model))
    return released().get(model)


def _verified(model: str, console: Console) -> Path:
    """The folder of a model that needs no download."""
    files = find(model)
    check_intact(files.folder, manifest_of(files.folder))
    console.print(f"{model} is here, verified; nothing is to be fetched", soft_wrap=True)
    for name, manifest in released().items():
        console.print(f"for the released model: lmgen download {name} ({in_bytes(manifest.size)})", soft_wrap=True)
    return files.folder


def _print_plan(manifest: Manifest, source: "Source", needs: "list[Need]") -> None:
    for need in needs:
        urls = [str(source.folder)] if source.folder else source.urls(manifest, need.name)
        click.echo("\t".join((need.name, need.state, str(need.missing), without_secrets(" ".join(urls)))))
    click.echo(f"about {in_bytes(sum(need.missing for need in needs))} to fetch", err=True)


def _show(events: "Iterable[Event]", needs: "list[Need]", console: Console) -> int:
    """Show on stderr how it goes: bars on a terminal, else a line for what goes wrong. Returns how many files came."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    here, whole = {need.name: need.size for need in needs}, {need.name: need.file.size for need in needs}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars, fetched = {}, 0
        total = progress.add_task("total", total=None)
        for event in events:
            if isinstance(event, Waiting):
                console.print(f"another lmgen is downloading {event.model}: waiting", soft_wrap=True)
            elif isinstance(event, Failed):
                again = f"; again in {event.seconds:.0f} s" if event.seconds else ""
                console.print(f"{event.file}: {event.problem}{again}", markup=False, soft_wrap=True)
            else:
                here[event.file] = event.size
                whole[event.file] = max(event.size, event.total if isinstance(event, Received) else 0)
                if event.file not in bars:
                    bars[event.file] = progress.add_task(event.file)
                progress.update(bars[event.file], completed=event.size, total=whole[event.file])
                fetched += isinstance(event, Placed) and event.fetched
                progress.update(total, completed=sum(here.values()), total=sum(whole.values()))
    return fetched

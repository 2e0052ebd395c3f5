"""Progress of what takes long, on a terminal."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lmgen.cli.console import stderr_console
from lmgen.text import BY_LINE, Faults, kind_of, read_lines

Item = TypeVar("Item")


@dataclass(frozen=True)
class Watch:
    """Shows on a terminal's stderr how much has been made of files, and the time left.

    Nothing is shown where the rows go to the terminal themselves.
    """

    files: Sequence[Path]
    encoding: str
    output: str
    """Where the rows go; `-` is stdout."""

    def __call__(
        self,
        found: Iterable[Item],
        what: str = "sentences",
        sizes: Callable[[Item], tuple[int, int]] = lambda _: (1, 0),
    ) -> Iterator[Item]:
        """Pass on what is made of the files.

        Args:
          what: is counted, one for each line of the files.
          sizes: how many of them an item is, and how many words; of no words no speed is shown.
        """
        if not sys.stderr.isatty() or (self.output == "-" and sys.stdout.isatty()):
            yield from found
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        with Progress(*columns, console=stderr_console(), transient=True) as progress:
            task, began, words = progress.add_task(what, total=self._lines()), time.time(), 0
            for item in found:
                yield item
                count, more = sizes(item)
                words += more
                speed = f", {words / (time.time() - began):,.0f} words/s" if words else ""
                progress.update(task, advance=count, description=what + speed)

    def _lines(self) -> int | None:
        """How many lines there are to come, where that can be known and each is one: a pipe can be read only once."""
        if not self.files or not all(file.is_file() and kind_of(file) in BY_LINE for file in self.files):
            return None
        skipping = Faults("replace")  # whoever reads the lines says what is wrong with them
        return sum(1 for file in self.files for _ in read_lines(file, self.encoding, skipping))

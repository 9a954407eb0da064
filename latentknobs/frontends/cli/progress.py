"""Progress on stderr: bars in a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from attrs import define, field

from latentknobs.core.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def _in_a_terminal() -> bool:
    return sys.stderr.isatty()  # asked each time: tests and notebooks put another stderr in place


@define(eq=False)
class Bars:
    """
    Draws progress; called as core's ``Progress``: (what is done, how much is done, of how much or None).

    Attributes:
        shown: Whether bars are drawn: only where stderr is a terminal.
    """

    shown: bool = field(factory=_in_a_terminal)
    _progress: Progress | None = field(default=None, init=False)
    _tasks: dict[str, TaskID] = field(factory=dict, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()

    def __call__(self, what: str, done: int, of: int | None) -> None:
        """Draw one bar for each ``what``."""
        if not self.shown:
            return
        bars = self._bars()
        if what not in self._tasks:
            self._tasks[what] = bars.add_task(printable(what), total=of)
        bars.update(self._tasks[what], completed=done, total=of)

    def say(self, text: str) -> None:
        """A line for people on stderr, above the bars."""
        if self._progress is None:
            print(printable(text), file=sys.stderr)  # noqa: T201 - stderr is where notes go
        else:
            self._progress.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def _bars(self) -> Progress:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        return self._progress

"""Progress on stderr: what is being done, how fast, how long it will take."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from isogloss.progress import Progress


@contextmanager
def progress_bars() -> Generator[Progress]:
    """Bars for named stages; give what is yielded to a function that reports progress.

    The rate counts only what this process did: what a resumed run finds done is no speed.
    """
    from rich import progress
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.1f}/s" if speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, completed=done)
            bars.update(tasks[stage], completed=done, total=total)

        yield report

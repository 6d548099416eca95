"""How far a run in batches is, whoever watches is told: an application by events, a terminal by a bar."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Callable

import pytest

from sessmig import Event, ensure_migrations
from sessmig.progress import Progress
from sessmig.results import BatchReport
from tests.batch.filling import series
from tests.fixtures.files import WriteMigrations


def test_an_application_is_told_rows_and_rate_and_time_left(database_url: str, migrations: WriteMigrations) -> None:
    told: list[Event] = []
    ensure_migrations(
        database_url,
        migrations(series(size=" size 500")),
        on_event=lambda event: told.append(event) if event.kind == "progress" else None,
    )
    rows = [event.progress.rows for event in told if event.progress]
    assert rows == sorted(rows)
    assert (rows[0], rows[-1]) == (500, 2_500)
    first = told[0].progress
    assert first is not None
    assert first.total == 2_500
    assert first.rate > 0
    assert first.seconds_left is not None
    assert told[0].text.startswith("0002_fill: 500 of about 2,500 rows, ")


def _shown(show: Callable[[Progress], None], *, terminal: bool) -> str:
    if terminal:
        reader, writer = pty.openpty()
    else:
        reader, writer = os.pipe()
    with open(writer, "w") as stream:
        show(Progress(stream))
        stream.flush()
        shown = ""
        while "  ok" not in shown or not shown.endswith("\n"):  # a terminal hands it over bit by bit
            shown += os.read(reader, 100_000).decode()
        return shown


def _half(progress: Progress) -> None:
    progress.show(Event("step", "0002_fill: Fills", "0002_fill"))
    progress.show(
        Event("progress", "0002_fill: 5 of about 10 rows", "0002_fill", progress=BatchReport(5, 10, 1.0, 5.0))
    )
    progress.show(Event("done", "0002_fill: applied", "0002_fill"))


def test_a_terminal_has_one_line_with_a_bar_that_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = _shown(_half, terminal=True)
    assert "\r\x1b[K  [##########..........]  50 %  0002_fill: 5 of about 10 rows" in shown
    assert shown.count("\n") == 1


def test_elsewhere_a_short_run_has_no_line_of_its_own() -> None:
    assert _shown(_half, terminal=False) == "  begin   0002_fill: Fills\n  ok      0002_fill\n"


def test_elsewhere_there_is_a_line_every_ten_seconds_of_each_step() -> None:
    shown, seconds = io.StringIO(), [100.0]
    progress = Progress(shown, clock=lambda: seconds[0])
    for title in ("0002_fill", "0003_more"):
        begun = seconds[0]
        progress.show(Event("step", f"{title}: Fills", title))
        for rows, later in enumerate([0.5, 9.9, 10.0, 10.1, 19.9, 20.5, 29.0, 70.0, 79.9]):
            seconds[0] = begun + later
            told = BatchReport(rows, 9, 1.0, 1.0)
            progress.show(Event("progress", f"{title}: {rows} of about 9 rows", title, progress=told))
        progress.show(Event("done", f"{title}: applied", title))
        seconds[0] += 5
    assert shown.getvalue().splitlines() == [
        line.format(title)
        for title in ("0002_fill", "0003_more")
        for line in (
            "  begin   {}: Fills",
            "  ...     {}: 2 of about 9 rows",
            "  ...     {}: 5 of about 9 rows",
            "  ...     {}: 7 of about 9 rows",
            "  ok      {}",
        )
    ]

"""report.txt and the terminal's view of a report: one table to choose an artifact from, then what to know about it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from edgekit.core.report import Entry, Report
from edgekit.renderers import rows, words
from edgekit.renderers.output import write_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FILE_WIDTH = 160
"""Columns of report.txt, enough for the whole table; terminals use their own width, from 80 to 160 columns."""


@dataclass(frozen=True)
class _Column:
    """A column of the table; those with the highest `rank` give way first on a narrow terminal."""

    title: str
    unit: str
    cell: Callable[[Entry], str]
    rank: int = 0


class TextRenderer:
    """Writes `report.txt`, plain text."""

    name: ClassVar[str] = "text"
    filename: ClassVar[str] = "report.txt"
    extra: ClassVar[str] = ""

    def render(self, report: Report, folder: Path) -> Path:
        """Writes the report into `folder` and returns the file.

        Raises:
            WriteError: The folder cannot be written to.
            DiskSpaceError: The disk is full.
        """
        stream = io.StringIO()
        print_report(report, stream, width=FILE_WIDTH)
        return write_text(folder / self.filename, stream.getvalue())


def print_report(report: Report, stream: IO[str], *, width: int | None = None) -> None:
    """Prints the report for a reader with ten seconds; colored only on a terminal and without NO_COLOR.

    Args:
        report: What to print.
        stream: Where to; a terminal, a pipe or a file.
        width: Columns; by default the terminal's, between 80 and 160.
    """
    from rich.console import Console

    columns = width or min(160, max(80, shutil.get_terminal_size((120, 24)).columns))
    console = Console(file=stream, width=columns, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        _print(report, console)
    text = "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    plain = text.replace("±", "+-") if encoding.lower() in ("ascii", "us-ascii") else text
    stream.write(plain.encode(encoding, "replace").decode(encoding))


def _print(report: Report, console: Console) -> None:
    facts = report.environment
    console.print(words.printable(f"{report.name}: {report.description}".rstrip(": ")), style="bold")
    console.print(_machine(report), style="dim")
    if facts.emulated:
        console.print(f"{facts.device} is emulated: its latencies mean nothing.", style="bold red")
    console.print(_table(report, console.width))
    _section(console, "Findings", report.findings)
    noise = [words.noise(floor) for floor in report.noise]
    _section(console, "Noise floor", noise or ["Not measured."] * any(entry.latency for entry in report.entries))
    _section(console, "Not shown", _refused(report))
    _section(console, "Overfitting", (f"{facts.variant}: {facts.verdict}" for facts in report.training))
    _section(console, "Rejected", (f"{r.name}: {r.message} Fix: {r.fix}" for r in report.rejected), style="red")
    _section(console, "Time", [_time(report)])


def _machine(report: Report) -> str:
    facts = report.environment
    governor = f", governor {facts.governor}" if facts.governor else ""
    parts = [f"{facts.device}: {facts.cpu}, {facts.cores} cores{governor}", facts.os, report.created]
    return words.printable(" | ".join(parts))


def _table(report: Report, width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    entries = rows.by_latency(report)
    columns = _columns(report)
    cells = {column.title: [words.printable(column.cell(entry)) for entry in entries] for column in columns}
    shown = _fitting(columns, cells, width)
    left_out = [column.title for column in columns if column not in shown]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", caption_justify="left")
    table.caption = Text(_legend(report, left_out))
    for column in shown:
        first = column.rank == 0
        title = Text(f"{column.title}\n{column.unit}")
        table.add_column(title, justify="left" if first else "right", no_wrap=not first, overflow="fold")
    for index, entry in enumerate(entries):
        style = "bold green" if entry.pareto else ""
        table.add_row(*(Text(cells[column.title][index]) for column in shown), style=style)
    return table


def _fitting(columns: list[_Column], cells: dict[str, list[str]], width: int) -> list[_Column]:
    """The columns that fit side by side, in their order; never fewer than four."""

    def needs(column: _Column) -> int:
        return max(map(len, (column.title, column.unit, *cells[column.title]))) + 2

    shown = list(columns)
    while len(shown) > 4 and sum(map(needs, shown)) > width:
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown


def _against(report: Report) -> str:
    return "vs float" if (report.reference or "").endswith("/float") else "vs reference"


def _columns(report: Report) -> list[_Column]:
    counts = rows.thread_counts(report)
    columns = [
        _Column("artifact", "", lambda e: f"{'*' if e.pareto else ' '} {e.name}"),
        _Column("accuracy", "%", _accuracy, 1),
        _Column(_against(report), "points", _paired, 2),
    ]
    if counts:
        at = f"ms, {words.threads(counts[0])}"
        for q in rows.percentiles(report):
            columns.append(_Column(f"p{q:g}", at, partial(_latency, threads=counts[0], q=q), 3 if q == 50 else 7))
        columns.append(_Column("rate", "1/s", lambda e: _rate(e, counts[0]), 10))
    columns += [
        _Column("size", "", lambda e: words.size(e.size_bytes), 4),
        _Column("zipped", "", lambda e: words.size(e.compressed_bytes), 9),
        _Column("memory", "peak", lambda e: words.size(e.peak_bytes) if e.peak_bytes else "-", 6),
        _Column("SNR", "proof", lambda e: words.snr(e.proof) if e.proof else "none", 5),
        _Column("same", "proof", _same, 8),
    ]
    return columns


def _accuracy(entry: Entry) -> str:
    if entry.accuracy is None:
        return "no labels"
    found = words.accuracy(entry.accuracy)
    return f"{found.value} {found.spread()}"


def _paired(entry: Entry) -> str:
    if entry.paired is None:
        return "-"
    found = words.difference(entry.paired)
    return f"{found.value} {found.spread()} {words.verdict(entry.paired)}"


def _latency(entry: Entry, threads: int, q: float) -> str:
    row = entry.at(threads)
    if row is None:
        return "-"
    found = row.percentile(q)
    if found is None:
        return "refused"
    estimate = words.latency(found)
    return f"{estimate.value} {estimate.spread(relative=True)}"


def _rate(entry: Entry, threads: int) -> str:
    row = entry.at(threads)
    if row is None:
        return "-"
    found = words.throughput(row)
    return f"{found.value} {found.spread(relative=True)}"


def _same(entry: Entry) -> str:
    found = words.agreement(entry.proof) if entry.proof else None
    return f"{found.value} %" if found else "-"


def _legend(report: Report, left_out: list[str]) -> str:
    counts = rows.thread_counts(report)
    parts = ["±: half of the 95 % interval"]
    if counts:
        parts.append(f"*: none is both more accurate and faster at {words.threads(counts[0])}")
    if report.reference:
        parts.append(f"{_against(report)}: the same samples through {report.reference} (paired test)")
    parts.append("SNR and same: against the model it was made from")
    if left_out:
        parts.append(f"no room for {', '.join(left_out)}: a wider terminal or --json shows them")
    return words.printable("; ".join(parts) + ".")


def _refused(report: Report) -> list[str]:
    said = [f"{sentence} ({_few(names)})" for sentence, names in rows.refusals(report)]
    restless = rows.unsteady(report)
    if restless:
        said.append(f"Latency had not settled when warm-up ended, read with care: {_few(restless)}.")
    return said


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _time(report: Report) -> str:
    spent = sorted(report.time_spent, key=lambda row: -row.seconds)
    stages = ", ".join(
        f"{row.stage} {words.seconds(row.seconds)}" + (f" ({row.cached} cached)" if row.cached else "") for row in spent
    )
    return f"{words.seconds(report.wall_seconds)}: {stages}" if stages else words.seconds(report.wall_seconds)


def _section(console: Console, title: str, lines: Iterable[str], style: str = "bold") -> None:
    from rich.padding import Padding
    from rich.text import Text

    shown = [words.printable(line) for line in lines]
    if not shown:
        return
    console.print()
    console.print(title, style=style)
    for line in shown:
        console.print(Padding(Text(line), (0, 0, 0, 2)))

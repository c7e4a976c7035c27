"""The terminal's view: every artifact with its noise, at any width, to any stream."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from sample_report import HOSTILE, build

from edgekit.renderers.text import TextRenderer, print_report


def _printed(width: int) -> str:
    stream = io.StringIO()
    print_report(build(), stream, width=width)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 110, 160])
def test_every_artifact_is_one_row_that_fits_the_width(width: int) -> None:
    text = _printed(width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for entry in build().entries:
        row = [line for line in text.splitlines() if f" {entry.name} " in line and "±" in line]
        assert len(row) == 1, entry.name
        assert row[0].lstrip().startswith("*") == entry.pareto


def test_a_latency_or_an_accuracy_never_stands_without_its_interval() -> None:
    row = next(line for line in _printed(160).splitlines() if " dense/tflite-int8 " in line)
    assert row.count("±") == 6, "accuracy, difference, p50, p90, p95, rate"


def test_what_a_narrow_terminal_cannot_show_is_said() -> None:
    assert "no room for p90, p95, rate, size" in _printed(80)
    assert "no room" not in _printed(160)


def test_refusals_rejections_noise_and_time_are_said() -> None:
    text = " ".join(_printed(160).split())
    assert "refused" in text
    assert "p90 needs 64 samples; 60 were taken. (dense/openvino-fp16 at 1 thread" in text
    assert "magnitude-80/openvino-int8: Its answers agree" in text
    assert "Fix: Use more calibration samples" in text
    assert "a latency difference of less than 2.6 % means nothing here" in text
    assert "3 min 51 s: train 71 s, convert 65 s (4 cached)" in text
    assert "had not settled" in text


def test_an_artifact_without_labels_or_measurements_has_a_row() -> None:
    report = build()
    bare = replace(report.entries[0], latency=(), accuracy=None, paired=None, proof=None, peak_bytes=None)
    stream = io.StringIO()
    print_report(replace(report, entries=(bare,), noise=()), stream, width=160)
    assert "no labels" in stream.getvalue()
    assert "Noise floor" not in stream.getvalue()


def test_a_pipe_gets_no_escape_codes_and_a_terminal_gets_color(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in _printed(120)
    colored, plain = Terminal(), Terminal()
    print_report(build(), colored, width=120)
    assert "\x1b[1;32m" in colored.getvalue(), "the Pareto rows are bold green"
    monkeypatch.setenv("NO_COLOR", "1")
    print_report(build(), plain, width=120)
    assert "\x1b[1;32m" not in plain.getvalue()


def test_a_name_cannot_steer_the_terminal_or_be_read_as_markup() -> None:
    report = replace(build(), findings=(f"\x1b[2J\x07[red]{HOSTILE}[/red]",), name="a\nb")
    stream = io.StringIO()
    print_report(report, stream, width=160)
    assert "\x1b" not in stream.getvalue()
    assert f"[red]{HOSTILE}[/red]" in stream.getvalue()
    assert stream.getvalue().startswith("a b:")


def test_an_ascii_stream_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_report(build(), stream, width=120)
    stream.flush()
    assert b"+-" in raw.getvalue()


def test_an_emulated_device_is_said_first() -> None:
    report = build()
    stream = io.StringIO()
    print_report(replace(report, environment=replace(report.environment, emulated=True)), stream, width=120)
    assert "is emulated: its latencies mean nothing" in "\n".join(stream.getvalue().splitlines()[:4])


def test_the_file_is_the_widest_form(tmp_path: Path) -> None:
    file = TextRenderer().render(build(), tmp_path)
    assert file.name == "report.txt"
    assert file.read_text(encoding="utf-8") == _printed(160)

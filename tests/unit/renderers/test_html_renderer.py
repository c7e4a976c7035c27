"""report.html: one file, nothing fetched, everything escaped, and it draws in a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sample_report import HOSTILE, build

from edgekit.core.report import Report
from edgekit.errors import MissingPackageError
from edgekit.renderers.html import HTMLRenderer, headlines, page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def report() -> Report:
    return build()


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return page(report)


class _Reader(HTMLParser):
    """Collects tags, attributes and the text outside of scripts, as a browser's parser would split them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    return reader


def test_nothing_is_loaded_from_anywhere(text: str) -> None:
    reader = _read(text)
    loading = [
        (tag, attributes)
        for tag, attributes in reader.tags
        if "src" in attributes or tag in ("link", "img", "iframe") or (attributes.get("href") or "#")[0] != "#"
    ]
    assert loading == []
    policy = next(a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_hostile_names_stay_text_in_the_page_and_in_the_data(text: str) -> None:
    reader = _read(text)
    assert not any(tag == "img" for tag, _ in reader.tags)
    assert sum(tag == "script" for tag, _ in reader.tags) == 3
    assert HOSTILE in "".join(reader.words)
    data = re.search(r'<script type="application/json" id="drawings">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    assert "distributions" in json.loads(data[1])["specs"]


def test_the_page_stays_small_whatever_the_number_of_samples(text: str) -> None:
    assert len(text.encode()) < 2_500_000
    many = page(build(samples=2400))
    assert len(many) < 1.1 * len(text)


def test_every_latency_and_accuracy_in_the_table_has_its_interval(text: str) -> None:
    body = re.search(r'<table class="artifacts".*?</table>', text, flags=re.DOTALL)
    assert body is not None
    numbers = re.findall(r'class="unit"> (?:ms|%|pt|/s)</span>(.{8})', body[0])
    assert len(numbers) > 150
    assert set(numbers) == {" <small>"}
    assert "<em>refused</em>" in body[0]


def test_an_emulated_device_is_announced(report: Report, text: str) -> None:
    emulated = page(replace(report, environment=replace(report.environment, emulated=True)))
    assert "is emulated: its latencies mean nothing" in emulated
    assert "is emulated" not in text


def test_the_headlines_name_the_fastest_with_and_without_loss(report: Report) -> None:
    tiles = {tile["title"]: tile for tile in headlines(report)}
    assert tiles["Fastest"]["of"] == "channels-50/tflite-int8"
    assert tiles["Fastest without measured loss"]["of"] == "dense/tflite-int8"
    assert "ms, median at 1 thread" in tiles["Fastest"]["remark"]


def test_a_report_without_measurements_or_labels_is_still_a_page(report: Report) -> None:
    bare = replace(report.entries[0], latency=(), accuracy=None, paired=None, proof=None, peak_bytes=None)
    lean = replace(report, entries=(bare,), training=(), noise=(), data=None, reference_accuracy=None, time_spent=())
    assert "nothing to weigh against each other" in page(lean)
    assert "<h1>digits</h1>" in page(replace(lean, entries=(), findings=(), rejected=()))


def test_without_the_extra_the_error_names_it(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.lazy.installed", lambda name: name != "jinja2")
    with pytest.raises(MissingPackageError) as caught:
        HTMLRenderer().render(report, tmp_path)
    assert "[report]" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def _browse(file: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--log-level=0"]
    command = [BROWSER, "--headless", "--no-sandbox", *quiet, f"--user-data-dir={profile}", "--virtual-time-budget=20000"]
    return subprocess.run([*command, *flags, file.as_uri()], capture_output=True, text=True, timeout=120)


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_a_real_browser_draws_every_picture_without_an_error(report: Report, tmp_path: Path) -> None:
    file = HTMLRenderer().render(report, tmp_path)
    done = _browse(file, tmp_path / "profile", "--dump-dom")
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    places = re.findall(r'data-chart="([^"]+)"', done.stdout)
    assert len(places) == 11
    assert f'data-drawn="{len(places)}"' in done.stdout
    tradeoff = done.stdout.partition('id="chart-tradeoff"')[2].partition("</section>")[0]
    assert tradeoff.count('aria-roledescription="point"') == 20, "21 artifacts, one without labels"
    for layer in ("front", "xbars", "ybars", "points"):
        assert f"{layer}_marks" in tradeoff
    assert "could not be drawn" not in html.unescape(done.stdout.partition('id="drawings"')[0])


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_the_thread_switch_and_the_sorting_work_in_a_browser(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "driven.html"
    drive = """<script>
      const settled = () => document.documentElement.dataset.drawn ? run() : setTimeout(settled, 50);
      function run() {
        document.querySelector('[data-choose="2"]').click();
        const size = [...document.querySelectorAll("#table th button")].find((button) => button.textContent === "size");
        size.click(); size.click();
        const first = document.querySelector("#table tbody tr th").dataset.value;
        const cells = [...document.querySelectorAll("#table .at")].filter((cell) => cell.offsetParent);
        const shown = cells.map((cell) => cell.dataset.threads);
        document.title = first + " " + [...new Set(shown)].join();
      }
      settled();
    </script></body>"""
    file.write_text(page(report).replace("</body>", drive), encoding="utf-8")
    done = _browse(file, tmp_path / "profile", "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    first, shown = title[1].split()
    largest = max(entry.size_bytes for entry in report.entries)
    assert first in {entry.name for entry in report.entries if entry.size_bytes == largest}
    assert shown == "2", "only the latencies at 2 threads are shown"


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_a_screenshot_has_the_colors_of_all_formats(report: Report, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    file = HTMLRenderer().render(report, tmp_path)
    shot = tmp_path / "shot.png"
    _browse(file, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1280,1400", "--hide-scrollbars")
    seen = {color for _, color in image.open(shot).convert("RGB").getcolors(1 << 24)}
    assert {(0xC2, 0x41, 0x0C), (0x00, 0x67, 0xA5), (0x00, 0x79, 0x5A)} <= seen

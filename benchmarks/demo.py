"""Where does the time of a whole run go? `edgekit run recipes/digits.yaml` in a fresh home, everything made anew.

    python benchmarks/demo.py
    python benchmarks/demo.py --recipe mine.yaml

Packages come from the environment this runs in, so that their download is not counted. The promise is 5 minutes on 2
cores, of which less than 10 % is edgekit's own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgekit.core.report import Report
from edgekit.core.serde import from_json

RECIPE = Path(__file__).parents[1] / "recipes" / "digits.yaml"


def run(recipe: Path, home: Path, out: Path) -> tuple[float, float, Report]:
    """One `edgekit run`: wall seconds, CPU seconds of it and its children, and its report."""
    environment = {**os.environ, "EDGEKIT_HOME": str(home)}
    command = [sys.executable, "-m", "edgekit", "run", str(recipe), "--out", str(out), "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    report = from_json(Report, json.load(process.stdout))
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"the run ended with exit code {process.returncode}", file=sys.stderr)
    return wall, usage.ru_utime + usage.ru_stime, report


def main() -> None:
    """Prints wall time, where it went and the share that is edgekit's own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    recipe = parser.parse_args().recipe
    print(f"running {recipe}, everything anew ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu, report = run(recipe, Path(folder) / "home", Path(folder) / "out")
    print(f"{recipe.stem}: {len(report.entries)} artifacts on {report.environment.cpu}, {report.environment.cores} cores")
    print(f"{'stage':9}  seconds  share  steps  cached")
    for row in sorted(report.time_spent, key=lambda row: -row.seconds):
        print(f"{row.stage:9}  {row.seconds:7.1f}  {row.seconds / wall:5.1%}  {row.done:5}  {row.cached:6}")
    # What the report cannot count: starting Python, printing, ending the children.
    print(f"{'start/end':9}  {wall - report.wall_seconds:7.1f}  {1 - report.wall_seconds / wall:5.1%}")
    known = sum(row.seconds for row in report.time_spent if row.stage != "overhead")
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s; edgekit's own share {(wall - known) / wall:.1%}")


if __name__ == "__main__":
    main()

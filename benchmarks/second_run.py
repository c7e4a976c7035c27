"""How long does a run take when nothing has changed? Wall and CPU time of the second run against the first.

    python benchmarks/second_run.py         # the digits; the first run takes minutes
    python benchmarks/second_run.py --recipe mine.yaml --runs 5

The promise is 5 s.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from demo import RECIPE, run


def main() -> None:
    """Prints the first run, each further one, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, out = Path(folder) / "home", Path(folder) / "out"
        first, cpu, _ = run(asked.recipe, home, out)
        print(f"first run   wall {first:7.2f} s  CPU {cpu:7.2f} s", flush=True)
        walls = []
        for number in range(asked.runs):
            wall, cpu, report = run(asked.recipe, home, out)
            done = sum(row.done for row in report.time_spent if row.stage != "report")
            walls.append(wall)
            print(f"run {number + 2:<7} wall {wall:7.2f} s  CPU {cpu:7.2f} s  steps done again: {done}", flush=True)
    print(f"the best second run is {first / min(walls):.0f} times as fast as the first")


if __name__ == "__main__":
    main()

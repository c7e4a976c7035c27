"""How long does `edgekit --help` take? CPU and wall time of the root help and of each verb's, against `python -c pass`.

    python benchmarks/startup.py            # the least of 10 runs each
    python benchmarks/startup.py --runs 30

CPU time is what counts: other programs on the machine add to the wall time, and the least of several runs has the least
of them. The promise is 0.2 s of CPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from edgekit.cli.main import VERBS


def least(command: list[str], runs: int) -> tuple[float, float]:
    """The least CPU time and the least wall time of `command`, seconds."""
    cpu, wall = [], []
    for _ in range(runs):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed")
        wall.append(time.perf_counter() - started)
        cpu.append(usage.ru_utime + usage.ru_stime)
    return min(cpu), min(wall)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    base, base_wall = least([sys.executable, "-c", "pass"], runs)
    print(f"{'command':28}  CPU s  wall s  CPU against a bare Python")
    print(f"{'python -c pass':28}  {base:5.3f}   {base_wall:5.3f}  1.0x")
    for words in ([], *([verb] for verb in VERBS)):
        cpu, wall = least([sys.executable, "-m", "edgekit", *words, "--help"], runs)
        print(f"{' '.join(['edgekit', *words, '--help']):28}  {cpu:5.3f}   {wall:5.3f}  {cpu / base:.1f}x", flush=True)


if __name__ == "__main__":
    main()

"""`edgekit doctor`: what could go wrong on this machine, each with its fix."""

from __future__ import annotations

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = False
DETAILS = "Exits with 1 when something that edgekit does will fail, with 0 when there are only warnings."


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json

    found = api.doctor()
    if json:
        print_json(found)
    else:
        marks = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}
        for finding in found:
            if quiet and finding.status == "ok":
                continue
            print(f"{marks[finding.status]}  {finding.name}: {finding.detail}")
            if finding.fix:
                print(f"         fix: {finding.fix}")
    if any(finding.status == "problem" for finding in found):
        raise typer.Exit(1)

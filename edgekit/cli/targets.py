"""`edgekit targets`: what can be made here, and what installs the rest."""

from __future__ import annotations

from edgekit.cli import options

NEEDS_ARGUMENTS = False
DETAILS = "A target is <format>-<precision>, the word that `edgekit convert --target` takes."


def command(json: options.Json = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, print_table

    rows = api.targets()
    if json:
        print_json(rows)
        return
    print_table(
        ["target", "here", "made by", "to install what is missing"],
        [(r.target, "ready" if r.ready else "missing " + ", ".join(r.missing), ", ".join(r.by), r.fix) for r in rows],
    )

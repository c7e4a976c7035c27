"""`edgekit toolchains`: the tools that need an environment of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A toolchain's name, as `list` shows it.")]


@app.command("list", help="List the toolchains: what for, installed or not, size on disk, Python.")
def list_toolchains(json: options.Json = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, print_table

    rows = api.toolchains()
    if json:
        print_json(rows)
        return
    print_table(
        ["toolchain", "what for", "here", "MB", "Python"],
        [
            (
                row.name,
                row.purpose,
                ("installed" if row.installed else "not installed") + (", outdated ones too" if row.outdated else ""),
                f"{row.size_bytes / 1e6:.0f}" if row.installed else "",
                row.python,
            )
            for row in rows
        ],
    )


@app.command("install", help="Install a toolchain now; afterwards it needs no network.")
def install(name: Name, json: options.Json = False, quiet: options.Quiet = False, verbose: options.Verbose = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, progress_for

    row = api.install_toolchain(name, progress=progress_for(quiet=quiet, verbose=verbose, as_json=json))
    if json:
        print_json(row)
    else:
        print(f"{row.name} is installed: {row.size_bytes / 1e6:.0f} MB in {row.folder}, on {row.python}.")


@app.command("remove", help="Remove a toolchain; it is installed again when it is needed.")
def remove(name: Name, json: options.Json = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json

    freed = api.remove_toolchain(name)
    if json:
        print_json({"name": name, "freed_bytes": freed})
    else:
        print(f"{name}: {freed / 1e6:.0f} MB freed." if freed else f"{name} was not installed.")

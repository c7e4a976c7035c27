"""`edgekit devices`: the profiles of boards."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.command("list", help="List the device profiles.")
def list_devices(json: options.Json = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, print_table
    from edgekit.cli.present import cores_of

    found = api.devices()
    if json:
        print_json(found)
        return
    print_table(
        ["device", "what it is", "cores", "memory GiB", "accelerators"],
        [
            (
                d.name,
                d.title,
                cores_of(d),
                " ".join(f"{m:g}" for m in d.memory_gib),
                ", ".join(a.name for a in d.accelerators),
            )
            for d in found.values()
        ],
    )


@app.command("show", help="Show a device profile, with the source of each fact.")
def show(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A device's name, or a file.")], json: options.Json = False
) -> None:
    from edgekit.cli.output import print_json
    from edgekit.cli.present import show_device
    from edgekit.config.load import device_path, load_device

    profile = load_device(device_path(device))
    if json:
        print_json(profile)
    else:
        show_device(profile)

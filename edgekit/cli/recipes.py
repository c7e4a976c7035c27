"""`edgekit recipes`: the recipes that come with edgekit."""

from __future__ import annotations

from typing import Annotated

import typer

from edgekit.cli import options

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.command("list", help="List the recipes.")
def list_recipes(json: options.Json = False) -> None:
    from edgekit import api
    from edgekit.cli.output import print_json, print_table

    found = api.recipes()
    if json:
        print_json(found)
    else:
        print_table(["recipe", "what it does"], [(name, recipe.description.strip()) for name, recipe in found.items()])


@app.command("show", help="Show a recipe's file, or with --json what edgekit reads from it.")
def show(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or a file.")], json: options.Json = False
) -> None:
    from edgekit.cli.output import print_json
    from edgekit.config.load import load_recipe, recipe_path

    path = recipe_path(recipe)
    loaded = load_recipe(path)
    if json:
        print_json(loaded)
    else:
        print(path.read_text(encoding="utf-8"), end="")

"""The documentation is true where a machine can tell: generated pages, links, command lines and Python calls."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer

import edgekit
from edgekit.cli.main import VERBS, build
from edgekit.core.model import LineageStep, Model

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GENERATED = ("cli.md", "targets.md", "errors.md", "api.md")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and body of each fenced or indented code block."""
    fence = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
    for found in fence.finditer(text):
        yield found[2], textwrap.dedent(found[3])
    for found in re.finditer(r"(?:^    .*\n)+", fence.sub("", text), re.MULTILINE):
        yield "", textwrap.dedent(found[0])


def commands(text: str) -> Iterator[str]:
    """Every `edgekit ...` line of the code blocks, continued lines joined, without what follows a pipe or a comment."""
    for _, body in blocks(text):
        for line in re.sub(r"\\\n\s*", "", body).splitlines():
            words = line.removeprefix("$ ")
            if words.startswith("edgekit ") and not re.search(r"VERB|\[OPTIONS\]", words):
                yield re.split(r" (?:[|>#]|2>|&&) ?", words)[0]


def check_command(line: str) -> None:
    """Parses a command line as the program would, without running it."""
    arguments = shlex.split(line)[1:]
    if arguments[0].startswith("-"):
        return
    assert arguments[0] in VERBS, f"no verb {arguments[0]}"
    root = typer.main.get_command(build(arguments))
    command, rest = root.commands[arguments[0]], arguments[1:]  # type: ignore[attr-defined]
    if hasattr(command, "commands"):
        assert rest[0] in command.commands, f"{arguments[0]} has no {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    if "--help" not in rest:
        command.make_context(line, rest)


@pytest.mark.parametrize("name", GENERATED)
def test_regenerating_a_page_changes_nothing(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == generator().pages()[name], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)} links to {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{name_of(page)} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the titles of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist_with_their_options(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        try:
            check_command(line)
        except Exception as problem:
            pytest.fail(f"{name_of(page)}: {line}\n{getattr(problem, 'message', problem)}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_verbs_named_in_the_text_exist(page: Path) -> None:
    named = re.findall(r"`edgekit ([a-z]+)", page.read_text(encoding="utf-8"))
    assert [verb for verb in named if verb not in VERBS] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_examples_call_what_there_is(page: Path) -> None:
    for language, body in blocks(page.read_text(encoding="utf-8")):
        if language != "python" or "import " not in body:
            continue
        for call in (node for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Call)):
            function = call.func
            if (
                isinstance(function, ast.Attribute)
                and isinstance(function.value, ast.Name)
                and function.value.id == "edgekit"
            ):
                assert function.attr in edgekit.__all__, f"edgekit has no {function.attr}"
                keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg}
                inspect.signature(getattr(edgekit, function.attr)).bind(*call.args, **keywords)


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [name_of(page).removeprefix("docs/") for page in PAGES if page.is_relative_to(ROOT / "docs" / "")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_no_page_names_a_path_of_a_machine() -> None:
    for page in PAGES:
        found = re.search(r"(?<![\w.])/(?:home|root|Users|tmp)/\w+", page.read_text(encoding="utf-8"))
        assert not found, f"{name_of(page)}: {found and found[0]}"


def test_the_artifact_page_names_every_key() -> None:
    text = (ROOT / "docs" / "reference" / "artifact.md").read_text(encoding="utf-8")
    keys = {*Model.__dataclass_fields__, *LineageStep.__dataclass_fields__} - {"path"}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_the_checks_can_fail() -> None:
    for wrong in (
        "edgekit convrt a.keras",
        "edgekit convert a.keras --target tflite-int8 --calibration x",
        "edgekit inspect",
    ):
        with pytest.raises(Exception):  # noqa: B017, PT011 - click's own classes, whose base is not public in every version
            check_command(wrong)

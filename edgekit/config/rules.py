"""What types cannot say: ranges, shares that add up, names that must be unique - as problems with their lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edgekit.config.document import Document, Where
from edgekit.config.shape import dotted, shown
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.registry import nearest

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
"""Names become folder names on every operating system."""

DENSE = "dense"
"""The report's name for the model as it was trained."""

Rule = tuple[str, Callable[[Any], bool]]
"""What a number must be, in words and as a test."""

_POSITIVE: Rule = ("more than 0", lambda x: x > 0)
_NOT_NEGATIVE: Rule = ("0 or more", lambda x: x >= 0)
_AT_LEAST_1: Rule = ("1 or more", lambda x: x >= 1)
_BETWEEN_0_AND_1: Rule = ("more than 0 and less than 1", lambda x: 0 < x < 1)
_BELOW_1: Rule = ("0 or more and less than 1", lambda x: 0 <= x < 1)

RECIPE_NUMBERS: Mapping[str, Rule] = {
    "data.split.*": _BETWEEN_0_AND_1,
    "input.height": _AT_LEAST_1,
    "input.width": _AT_LEAST_1,
    "input.resize_to": _AT_LEAST_1,
    "input.std.*": ("more than 0, because the input is divided by it", lambda x: x > 0),
    "train.epochs": _AT_LEAST_1,
    "train.batch_size": _AT_LEAST_1,
    "train.learning_rate": _POSITIVE,
    "train.early_stopping": _AT_LEAST_1,
    "train.label_smoothing": _BELOW_1,
    "train.augment.shift": _BELOW_1,
    "train.augment.zoom": _BELOW_1,
    "train.augment.rotate_degrees": ("from 0 to 180", lambda x: 0 <= x <= 180),
    "variants.*.prune.amount": _BETWEEN_0_AND_1,
    "variants.*.prune.finetune_epochs": _NOT_NEGATIVE,
    "variants.*.prune.learning_rate": _POSITIVE,
    "calibration.samples": _AT_LEAST_1,
    "bench.threads.*": _AT_LEAST_1,
    "bench.percentiles.*": ("more than 0 and less than 100", lambda x: 0 < x < 100),
    "bench.seconds": _POSITIVE,
    # numpy.random.RandomState and Keras both take 32 bits.
    "seed": ("from 0 to 4294967295", lambda x: 0 <= x < 2**32),
}

DEVICE_NUMBERS: Mapping[str, Rule] = {
    "cores.*.count": _AT_LEAST_1,
    "cores.*.max_ghz": _POSITIVE,
    "memory_gib.*": _POSITIVE,
    "accelerators.*.tops": _POSITIVE,
}

ARCHITECTURES = ("x86_64", "aarch64", "armv7l", "any")
ACCELERATOR_KINDS = ("gpu", "npu", "tpu")
SENSORS = ("temperature", "frequency", "governor", "throttle", "power")
SOURCED = ("cores", "memory_gib", "systems", "runtimes", "accelerators", "sensors")
"""Groups of facts of a device profile that need a source as soon as they say something."""


def check_recipe(document: Document) -> None:
    """Notes what is wrong with a recipe's values; parts of the wrong type are left to `shape.build`."""
    data = document.value
    _check_numbers(document, RECIPE_NUMBERS)
    _check_name(document, ("name",))
    _check_split(document)
    _check_input(document)
    _check_targets(document, ("targets",), required=True)
    _check_unique(document, ("bench", "threads"), required=True)
    _check_unique(document, ("bench", "percentiles"), required=True)
    for index, variant in enumerate(_list(data.get("variants"))):
        _check_name(document, ("variants", index, "name"))
        if isinstance(variant, dict) and variant.get("name") == DENSE:
            document.at_value(("variants", index, "name"), f"the variant name `{DENSE}` is taken by the unpruned model")
        _check_targets(document, ("variants", index, "targets"), required=False)
    _check_unique_names(document, ("variants",))


def check_device(document: Document) -> None:
    """Notes what is wrong with a device profile's values."""
    data = document.value
    _check_numbers(document, DEVICE_NUMBERS)
    _check_name(document, ("name",))
    _check_choice(document, ("architecture",), ARCHITECTURES)
    for index in range(len(_list(data.get("accelerators")))):
        _check_choice(document, ("accelerators", index, "kind"), ACCELERATOR_KINDS)
    _check_unique_names(document, ("accelerators",))
    for sensor in _mapping(data.get("sensors")):
        if sensor not in SENSORS:
            hint = _hint(sensor, SENSORS)
            document.at_key(("sensors", sensor), f"unknown sensor `{sensor}`; {hint}")
    sources = _mapping(data.get("sources"))
    for group in SOURCED:
        if data.get(group) and group not in sources:
            document.at_key((group,), f"`{group}` has no source; add `{group}:` to `sources`")
    for group in sources:
        if group not in (*SOURCED, "notes"):
            document.at_key(("sources", group), f"unknown group of facts `{group}`; {_hint(group, (*SOURCED, 'notes'))}")


def _check_numbers(document: Document, rules: Mapping[str, Rule]) -> None:
    for pattern, (words, holds) in rules.items():
        for where, value in _matches(document.value, tuple(pattern.split("."))):
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not holds(value):
                document.at_value(where, f"`{dotted(where)}` must be {words}; it is {value}")


def _check_name(document: Document, where: Where) -> None:
    for _, name in _matches(document.value, where):
        if isinstance(name, str) and not NAME.fullmatch(name):
            words = "must be lower-case letters, digits, `-`, `_` and `.`, because folders are called so"
            document.at_value(where, f"`{dotted(where)}` {words}; it is {shown(name)}")


def _check_choice(document: Document, where: Where, choices: tuple[str, ...]) -> None:
    for _, value in _matches(document.value, where):
        if isinstance(value, str) and value not in choices:
            document.at_value(where, f"`{dotted(where)}` must be one of {', '.join(choices)}; it is {shown(value)}")


def _check_split(document: Document) -> None:
    shares = _mapping(_mapping(document.value.get("data")).get("split"))
    numbers = [share for share in shares.values() if isinstance(share, (int, float)) and not isinstance(share, bool)]
    if set(shares) == {"train", "validation", "test"} and len(numbers) == 3 and abs(sum(numbers) - 1) > 1e-6:
        document.at_key(("data", "split"), f"the shares of `data.split` must add up to 1; they add up to {sum(numbers):.6g}")


def _check_input(document: Document) -> None:
    contract = document.value.get("input")
    if not isinstance(contract, dict):
        return
    if contract.get("kind", "tensor") == "image":
        _check_image(document, contract)
        return
    for key in ("height", "width", "channels", "layout", "resize", "resize_to", "crop", "interpolation"):
        if contract.get(key) is not None and "kind" not in document.value.get("input", {}):
            document.at_key(("input", key), f"`{key}` is for images only; add `kind: image` to `input`")
        elif contract.get(key) is not None:
            document.at_key(("input", key), f"`{key}` is for images only, and `input.kind` is {contract['kind']}")


def _check_image(document: Document, contract: Mapping[str, Any]) -> None:
    for key in ("height", "width"):
        if contract.get(key) is None:
            document.at_key(("input",), f"`input.{key}` is missing: an image needs its height and width, in pixels")
    channels = 1 if contract.get("channels") == "gray" else 3
    for key in ("mean", "std"):
        values = contract.get(key)
        if isinstance(values, list) and len(values) not in (1, channels):
            wanted = "1 value" if channels == 1 else "1 value, or 3 (one a channel)"
            document.at_value(("input", key), f"`input.{key}` must have {wanted}; it has {len(values)}")
    side = contract.get("resize_to")
    if contract.get("resize") == "short-side":
        if side is None:
            document.at_key(
                ("input", "resize"), "`resize: short-side` needs `resize_to`, the length of the short side in pixels"
            )
    elif side is not None:
        document.at_key(("input", "resize_to"), "`resize_to` needs `resize: short-side`")
    sides = [value for key in ("height", "width") if isinstance(value := contract.get(key), int)]
    if contract.get("crop") == "center" and isinstance(side, int) and sides and side < max(sides):
        document.at_value(
            ("input", "resize_to"), f"`input.resize_to` must be at least {max(sides)} to crop from; it is {side}"
        )


def _check_targets(document: Document, where: Where, *, required: bool) -> None:
    _check_unique(document, where, required=required)
    known = [f"{kind.value}-{precision.value}" for kind in ModelFormat for precision in Precision]
    for place, text in _matches(document.value, (*where, "*")):
        if not isinstance(text, str):
            continue
        try:
            Target.parse(text)
        except ValueError:
            document.at_value(place, f"there is no target {text!r}; {_hint(text, known)}")
            continue
        if text.endswith("@"):
            document.at_value(place, f"the target {text!r} names no accelerator after `@`; leave the `@` out, or name one")


def _check_unique(document: Document, where: Where, *, required: bool) -> None:
    for _, values in _matches(document.value, where):
        if required and values == []:
            document.at_value(where, f"`{dotted(where)}` is empty; name at least one")
        for index, value in enumerate(_list(values)):
            if value in values[:index]:
                document.at_value((*where, index), f"`{dotted(where)}` names {value} twice")


def _check_unique_names(document: Document, where: Where) -> None:
    seen: list[str] = []
    for place, name in _matches(document.value, (*where, "*", "name")):
        if name in seen:
            document.at_value(place, f"two entries of `{dotted(where)}` are named {name!r}; each needs its own name")
        seen.append(name)


def _matches(value: Any, pattern: Where, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every place and value that a pattern reaches; `*` stands for each entry of a list or mapping."""
    if not pattern:
        yield where, value
        return
    head, rest = pattern[0], pattern[1:]
    entries: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        entries = iter(value.items())
    elif isinstance(value, list):
        entries = iter(enumerate(value))
    for key, item in entries:
        if head in ("*", key):
            yield from _matches(item, rest, (*where, key))


def _hint(text: str, known: tuple[str, ...] | list[str]) -> str:
    near = nearest(text, known)
    return f"did you mean {near}?" if near else f"there is: {', '.join(known)}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

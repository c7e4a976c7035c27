"""The error tree: one exit code a class, drawn at the top of the file, and every class survives the trip from a child."""

from __future__ import annotations

import pickle
import re

import pytest

from edgekit import errors


def test_each_class_has_its_own_exit_code() -> None:
    codes = [cls.exit_code for cls in errors.by_name().values()]
    assert len(codes) == len(set(codes))
    assert 0 not in codes
    assert 130 not in codes


def test_the_drawing_is_the_tree() -> None:
    drawn = dict(re.findall(r"(\w+Error)\s+(\d+)\s", errors.__doc__ or ""))
    assert drawn == {name: str(cls.exit_code) for name, cls in errors.by_name().items()}


@pytest.mark.parametrize("cls", errors.by_name().values(), ids=lambda cls: cls.__name__)
def test_an_error_keeps_its_words_through_pickle(cls: type[errors.EdgekitError]) -> None:
    copy = pickle.loads(pickle.dumps(cls("what", fix="do", cause="why")))
    assert (type(copy), copy.message, copy.fix, copy.cause) == (cls, "what", "do", "why")

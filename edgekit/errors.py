"""Every error edgekit raises on purpose: what happened, the usual cause, and the exact thing to type.

    EdgekitError                    1   anything not named below
    ├── UsageError                  2   the command's words do not fit together
    ├── MissingFileError            3   a path that is not there
    ├── WrongFormatError            4   a file that is not what its name or the verb says
    ├── CorruptModelError           5   a model file that is truncated or damaged
    ├── RecipeError                 6   a YAML file (recipe or device) with a key or a value that does not fit
    ├── UnknownNameError            7   a target, plugin, device or recipe that does not exist
    ├── DataError                   8   calibration or validation data that cannot be used
    │   ├── LabelError              9   a label outside the model's classes
    │   └── NonFiniteDataError     10   NaN or infinity in the data
    ├── DynamicShapeError          11   a model whose input shape is not fixed
    ├── DiskSpaceError             12   the disk is full
    ├── WriteError                 13   no permission to write
    ├── MissingPackageError        14   an optional package is not installed
    ├── ConversionError            15   a converter or a pass failed
    ├── ProofError                 16   the artifact does not match its source
    ├── CrashError                 17   a child process died (a segfault, or killed for memory)
    ├── InferenceError             18   a runtime refused the model or failed while running it
    ├── TimeLimitError             19   a step ran past its time limit
    ├── NoPathError                20   no sound way from this format to that target
    └── UnsupportedModelError      21   a model outside what a pass can handle
    (130: stopped by Ctrl-C; finished steps are kept)

This tree is closed: a plugin raises one of these classes and does not add its own.
"""

from __future__ import annotations

from typing import ClassVar


class EdgekitError(Exception):
    """An error with a remedy.

    Args:
        message: What happened, in one sentence, with the name of the thing it happened to.
        fix: What to do or type next.
        cause: The usual cause, when it is not plain from the message.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str, cause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.cause = cause

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self).__name__, self.message, self.fix, self.cause)


class UsageError(EdgekitError):
    exit_code = 2


class MissingFileError(EdgekitError):
    exit_code = 3


class WrongFormatError(EdgekitError):
    exit_code = 4


class CorruptModelError(EdgekitError):
    exit_code = 5


class RecipeError(EdgekitError):
    exit_code = 6


class UnknownNameError(EdgekitError):
    exit_code = 7


class DataError(EdgekitError):
    exit_code = 8


class LabelError(DataError):
    exit_code = 9


class NonFiniteDataError(DataError):
    exit_code = 10


class DynamicShapeError(EdgekitError):
    exit_code = 11


class DiskSpaceError(EdgekitError):
    exit_code = 12


class WriteError(EdgekitError):
    exit_code = 13


class MissingPackageError(EdgekitError):
    exit_code = 14


class ConversionError(EdgekitError):
    exit_code = 15


class ProofError(EdgekitError):
    exit_code = 16


class CrashError(EdgekitError):
    exit_code = 17


class InferenceError(EdgekitError):
    exit_code = 18


class TimeLimitError(EdgekitError):
    exit_code = 19


class NoPathError(EdgekitError):
    exit_code = 20


class UnsupportedModelError(EdgekitError):
    exit_code = 21


def by_name() -> dict[str, type[EdgekitError]]:
    """Every class of the tree by its name, so that a child process can send one as text."""
    found: dict[str, type[EdgekitError]] = {}
    waiting: list[type[EdgekitError]] = [EdgekitError]
    while waiting:
        cls = waiting.pop()
        found[cls.__name__] = cls
        waiting.extend(cls.__subclasses__())
    return found


def from_os_error(error: OSError, path: object, *, writing: bool = False) -> EdgekitError:
    """The edgekit error for an operating-system one, so that a full disk or a read-only folder has a fix.

    Args:
        error: What the operating system said.
        path: What it said it of.
        writing: The path was to be made, so that its absence is no surprise and its parent's is.
    """
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskSpaceError(
            f"The disk that holds {path} is full.",
            fix="Free some space (`df -h` shows where), or choose another folder with --out; finished steps are kept.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) or writing:
        return WriteError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix="Choose a folder you own with --out, or change its permissions.",
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MissingFileError(f"{path} does not exist.", fix="Check the path; `ls` its folder.")
    return EdgekitError(f"{path}: {error.strerror or error}", fix="Check the path and the disk, then run the command again.")


def _rebuild(name: str, message: str, fix: str, cause: str) -> EdgekitError:
    return by_name()[name](message, fix=fix, cause=cause)

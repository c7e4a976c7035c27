"""report.json: the Report value itself, schema edgekit.report/1, read back exactly by `read_report`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.report import SCHEMA, Report
from edgekit.core.serde import from_json, to_json
from edgekit.errors import NonFiniteDataError, WrongFormatError, from_os_error
from edgekit.renderers.output import write_text

_NUMBER_LIST = re.compile(r"\[\n\s*([-+.\deE,\s]+?)\s*\n\s*\]")


class JSONRenderer:
    """Writes `report.json`; numbers keep every digit."""

    name: ClassVar[str] = "json"
    filename: ClassVar[str] = "report.json"
    extra: ClassVar[str] = ""

    def render(self, report: Report, folder: Path) -> Path:
        """Writes the report into `folder` and returns the file.

        Raises:
            NonFiniteDataError: The report holds NaN or infinity, which JSON cannot say.
            WriteError: The folder cannot be written to.
            DiskSpaceError: The disk is full.
        """
        return write_text(folder / self.filename, dumps_report(report))


def dumps_report(report: Report) -> str:
    """The text of `report.json`: indented, each list of numbers on one line.

    Raises:
        NonFiniteDataError: The report holds NaN or infinity.
    """
    body = {"schema": SCHEMA, **to_json(report)}
    try:
        text = json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise NonFiniteDataError(
            "The report holds NaN or infinity, which report.json cannot say.",
            fix="Look for the artifact or the epoch that went wrong: `edgekit report FOLDER` shows the finite ones.",
            cause="A training that diverged, or a measurement of zero samples.",
        ) from error
    return _NUMBER_LIST.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def read_report(path: Path) -> Report:
    """The report in a file, or in the `report.json` of a folder.

    Raises:
        MissingFileError: There is no such file.
        WrongFormatError: It is not a report, or one of a schema that this version does not know.
    """
    file = path / JSONRenderer.filename if path.is_dir() else path
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise from_os_error(error, file) from error
    except ValueError as error:
        raise WrongFormatError(f"{file} is not JSON: {error}.", fix="Run the recipe again; its steps are cached.") from error
    return _checked(body, file)


def _checked(body: Any, file: Path) -> Report:
    schema = body.get("schema") if isinstance(body, dict) else None
    if schema != SCHEMA:
        raise WrongFormatError(
            f"{file} is not a report that this edgekit reads: its schema is {schema!r}, not {SCHEMA!r}.",
            fix="Give the report.json of a run; one written by a newer edgekit needs `pip install -U edgekit-ml`.",
        )
    try:
        return from_json(Report, body)
    except (ValueError, TypeError) as error:
        raise WrongFormatError(f"{file} is damaged: {error}.", fix="Run the recipe again; its steps are cached.") from error

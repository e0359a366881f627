"""What departs from a JSON schema, in one line that names the key."""

import difflib
import functools
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import yaml

MESSAGE_LENGTH = 1000  # a value of any length may stand in a message


def schema_fault(content: Any, schema_path: Path, page: str = "config/README.md") -> str:
    """Say where a content departs from a JSON schema; empty where it does not.

    Args:
        content: of a YAML file.
        schema_path: the JSON schema, as YAML.
        page: where a reader finds what each key means.
    """
    error = jsonschema.exceptions.best_match(validator(schema_path).iter_errors(content))
    return "" if error is None else as_line(_explained(error, page))


@functools.cache
def validator(schema_path: Path) -> jsonschema.protocols.Validator:
    """A validator with Python's numbers: 20.0 is no integer, and neither nan nor inf a number."""
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: (
                type(value) is int or (isinstance(value, float) and math.isfinite(value))
            ),
        }
    )
    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every start waits for this
    return strict(yaml.load(schema_path.read_text(encoding="utf-8"), loader))


def _explained(error: jsonschema.exceptions.ValidationError, page: str) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        return _unknown_key(error, where)
    where = where or "top level"
    if error.validator == "pattern" and "description" in error.schema:
        what = f"{error.instance!r} is not {error.schema['description']}"
        return f"{where}: {what}; see {page}"
    return f"{where}: {error.message}; see {page}"


def _unknown_key(error: jsonschema.exceptions.ValidationError, where: str) -> str:
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    unknown = next(
        key
        for key in error.instance
        if key not in known and not any(re.search(pattern, key) for pattern in patterns)
    )
    key = f"{where}.{unknown}" if where else str(unknown)
    near = nearest(str(unknown), known)
    named = ", ".join([*sorted(known), *patterns])
    return f"unknown key '{key}'{near}; known here: {named}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant; empty where none is near."""
    near = difflib.get_close_matches(name, list(map(str, known)), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def as_line(text: object) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(str(text).split())
    return line if len(line) <= MESSAGE_LENGTH else f"{line[: MESSAGE_LENGTH - 2]} …"

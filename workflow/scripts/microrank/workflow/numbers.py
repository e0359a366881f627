"""Numbers with an exponent, such as 1e-3, which YAML 1.1 reads as text unless they have a point."""

import copy
import math
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import jsonschema

EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def with_numbers(
    config: Mapping[str, Any], validator: jsonschema.protocols.Validator
) -> dict[str, Any]:
    """The config with numbers where the schema wants numbers and finds such texts.

    Args:
        config: as Snakemake read it.
        validator: of the schema.

    Returns:
        A copy. Whatever else the schema refuses is as it was.
    """
    read = copy.deepcopy(dict(config))
    for error in list(validator.iter_errors(read)):
        number = _number(error.instance, error.schema)
        if number is not None and error.absolute_path:
            _set(read, list(error.absolute_path), number)
    return read


def _number(value: Any, schema: Any) -> int | float | None:
    """The number that a text is; None where the schema wants none, or another kind."""
    if not isinstance(schema, Mapping) or not isinstance(value, str):
        return None
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not EXPONENT.fullmatch(value):
        return None
    number = float(value)
    if "number" in kinds and math.isfinite(number):
        return number
    return int(number) if "integer" in kinds and number.is_integer() else None


def _set(config: MutableMapping[str, Any], path: list[Any], value: int | float) -> None:
    section: Any = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value

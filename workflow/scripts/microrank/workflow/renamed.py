"""Words that older versions had in the config and in targets, and what is written today."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from microrank.errors import StudyError

# Path of a setting, `*` for any name -> old value -> new value.
RENAMED_VALUES: dict[tuple[str, ...], dict[str, str]] = {
    ("nfm", "recipes", "*", "batch_candidates"): {"slots": "chunk_items"},
}
# Old target -> new target.
RENAMED_TARGETS = {"results/kit.zip": "results/bundle.zip"}


def check_renamed(config: Mapping[str, Any]) -> None:
    """Refuse values that have another name today.

    Raises:
        StudyError: names the key, the old value and the new one.
    """
    for path, old, new in _old_values(config):
        raise StudyError(f"config: {'.'.join(path)}: '{old}' is called '{new}' now; write {new}")


def rename(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with today's values in the place of old ones."""
    renamed = dict(config)
    for path, _, new in list(_old_values(config)):
        renamed = _replaced(renamed, path, new)
    return renamed


def check_target(name: str) -> None:
    """Refuse a target that has another name today.

    Raises:
        StudyError: names the new target.
    """
    if name in RENAMED_TARGETS:
        raise StudyError(f"{name} is called {RENAMED_TARGETS[name]} now; ask for that")


def _old_values(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Each old value, as (path, old value, new value)."""
    for pattern, values in RENAMED_VALUES.items():
        for path, value in _matches(config, pattern):
            if isinstance(value, str) and value in values:
                yield path, value, values[value]


def _matches(section: Any, pattern: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The settings whose path matches, as (path, value)."""
    if not pattern:
        yield (), section
    elif isinstance(section, Mapping):
        first, *rest = pattern
        for key in section if first == "*" else [first] if first in section else []:
            for path, value in _matches(section[key], rest):
                yield (str(key), *path), value


def _replaced(section: Mapping[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    key, *rest = path
    return {**section, key: _replaced(section[key], rest, value) if rest else value}

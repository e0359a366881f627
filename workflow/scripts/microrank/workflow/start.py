"""What every start of the workflow does first: the config is completed and checked."""

import copy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from microrank.errors import StudyError
from microrank.methods import BEST, NFM, recommender_names
from microrank.workflow.config import check_config, read_numbers, subset_settings
from microrank.workflow.place import REPOSITORY, check_place
from microrank.workflow.renamed import check_target

BUNDLE = "results/bundle.zip"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every start waits for this
DEFAULTS = REPOSITORY / "config/config.yaml"
OWN = ("config/config.yaml", "config.yaml")  # in a study's folder; the Snakefile reads the same
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"


def checked_config(
    config: Mapping[str, Any],
    words: Iterable[str],
    *,
    files_here: bool,
    config_files: Iterable[str | Path] = (),
) -> dict[str, Any]:
    """The config with all its keys, after all checks.

    Args:
        config: as Snakemake read it, or as another workflow gives it to this as a module.
        words: of the command line, the targets among them.
        files_here: false where files lie in a storage such as S3.
        config_files: what Snakemake read the config from.

    Raises:
        StudyError: the config is wrong, or the workflow cannot run in this place.
    """
    check_place(str(REPOSITORY), sys.executable)
    targets = list(words)
    for word in targets:
        check_target(word)
    for path in map(Path, config_files):
        if path.is_file():
            check_keys(path)
    complete = read_numbers(with_choices(with_defaults(config, _read(DEFAULTS))), SCHEMA)
    check_config(complete, SCHEMA, raw_files_here=files_here)
    if BUNDLE in targets and recommender_names(complete) != [NFM]:
        raise StudyError(
            f"{BUNDLE}: only a study of the data set's own recommender can be packed: set "
            f"recommenders to [{NFM}]"
        )
    return complete | {"subset": subset_settings(complete)}


def check_keys(path: Path) -> None:
    """Refuse a config file in which a key stands twice: YAML keeps the last one without a word.

    Raises:
        StudyError: such a key is there.
    """
    try:
        waiting = [yaml.compose(path.read_text(encoding="utf-8"), LOADER)]
    except yaml.YAMLError:  # JSON, which Snakemake has read
        return
    seen: set[int] = set()  # an alias may stand inside what it names
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
            _check_keys_of(path, [key for key, _ in node.value])


def _check_keys_of(path: Path, keys: Iterable[yaml.Node]) -> None:
    lines: dict[str, int] = {}
    for key in keys:
        line, name = key.start_mark.line + 1, str(key.value)
        if name in lines:
            raise StudyError(
                f"{path}: line {line}: the key '{name}' stands on line {lines[name]} already, and "
                "only the last one would count: write one, with the entries of both"
            )
        lines[name] = line


def with_choices(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with each `choose: [a, b]` as the fusion that it is: the best of its parts."""
    rerankers = config.get("rerankers")
    if not isinstance(rerankers, dict):
        return dict(config)
    return {**config, "rerankers": {name: _with_choice(of) for name, of in rerankers.items()}}


def _with_choice(reranker: Any) -> Any:
    if not isinstance(reranker, dict) or not isinstance(reranker.get("choose"), list):
        return reranker
    others = {key: value for key, value in reranker.items() if key != "choose"}
    return reranker if others else {"fusion": BEST, "of": reranker["choose"]}


def config_here() -> dict[str, Any]:
    """The config that a run in the working directory has, its command line aside."""
    config: dict[str, Any] = {}
    for path in map(Path, OWN):
        if path.is_file():
            config = with_defaults(_read(path) or {}, config)
    return with_defaults(config, _read(DEFAULTS))


def with_defaults(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the defaults of the keys that it lacks, at every level.

    Args:
        config: what wins; it is left as it is.
        defaults: what it is laid over.
    """
    merged = {**defaults, **copy.deepcopy(dict(config))}
    for key, value in defaults.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merged[key] = with_defaults(config[key], value)
    return merged


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    return config

"""What a bundle may hold and set: nothing that asks, runs or reads outside of it.

A bundle is a stranger's file. Each check refuses it in one line, before anything is unpacked.
"""

import re
from collections.abc import Mapping
from typing import Any

from microrank.bundle import FOLDER
from microrank.errors import StudyError

WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
ANSWER = re.compile(r"answers/([0-9a-f]{2})/\1[0-9a-f]{62}\.jsonl")
METHOD = re.compile(rf"methods/{WORD}\.py")
DATA = re.compile(
    r"README\.md|bundle\.yaml|report\.md|metrics\.csv|ro-crate-metadata\.json"
    rf"|prompts/{WORD}\.yaml|claims/{WORD}\.ya?ml|(?:{WORD}/){{0,4}}{WORD}\.(?:parquet|csv)"
)
KEYS = {
    "dataset",
    "study",
    "seed",
    "repeats",
    "top_k",
    "datasets",
    "nfm",
    "subset",
    "encoders",
    "llms",
    "prompts",
    "rerankers",
    "tuning",
    "methods",
    "memory",
    "store",
    "report",
}
SECTIONS = ("datasets", "store", "rerankers", "llms", "encoders")
READ_IT = "look at it (unzip -p), and unpack with --with-methods if you trust it"
Settings = Mapping[str, Any]


def check_settings(settings: Any, source: str, *, with_methods: bool) -> None:
    """Check what bundle.yaml sets.

    Args:
        settings: as it was read.
        source: the bundle's name, for messages.
        with_methods: whether the bundle's programs may run.

    Raises:
        StudyError: it asks, runs or reads outside the bundle.
    """
    for check in (_sections, _keys, _store, _datasets, _lists, _prompts, _programs):
        fault = check(settings)
        if fault:
            raise StudyError(f"{source}: its bundle.yaml {fault}")
    programs = [] if with_methods else _named_programs(settings)
    for name, file in programs:
        raise StudyError(f"{source}: its bundle.yaml runs {file} (rerankers.{name}): {READ_IT}")


def without_addresses(settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """The settings without addresses to download from and names of tokens; and what was left out.

    Args:
        settings: checked ones.
    """
    kept, left_out = dict(settings), []
    for section, key in (("datasets", "url"), ("llms", "token_env"), ("encoders", "token_env")):
        entries = settings.get(section, {})
        holding = [name for name, entry in entries.items() if _is_section(entry) and key in entry]
        left_out += [f"{section}.{name}.{key}" for name in holding]
        for name in holding:
            kept[section] = {**kept[section], name: _without(entries[name], key)}
    return kept, left_out


def _without(entry: Settings, key: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != key}


def _is_section(value: Any) -> bool:
    return isinstance(value, dict)


def _sections(settings: Any) -> str | None:
    if _is_section(settings) and all(_is_section(settings.get(key, {})) for key in SECTIONS):
        return None
    return "has not the sections of a bundle; this is no bundle that microrank packed"


def _keys(settings: Settings) -> str | None:
    unknown = sorted(str(key) for key in settings if key not in KEYS)
    if not unknown:
        return None
    return f"sets {unknown[0]!r:.80}, which no bundle sets; nothing was unpacked"


def _store(settings: Settings) -> str | None:
    if settings.get("store") == {"path": f"{FOLDER}/answers", "offline": True}:
        return None
    return f"names another store than {FOLDER}/answers, or would ask online; nothing was unpacked"


def _datasets(settings: Settings) -> str | None:
    if list(settings.get("datasets", {})) == [settings.get("dataset")]:
        return None
    return "sets data sets beside its own; nothing was unpacked"


def _lists(settings: Settings) -> str | None:
    for name, dataset in settings["datasets"].items():
        files = dataset if _is_section(dataset) else {}
        keys = ("recommendations", "recommendations_for_tuning")
        inside = all(_is_inside(files[key], DATA) for key in keys if key in files)
        origin = files.get("origin", {"files": FOLDER})
        if not inside or not _is_section(origin) or origin.get("files") != FOLDER:
            return f"names lists outside the bundle (datasets.{name}); nothing was unpacked"
    return None


def _prompts(settings: Settings) -> str | None:
    inside = f"{FOLDER}/prompts"
    if settings.get("prompts", inside) in (inside, "resources/prompts"):
        return None
    return "names prompts outside the bundle; nothing was unpacked"


def _programs(settings: Settings) -> str | None:
    for name, file in _named_programs(settings):
        if not _is_inside(file, METHOD):
            what = f"runs {file!r:.80} (rerankers.{name})"
            return f"{what}, which is not in the bundle; nothing was unpacked"
    return None


def _named_programs(settings: Settings) -> list[tuple[str, Any]]:
    """The programs that re-rankers name, as (re-ranker, file)."""
    rerankers = settings.get("rerankers", {}).items()
    files = [(name, entry.get("file")) for name, entry in rerankers if _is_section(entry)]
    return [(name, file) for name, file in files if file is not None]


def _is_inside(path: Any, kind: re.Pattern[str]) -> bool:
    """Whether it is the path of a file of this kind in the bundle."""
    return isinstance(path, str) and bool(kind.fullmatch(path.removeprefix(f"{FOLDER}/")))

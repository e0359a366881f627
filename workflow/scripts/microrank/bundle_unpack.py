"""A stranger's bundle, taken apart with care: nothing lands outside bundle/, nothing is asked for over the network, no program comes unseen."""

import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from microrank.archives import opened, read_entry
from microrank.bundle import FOLDER
from microrank.errors import StudyError
from microrank.files import sync_folder
from microrank.services.store import SUFFIX, decode

MAX_FILE_BYTES, MAX_KIT_BYTES = 2 << 30, 16 << 30
_WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
_ANSWER = re.compile(r"answers/([0-9a-f]{2})/\1[0-9a-f]{62}\.jsonl")
_METHOD = re.compile(rf"methods/{_WORD}\.py")
_DATA = re.compile(
    rf"README\.md|bundle\.yaml|report\.md|metrics\.csv|prompts/{_WORD}\.yaml|(?:{_WORD}/){{0,4}}{_WORD}\.(?:parquet|csv)"
)
_KEYS = frozenset(
    "dataset seed repeats top_k datasets nfm subset encoders llms prompts rerankers tuning methods store report".split()  # noqa: SIM905
)


class Unpacked(NamedTuple):
    """How many files there are, and what of bundle.yaml was left out."""

    files: int
    left_out: list[str]


def unpack_bundle(source: Path, root: Path, *, with_methods: bool = False) -> Unpacked:
    """Unpack a bundle into `root`/bundle: all of it or nothing.

    bundle.yaml is written anew without what a replay does not need and a stranger could abuse: addresses to download from, and names of
    variables that hold tokens.

    Args:
        with_methods: whether to take the programs (bundle/methods) that the bundle's rerankers run.

    Raises:
        StudyError: it is no bundle, is damaged, could do harm, or there is a folder bundle/ already; nothing was unpacked.
    """
    target, temporary = root / FOLDER, root / f".{FOLDER}.part"
    if target.exists():
        raise StudyError(
            f"{target}: is there already; rename or delete the folder, then unpack again"
        )
    with opened(source, "bundle") as archive:
        names = _checked_names(archive, source, with_methods)
        settings = _settings(archive, source)
        left_out = _harmless(settings, source, with_methods)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            for name in names:
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_content(archive, name, source))
            text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=120)
            (temporary / "bundle.yaml").write_text(text, encoding="utf-8", newline="\n")
            temporary.rename(target)
            sync_folder(root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Unpacked(len(names), left_out)


def _checked_names(archive: zipfile.ZipFile, source: Path, with_methods: bool) -> list[str]:
    """The names below bundle/, each of a kind that bundles have."""
    entries = archive.infolist()
    names = [entry.filename.removeprefix(f"{FOLDER}/") for entry in entries]
    if len(set(names)) < len(names) or sum(entry.file_size for entry in entries) > MAX_KIT_BYTES:
        raise StudyError(
            f"{source}: holds a name twice, or more than {MAX_KIT_BYTES >> 30} GB; this is no bundle that microrank packed"
        )
    for entry, name in zip(entries, names, strict=True):
        is_known = any(kind.fullmatch(name) for kind in (_ANSWER, _METHOD, _DATA))
        if (
            not entry.filename.startswith(f"{FOLDER}/")
            or not is_known
            or entry.external_attr >> 16 & 0o170000 not in (0, 0o100000)
        ):
            raise StudyError(
                f"{source}: holds {entry.filename!r:.80}, which no bundle holds; nothing was unpacked"
            )
        if _METHOD.fullmatch(name) and not with_methods:
            raise StudyError(
                f"{source}: holds {entry.filename}, a program that a replay would run: {_READ_IT}"
            )
    return names


_READ_IT = "look at it (unzip -p), and unpack with --with-methods if you trust it"


def _settings(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(read_entry(archive, f"{FOLDER}/bundle.yaml"))
    except (KeyError, yaml.YAMLError, RecursionError) as error:
        raise StudyError(
            f"{source}: its bundle.yaml is absent or cannot be read; this is no bundle that microrank packed"
        ) from error
    sections = ("datasets", "store", "rerankers", "llms", "encoders")
    if not isinstance(settings, dict) or not all(
        _is_section(settings.get(name, {})) for name in sections
    ):
        raise StudyError(
            f"{source}: its bundle.yaml has not the sections of a bundle; this is no bundle that microrank packed"
        )
    return settings


def _is_section(section: Any) -> bool:
    return isinstance(section, dict)


def _harmless(settings: dict[str, Any], source: Path, with_methods: bool) -> list[str]:
    """Refuse what asks, runs or reads outside the bundle; take out what a replay does not need. Gives the keys that were taken out."""
    unknown = sorted(map(str, settings.keys() - _KEYS))
    if unknown:
        raise StudyError(
            f"{source}: its bundle.yaml sets {unknown[0]!r:.80}, which no bundle sets; nothing was unpacked"
        )
    if settings.get("store") != {"path": f"{FOLDER}/answers", "offline": True}:
        raise StudyError(
            f"{source}: its bundle.yaml names another store than {FOLDER}/answers, or would ask online; nothing was unpacked"
        )
    if list(settings.get("datasets", {})) != [settings.get("dataset")]:
        raise StudyError(
            f"{source}: its bundle.yaml sets data sets beside its own; nothing was unpacked"
        )
    for name, dataset in settings["datasets"].items():
        files = dataset if isinstance(dataset, dict) else {}
        lists = [
            files[key] for key in ("recommendations", "recommendations_for_tuning") if key in files
        ]
        inside = all(
            isinstance(path, str) and _DATA.fullmatch(path.removeprefix(f"{FOLDER}/"))
            for path in lists
        )
        origin = files.get("origin", {"files": FOLDER})
        if not inside or not isinstance(origin, dict) or origin.get("files") != FOLDER:
            raise StudyError(
                f"{source}: its bundle.yaml names lists outside the bundle (datasets.{name}); nothing was unpacked"
            )
    if settings.get("prompts", f"{FOLDER}/prompts") not in (
        f"{FOLDER}/prompts",
        "resources/prompts",
    ):
        raise StudyError(
            f"{source}: its bundle.yaml names prompts outside the bundle; nothing was unpacked"
        )
    for name, reranker in settings.get("rerankers", {}).items():
        file = reranker.get("file") if isinstance(reranker, dict) else None
        if file is not None and not (
            isinstance(file, str) and _METHOD.fullmatch(file.removeprefix(f"{FOLDER}/"))
        ):
            raise StudyError(
                f"{source}: its bundle.yaml runs {file!r:.80} (rerankers.{name}), which is not in the bundle; nothing was unpacked"
            )
        if file is not None and not with_methods:
            raise StudyError(
                f"{source}: its bundle.yaml runs {file} (rerankers.{name}): {_READ_IT}"
            )
    return [
        *_without(settings.get("datasets", {}), "datasets", "url"),
        *_without(settings.get("llms", {}), "llms", "token_env"),
        *_without(settings.get("encoders", {}), "encoders", "token_env"),
    ]


def _without(section: Mapping[str, Any], name: str, key: str) -> list[str]:
    """Take `key` out of every entry of a section; gives where it was."""
    holding = [one for one, entry in section.items() if isinstance(entry, dict) and key in entry]
    for one in holding:
        del section[one][key]
    return [f"{name}.{one}.{key}" for one in holding]


def _content(archive: zipfile.ZipFile, name: str, source: Path) -> bytes:
    data = read_entry(archive, f"{FOLDER}/{name}", MAX_FILE_BYTES)
    if _ANSWER.fullmatch(name):
        try:
            decode(data, Path(name).name.removesuffix(SUFFIX))
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{source}: {FOLDER}/{name}: {error}; nothing was unpacked") from error
    return data

"""A stranger's bundle, taken apart with care.

Nothing lands outside bundle/, nothing is asked over the network, and no program comes unseen.
"""

import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from microrank.archives import opened, read_entry
from microrank.bundle import FOLDER, as_yaml
from microrank.bundle_checks import (
    ANSWER,
    DATA,
    METHOD,
    READ_IT,
    check_settings,
    without_addresses,
)
from microrank.errors import StudyError
from microrank.files import sync_folder
from microrank.services.store import SUFFIX, decode
from microrank.workflow.renamed import rename

MAX_FILE_BYTES = 2 << 30
MAX_BUNDLE_BYTES = 16 << 30
OLD_FOLDER = "kit"  # what older versions called a bundle, its folder and its settings
SETTINGS = "bundle.yaml"


class Unpacked(NamedTuple):
    """How many files there are, and what of bundle.yaml was left out."""

    files: int
    left_out: list[str]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    Attributes:
        archive: the zip file.
        source: its path, for messages.
        entries: name below bundle/ -> entry of the zip file.
        is_old: whether an older version packed it, below kit/.
    """

    archive: zipfile.ZipFile
    source: Path
    entries: dict[str, str]
    is_old: bool

    def read(self, name: str, limit: int | None = None) -> bytes:
        """The bytes of the file of this name below bundle/."""
        limits = () if limit is None else (limit,)
        return read_entry(self.archive, self.entries[name], *limits)


def unpack_bundle(source: Path, root: Path, *, with_methods: bool = False) -> Unpacked:
    """Unpack a bundle into `root`/bundle: all of it or nothing.

    bundle.yaml is written anew, without what a replay does not need and a stranger could abuse:
    addresses to download from, and names of variables that hold tokens.

    Args:
        source: the bundle.
        root: the folder of the workflow.
        with_methods: whether to take the programs that the bundle's re-rankers run.

    Raises:
        StudyError: it is no bundle, is damaged, could do harm, or there is a folder bundle/
            already; nothing was unpacked.
    """
    target = root / FOLDER
    if target.exists():
        raise StudyError(
            f"{target}: is there already; rename or delete the folder, then unpack again"
        )
    with opened(source, "bundle") as archive:
        bundle = _checked(archive, source, with_methods=with_methods)
        settings = _settings(bundle)
        check_settings(settings, str(source), with_methods=with_methods)
        kept, left_out = without_addresses(rename(settings))
        _write(bundle, kept, target)
    return Unpacked(len(bundle.entries), left_out)


def _write(bundle: Bundle, settings: dict[str, Any], target: Path) -> None:
    """Write all files beside `target`, then give their folder its name."""
    temporary = target.with_name(f".{target.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for name in bundle.entries:
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_content(bundle, name))
        (temporary / SETTINGS).write_bytes(as_yaml(settings))
        temporary.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _checked(archive: zipfile.ZipFile, source: Path, *, with_methods: bool) -> Bundle:
    """The bundle, each of whose files is of a kind that bundles have."""
    infos = archive.infolist()
    is_old = any(info.filename == f"{OLD_FOLDER}/{OLD_FOLDER}.yaml" for info in infos)
    names = [_name(info.filename, is_old) for info in infos]
    too_large = sum(info.file_size for info in infos) > MAX_BUNDLE_BYTES
    if len(set(names)) < len(names) or too_large:
        raise StudyError(
            f"{source}: holds a name twice, or more than {MAX_BUNDLE_BYTES >> 30} GB; "
            "this is no bundle that microrank packed"
        )
    for info, name in zip(infos, names, strict=True):
        if not _is_known(info, name):
            raise StudyError(
                f"{source}: holds {info.filename!r:.80}, which no bundle holds; "
                "nothing was unpacked"
            )
    if not with_methods:
        _refuse_programs(names, source)
    files = [info.filename for info in infos]
    return Bundle(archive, source, dict(zip(names, files, strict=True)), is_old)


def _name(filename: str, is_old: bool) -> str:
    """The name below bundle/ of an entry; one from elsewhere keeps its own, which is refused."""
    if not is_old:
        return filename.removeprefix(f"{FOLDER}/") if filename.startswith(f"{FOLDER}/") else ""
    if filename == f"{OLD_FOLDER}/{OLD_FOLDER}.yaml":
        return SETTINGS
    return filename.removeprefix(f"{OLD_FOLDER}/") if filename.startswith(f"{OLD_FOLDER}/") else ""


def _is_known(info: zipfile.ZipInfo, name: str) -> bool:
    """Whether it is a plain file of a kind that bundles have."""
    is_plain = info.external_attr >> 16 & 0o170000 in (0, 0o100000)
    return is_plain and any(kind.fullmatch(name) for kind in (ANSWER, METHOD, DATA))


def _refuse_programs(names: Iterable[str], source: Path) -> None:
    for name in names:
        if METHOD.fullmatch(name):
            raise StudyError(
                f"{source}: holds {FOLDER}/{name}, a program that a replay would run: {READ_IT}"
            )


def _settings(bundle: Bundle) -> Any:
    try:
        settings = yaml.safe_load(bundle.read(SETTINGS))
    except (KeyError, yaml.YAMLError, RecursionError) as error:
        raise StudyError(
            f"{bundle.source}: its bundle.yaml is absent or cannot be read; "
            "this is no bundle that microrank packed"
        ) from error
    return _moved(settings) if bundle.is_old else settings


def _moved(value: Any) -> Any:
    """An older version's settings, with paths below bundle/ in the place of those below kit/."""
    if isinstance(value, dict):
        return {key: _moved(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_moved(entry) for entry in value]
    if value == OLD_FOLDER:
        return FOLDER
    if isinstance(value, str) and value.startswith(f"{OLD_FOLDER}/"):
        return f"{FOLDER}/{value.removeprefix(f'{OLD_FOLDER}/')}"
    return value


def _content(bundle: Bundle, name: str) -> bytes:
    """A file's bytes; an answer's are held against its hash."""
    data = bundle.read(name, MAX_FILE_BYTES)
    if ANSWER.fullmatch(name):
        try:
            decode(data, Path(name).name.removesuffix(SUFFIX))
        except (ValueError, KeyError, TypeError) as error:
            where = f"{bundle.source}: {FOLDER}/{name}"
            raise StudyError(f"{where}: {error}; nothing was unpacked") from error
    return data

"""Looking after a response store: statistics, verification, packing, unpacking, dropping."""

import hashlib
import json
import os
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from microrank.archives import opened, read_entry
from microrank.errors import StudyError
from microrank.files import replacing
from microrank.services.adapters import ADAPTERS
from microrank.services.answers import is_question, whole_answer
from microrank.services.batch_notes import BatchNotes
from microrank.services.failures import Malformed
from microrank.services.locks import hold
from microrank.services.store import SUFFIX, Store, canonical, decode, read_header

MANIFEST = "manifest.json"
DAY_S = 86400
TOKEN_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")


@dataclass
class Use:
    """What the answers of one model, as one service gave them, amount to."""

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0  # of `completion_tokens`
    cached_tokens: int = 0  # of `prompt_tokens`
    cost_usd: float = 0.0
    n_bytes: int = 0
    first: str = "9999"
    last: str = ""


def statistics(store: Store) -> dict[tuple[str, str], Use]:
    """Sum up the answers of each model at each service.

    Only the first line of each file is read; a file without a whole one counts as ("damaged", "").

    Returns:
        (model, base_url) → what its answers amount to, sorted.
    """
    uses: dict[tuple[str, str], Use] = {}
    for path in store.paths():
        try:
            header = read_header(path)
            name = (str(header["model"]), str(header["base_url"]))
        except (ValueError, KeyError, TypeError):
            header, name = {}, ("damaged", "")
        use = uses.setdefault(name, Use())
        usage = header.get("usage") or {}
        use.answers += 1
        for count in TOKEN_COUNTS:
            setattr(use, count, getattr(use, count) + (usage.get(count) or 0))
        use.cost_usd += header.get("cost_usd") or 0.0
        use.n_bytes += path.stat().st_size
        use.first, use.last = (
            min(use.first, header.get("time", "9999")),
            max(use.last, header.get("time", "")),
        )
    return dict(sorted(uses.items()))


def verify(store: Store) -> dict[Path, str]:
    """Find every answer that is damaged or not whole, and delete what killed jobs left.

    Older versions kept answers that were not whole.

    Returns:
        File → what is wrong with it.
    """
    damaged = {}
    for path in store.paths():
        try:
            entry = decode(path.read_bytes(), path.name.removesuffix(SUFFIX))
            body = entry.request["body"]
            if entry.request["adapter"] in ADAPTERS and is_question(body):
                whole_answer(entry.request, entry.body)
        except (ValueError, KeyError, TypeError) as error:
            damaged[path] = str(error)
        except Malformed as error:
            damaged[path] = f"not a whole answer ({error})"
    _delete_leftovers(store)
    return damaged


def _delete_leftovers(store: Store) -> None:
    """Delete locks that no living job holds, and temporary files that are older than a day."""
    for lock in store.folder.glob("??/.*.lock"):
        with hold(lock):
            pass
    BatchNotes(store).tidy()
    for leftover in store.folder.glob("??/.*.tmp"):
        if leftover.stat().st_mtime < time.time() - DAY_S:
            leftover.unlink(missing_ok=True)


def pack(store: Store, target: Path) -> int:
    """Put all answers into one zip file with a manifest of their SHA-256.

    The same answers give the same bytes.

    Returns:
        The number of answers.

    Raises:
        StudyError: an answer is damaged.
    """
    manifest = {}
    with (
        replacing(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for path in store.paths():
            data = path.read_bytes()
            try:
                decode(data, path.name.removesuffix(SUFFIX))
            except (ValueError, KeyError, TypeError) as error:
                raise StudyError(
                    f"{path}: {error}; "
                    "delete the file (its question will be asked again), then pack"
                ) from error
            name = f"{path.parent.name}/{path.name}"
            manifest[name] = hashlib.sha256(data).hexdigest()
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo(MANIFEST), canonical(manifest), zipfile.ZIP_DEFLATED)
    return len(manifest)


def unpack(store: Store, source: Path) -> tuple[int, int]:
    """Take the answers of a packed file into the store; answers that are there stay.

    Nothing is taken from a file that `pack` did not make, or that holds a damaged answer.

    Returns:
        How many answers were new, and how many were there.

    Raises:
        StudyError: says what is wrong with the file.
    """
    with opened(source, "packed store") as archive:
        names = _checked_names(archive, source)
        for name in names:  # all answers are checked before any is taken
            _check_entry(archive, name, names[name], source)
        new = 0
        for name in names:
            key = Path(name).name.removesuffix(SUFFIX)
            if not store.path(key).exists():
                store.put(decode(read_entry(archive, name), key))
                new += 1
    return new, len(names) - new


def drop(store: Store, model: str) -> Iterator[Path]:
    """The files of one model's answers, to be deleted by the caller."""
    for path in store.paths():
        try:
            if read_header(path)["model"] == model:
                yield path
        except (ValueError, KeyError, TypeError):
            continue


def _checked_names(archive: zipfile.ZipFile, source: Path) -> dict[str, str]:
    """The manifest (name → SHA-256), which must list what the archive holds."""
    try:
        manifest = json.loads(read_entry(archive, MANIFEST))
        listed = [info.filename for info in archive.infolist() if info.filename != MANIFEST]
        if not isinstance(manifest, dict) or sorted(manifest) != sorted(listed):
            raise ValueError
    except (KeyError, ValueError, RecursionError):
        raise StudyError(
            f"{source}: its manifest does not list its content; this is no file that `pack` made"
        ) from None
    for name in manifest:
        if not re.fullmatch(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.jsonl", name):
            raise StudyError(
                f"{source}: holds {name!r:.80}, which is no answer's name; "
                "this is no file that `pack` made"
            )
    return dict(sorted(manifest.items()))


def _check_entry(archive: zipfile.ZipFile, name: str, sha256: str, source: Path) -> None:
    data = read_entry(archive, name)
    try:
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError("it does not match its hash")
        decode(data, os.path.basename(name).removesuffix(SUFFIX))
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{source}: {name}: {error}; nothing was taken from this file") from error

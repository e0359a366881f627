"""The seal of a study: what was fixed before the first question, and what changed after it.

Every job that asks a language model seals the study first. A seal is a line of
`seals/{study}.jsonl` in the response store: it stays as long as the answers do, whatever happens to
the results. A line is added only where something changed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np

from microrank.errors import StudyError
from microrank.services.store import Store, canonical, read_header

FOLDER = "seals"
# Keys of settings that shape neither answers nor verdicts.
IDLE = ("price", "device", "explorer_users", "replayed_from")


@dataclass(frozen=True)
class Seal:
    """What shapes a study at one time.

    Attributes:
        time: When it was sealed, UTC.
        kept_answers: How many answers of the study's models the store held then.
        settings: The parts of the config that the study uses, by dotted key.
        files: Name -> checksum of prompts, methods and lists of the user's own.
        order: SHA-256 of the users' seeded order.
    """

    time: str
    kept_answers: int
    settings: Mapping[str, Any]
    files: Mapping[str, str]
    order: str

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        files: Mapping[str, str],
        order: np.ndarray,
        *,
        time: str,
        kept_answers: int,
    ) -> Self:
        """Seal a study.

        Args:
            settings: From `study_settings`.
            files: Name -> checksum.
            order: From `seeded_order`: ids of all users, in the order in which they are drawn.
            time: Now.
            kept_answers: From `answers_by`.
        """
        order_hash = hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()
        return cls(time, kept_answers, dict(_flat(settings)), dict(files), order_hash)

    @property
    def hash(self) -> str:
        """SHA-256 of all but the time and the count of answers."""
        content = {"settings": self.settings, "files": self.files, "order": self.order}
        return hashlib.sha256(canonical(content).encode()).hexdigest()


@dataclass(frozen=True)
class Seals:
    """The seals of a study.

    Attributes:
        now: What shapes the study now.
        kept: Those that the store keeps, the first one first; empty where it keeps none.
    """

    now: Seal
    kept: list[Seal]

    @property
    def changes(self) -> list[str]:
        """What differs now from the first seal."""
        return changes(self.kept[0], self.now) if self.kept else []


def keep_seal(store: Store, study: str, seal: Seal) -> Seals:
    """Add a seal to those that the store keeps, where it differs from the last.

    A store that is offline or cannot be written gets no line.

    Raises:
        StudyError: The file of seals is damaged.
    """
    path, seals = seals_file(store, study), kept_seals(store, study)
    if store.offline or (seals and seals[-1].hash == seal.hash):
        return Seals(seal, seals)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(canonical(asdict(seal)) + "\n")
    except OSError:
        _forget_half_line(path)
        return Seals(seal, seals)
    return Seals(seal, [*seals, seal])


def _forget_half_line(path: Path) -> None:
    """Cut off what a full disk left of a line."""
    with suppress(OSError):
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


def seals_file(store: Store, study: str) -> Path:
    """Return where the store keeps the seals of a study."""
    return store.folder / FOLDER / f"{study}.jsonl"


def kept_seals(store: Store, study: str) -> list[Seal]:
    """Return the seals of a study, the first one first; none where the store keeps none.

    Raises:
        StudyError: A line is no seal.
    """
    path = seals_file(store, study)
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        seals = [Seal(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        raise StudyError(
            f"{path}: is no list of seals ({error}); move the file away, and say so where you "
            "publish results: the study is then sealed anew"
        ) from error
    # Jobs that begin together may each have kept the same.
    return [next(same) for _, same in groupby(seals, key=lambda seal: seal.hash)]


def answers_by(store: Store, models: Sequence[str]) -> int:
    """Count the kept answers by the models of these names, whoever served them."""
    names = {Path(model).name for model in models}
    return sum(Path(_model_of(path)).name in names for path in store.paths())


def _model_of(answer: Path) -> str:
    """Return the model that a kept answer's file names; nothing of a damaged one."""
    try:
        return str(read_header(answer)["model"])
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def changes(first: Seal, last: Seal) -> list[str]:
    """Say what differs between two seals, one thing each."""
    texts = [
        f"`{key}`: {_written(first.settings, key)} → {_written(last.settings, key)}"
        for key in sorted({*first.settings, *last.settings})
        if _written(first.settings, key) != _written(last.settings, key)
    ]
    texts += [
        f"`{name}`: {_kind_of_change(first.files, last.files, name)}"
        for name in sorted({*first.files, *last.files})
        if first.files.get(name) != last.files.get(name)
    ]
    if first.order != last.order:
        texts.append("the order of users")
    return texts


def _kind_of_change(before: Mapping[str, str], after: Mapping[str, str], name: str) -> str:
    if name not in before:
        return "added"
    return "edited" if name in after else "removed"


def _written(settings: Mapping[str, Any], key: str) -> str:
    return canonical(settings[key]) if key in settings else "none"


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting with its dotted key."""
    for key, inner in value.items():
        if key in IDLE:
            continue
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner

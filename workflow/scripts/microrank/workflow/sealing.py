"""The seal of the study that a config describes."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microrank.clock import now
from microrank.data.subset import seeded_order
from microrank.files import file_checksum
from microrank.methods import Methods
from microrank.seal import Seal, Seals, answers_by, keep_seal, kept_seals
from microrank.services.store import Store
from microrank.tables import Batches, users_of
from microrank.workflow.place import find_file
from microrank.workflow.studies import Studies
from microrank.workflow.study_files import files_of_study
from microrank.workflow.study_settings import study_settings

ELSEWHERE = "lies elsewhere"  # instead of the checksum of a file that this machine does not have
log = logging.getLogger(__name__)


def seal_before_asking(config: Mapping[str, Any], folder: str, test: Batches) -> None:
    """Seal the study, so that whatever changes after its first question can be told.

    Args:
        config: The checked config.
        folder: The study's below `results/`, or a repeat's.
        test: Table SPLIT with one row a user.
    """
    store = _store(config)
    kept = kept_seals(store, folder)
    counted = 0 if kept else answers_by(store, _models(config))
    seals = keep_seal(store, folder, _seal(config, folder, test, counted))
    for change in seals.changes:
        log.info("changed since the study was sealed (%s): %s", seals.kept[0].time, change)


def seals_of(config: Mapping[str, Any], test: Batches) -> Seals:
    """Return the seals that the store keeps of the study, and what one would be now."""
    folder = Studies(config).name
    return Seals(_seal(config, folder, test, 0), kept_seals(_store(config), folder))


def _seal(config: Mapping[str, Any], folder: str, test: Batches, kept_answers: int) -> Seal:
    studies, methods = Studies(config), Methods.from_config(config)
    files = {
        name: file_checksum(path) if Path(path).is_file() else ELSEWHERE
        for name, path in files_of_study(studies, methods, find_file).items()
    }
    order = seeded_order(users_of([test]), studies.seed(folder))
    settings = study_settings(studies, methods)
    return Seal.of(settings, files, order, time=now(), kept_answers=kept_answers)


def _models(config: Mapping[str, Any]) -> list[str]:
    settings = study_settings(Studies(config), Methods.from_config(config))
    return [llm["model"] for llm in settings["llms"].values()]


def _store(config: Mapping[str, Any]) -> Store:
    return Store(config["store"]["path"], offline=config["store"]["offline"])

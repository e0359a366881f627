"""The names of folders below `results/`: no two of studies and data sets share one."""

import re
from collections.abc import Mapping
from typing import Any

from microrank.errors import StudyError
from microrank.methods import recommender_names
from microrank.workflow.studies import name_of_study

# What lies there beside the folders of studies and data sets.
BESIDE = (
    "report.md",
    "report.html",
    "forecast.md",
    "preflight.md",
    "settled.md",
    "recommenders.md",
    "paper.tex",
    "paper-hits.pdf",
    "bundle.zip",
    "logs",
    "benchmarks",
)
OF_A_REPEAT = re.compile(r"\.seed-\d+$", re.IGNORECASE)


def check_folders(config: Mapping[str, Any]) -> None:
    """Check the names of the study and of the data sets.

    Raises:
        StudyError: one of them is the folder of something else, on file systems that do not
            tell A from a too.
    """
    study, datasets = name_of_study(config), config["datasets"]
    for recommender in recommender_names(config):
        folder = f"{study}.{recommender}"
        for name in (name for name in datasets if name.casefold() == folder.casefold()):
            raise _taken("datasets", name, f"is the folder of the lists of '{recommender}'")
    for name in datasets:
        is_its_own = name == study == config["dataset"]
        if name.casefold() == study.casefold() and not is_its_own:
            raise _taken("study", study, f"is the folder of the data set '{name}'")
    for key, names in (("study", [study]), ("datasets", datasets)):
        for name in names:
            if name.casefold() in BESIDE:
                raise _taken(key, name, "is something else below results/")
            if OF_A_REPEAT.search(name):
                raise _taken(key, name, "is what the folder of a repeat is called")


def _taken(key: str, name: str, why: str) -> StudyError:
    return StudyError(f"config: {key}: '{name}' {why}; choose another name")

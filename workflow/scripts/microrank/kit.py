"""A study in one file, to be replayed without a token and without training: its lists, the answers it used, its settings, its report."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from microrank.errors import StudyError
from microrank.files import replacing
from microrank.services.store import SUFFIX, Store, decode, read_header

FOLDER = "kit"
HOW = """# A study to replay

Made by microrank at commit {commit}. In a checkout of that commit, unpack this file in the repository's root, place the raw files of
`{dataset}` where kit.yaml names them (their checksums are in it, and in report.md), and run

    snakemake --cores 4 results/report.md --configfile kit/kit.yaml

No token is needed and nobody is asked: the lists are taken as they are here, and every answer comes from kit/answers. The numbers must be
those of the report.md and metrics.csv beside this file. The answers quote titles, and the lists name items and users: pass this file on
only where the data's licence allows that.
"""


def pack_kit(target: Path, settings: Mapping[str, Any], files: Mapping[str, Path], answers: Iterable[Path], commit: str | None) -> int:
    """Write the kit: the same study gives the same bytes. Gives how many answers are in it.

    Args:
        settings: as `kit_settings` gives them. files: name in the kit -> file. answers: files of a response store.

    Raises:
        StudyError: an answer is damaged or gone.
    """
    how = HOW.format(commit=commit or "unknown", dataset=settings["dataset"])
    texts = {"README.md": how, "kit.yaml": yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=120)}
    contents = {name: text.encode() for name, text in texts.items()} | {name: path.read_bytes() for name, path in files.items()}
    n_answers = 0
    for path in answers:
        try:
            contents[f"answers/{path.parent.name}/{path.name}"] = data = path.read_bytes()
            decode(data, path.name.removesuffix(SUFFIX))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{path}: the kept answer cannot be read ({error}); run the study again, then pack") from error
        n_answers += 1
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(f"{FOLDER}/{name}"), contents[name], zipfile.ZIP_DEFLATED)
    return n_answers


def kit_settings(config: Mapping[str, Any], recommender: str) -> dict[str, Any]:
    """The part of the config that a replay lays over its own: the data set with its lists, what was asked, and a store that asks nobody."""
    name = config["dataset"]
    methods = list(config["methods"])
    parts = [part for method in methods for part in config["rerankers"][method].get("of", []) if part in config["rerankers"]]
    rerankers = {method: config["rerankers"][method] for method in dict.fromkeys([*methods, *parts])}
    fused = any("fusion" in reranker for reranker in rerankers.values())
    used = {kind: sorted({one[kind] for one in rerankers.values() if kind in one}) for kind in ("encoder", "llm")}
    lists = {"recommendations": f"{FOLDER}/recommendations.parquet", "recommender": f"{recommender}-lists"}
    if fused:
        lists["recommendations_for_tuning"] = f"{FOLDER}/recommendations-for-tuning.parquet"
    dataset = {key: value for key, value in config["datasets"][name].items() if key != "synthetic"} | lists
    return {
        "dataset": f"{name}-kit",
        "seed": config["seed"],
        "top_k": config["top_k"],
        "datasets": {f"{name}-kit": dataset},
        "subset": config["subset"],
        **{f"{kind}s": {one: config[f"{kind}s"][one] for one in names} for kind, names in used.items() if names},
        "rerankers": rerankers,
        "tuning": config["tuning"],
        "methods": methods,
        "store": {"path": f"{FOLDER}/answers", "offline": True},
        "report": config["report"],
    }


def answers_used(store: Store, keys: Iterable[str], models: Iterable[str]) -> list[Path]:
    """The files of these requests, and all of these models' (encoders', whose requests stand in no table), in the order of their keys."""
    wanted, of_models = {store.path(key) for key in keys}, set(models)
    if of_models:
        wanted |= {path for path in store.paths() if read_header(path)["model"] in of_models}
    return sorted(wanted)

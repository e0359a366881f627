"""A study in one file, to be replayed without a token or training: its lists, vectors, answers, prompts, methods, settings and report."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from microrank.errors import StudyError
from microrank.files import replacing
from microrank.local_llm.weights import told_apart
from microrank.services.store import SUFFIX, Store, decode

FOLDER = "bundle"
HOW = """# A study to replay

Made by microrank at commit {commit}. In a checkout of that commit, place the raw files of `{dataset}` where bundle.yaml names them (their
checksums are in it, and in report.md), and run

    python workflow/scripts/unpack_bundle.py bundle.zip
    snakemake --cores 4 results/report.md --configfile bundle/bundle.yaml

No token is needed and nobody is asked: lists and vectors are taken as they are here, and every answer comes from bundle/answers. The report
must be the report.md beside this file, but for the place of files and the versions of packages. Files in bundle/methods, if there are any, are
programs, which run with your rights: read them first, then unpack with --with-methods. The answers quote titles, and the lists name items
and users: pass this file on only where the data's licence allows that.
"""


def pack_bundle(
    target: Path,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    answers: Iterable[Path],
    commit: str | None,
) -> int:
    """Write the bundle: the same study gives the same bytes. Gives how many answers are in it.

    Args:
        settings: as `bundle_settings` gives them. files: name in the bundle -> file. answers: files of a response store.

    Raises:
        StudyError: an answer is damaged or gone.
    """
    how = HOW.format(commit=commit or "unknown", dataset=settings["dataset"])
    texts = {
        "README.md": how,
        "bundle.yaml": yaml.safe_dump(
            dict(settings), sort_keys=False, allow_unicode=True, width=120
        ),
    }
    contents = {name: text.encode() for name, text in texts.items()} | {
        name: path.read_bytes() for name, path in files.items()
    }
    n_answers = 0
    for path in answers:
        try:
            contents[f"answers/{path.parent.name}/{path.name}"] = data = path.read_bytes()
            decode(data, path.name.removesuffix(SUFFIX))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"{path}: the kept answer cannot be read ({error}); run the study again, then pack"
            ) from error
        n_answers += 1
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(contents):
            archive.writestr(
                zipfile.ZipInfo(f"{FOLDER}/{name}"), contents[name], zipfile.ZIP_DEFLATED
            )
    return n_answers


def bundle_settings(
    config: Mapping[str, Any], used: Sequence[str], origin: Mapping[str, Any]
) -> dict[str, Any]:
    """The part of the config that a replay lays over its own: the data set with its lists, what was asked, and a store that asks nobody.

    Args:
        used: the rerankers that run, parts of fusions included.
        origin: what the report says of the study: its `dataset`, `recommender`, and whether that is `synthetic`.
    """
    name = f"{origin['dataset']}-bundle"
    rerankers = {one: dict(config["rerankers"][one]) for one in used}
    for one, reranker in rerankers.items():
        if "file" in reranker:
            reranker["file"] = f"{FOLDER}/methods/{one}.py"
    parts = {
        kind: sorted({one[kind] for one in rerankers.values() if kind in one})
        for kind in ("encoder", "llm")
    }
    keys = (
        "recommendations",
        *(
            ["recommendations_for_tuning"]
            if any("fusion" in one for one in rerankers.values())
            else []
        ),
    )
    lists = {key: f"{FOLDER}/{config['seed']}/{key}.parquet" for key in keys}
    raw = picked(
        config["datasets"][config["dataset"]], ("pairs", "titles", "url", "page", "checksums")
    )
    recipe = config["nfm"]["recipe"]
    return {
        "dataset": name,
        **{key: config[key] for key in ("seed", "repeats", "top_k")},
        "datasets": {name: {**raw, **lists, "origin": {**origin, "files": FOLDER}}},
        "nfm": {"recipe": recipe, "recipes": {recipe: config["nfm"]["recipes"][recipe]}},
        "subset": config["subset"],
        **{
            f"{kind}s": {one: _model(kind, one, config[f"{kind}s"][one]) for one in names}
            for kind, names in parts.items()
            if names
        },
        "prompts": f"{FOLDER}/prompts"
        if any("prompt" in one for one in rerankers.values())
        else config["prompts"],
        "rerankers": rerankers,
        "tuning": config["tuning"],
        "methods": list(config["methods"]),
        "store": {"path": f"{FOLDER}/answers", "offline": True},
        "report": config["report"],
    }


def _model(kind: str, name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a model; that of a local language model says which weights it had."""
    return told_apart(name, section) if kind == "llm" else dict(section)


def picked(section: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The entries under these keys, where there are any."""
    return {key: section[key] for key in keys if key in section}


def answer_keys(responses: pa.Table) -> list[str]:
    """The keys of all answers that a table RESPONSES rests on."""
    references = responses["reference_keys"].combine_chunks().flatten().to_pylist()
    return [*responses["request_key"].to_pylist(), *references]


def answers_used(store: Store, keys: Iterable[str]) -> list[Path]:
    """The files of these requests, in the order of their keys."""
    return sorted({store.path(key) for key in keys})

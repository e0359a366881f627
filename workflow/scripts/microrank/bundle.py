"""A study in one file, to be replayed without a token or training.

It holds the study's lists, vectors, answers, prompts, methods, settings and report.
"""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from microrank.crate import METADATA, describe
from microrank.data.raw_keys import RAW_KEYS
from microrank.errors import StudyError
from microrank.files import replacing
from microrank.local_llm.weights import told_apart
from microrank.methods import Method, Methods, settings_used
from microrank.services.store import SUFFIX, Store, decode

FOLDER = "bundle"
SUFFIX_OF_NAME = "-bundle"  # of the data set that a replay studies
HOW = """# A study to replay

Made by microrank at commit {commit}. In a checkout of that commit, place the raw files of
`{dataset}` where bundle.yaml names them (their checksums are in it, and in report.md), and run

    python workflow/scripts/unpack_bundle.py bundle.zip
    snakemake --cores 4 results/report.md --configfile bundle/bundle.yaml

No token is needed and nobody is asked. Lists and vectors are taken as they are here, and every
answer comes from bundle/answers. The report must be the report.md beside this file, but for the
place of files and the versions of packages. Files in bundle/methods, if there are any, are
programs, which run with your rights: read them first, then unpack with --with-methods. The answers
quote titles, and the lists name items and users: pass this file on only where the data's licence
allows that.
"""


def pack_bundle(
    target: Path,
    settings: Mapping[str, Any],
    files: Mapping[str, Path],
    answers: Iterable[Path],
    commit: str | None,
    *,
    date: str | None = None,
) -> int:
    """Write the bundle: the same study gives the same bytes.

    Args:
        target: the bundle.
        settings: as `bundle_settings` gives them.
        files: name in the bundle -> file.
        answers: files of a response store.
        commit: of the workflow; None outside a checkout.
        date: of that commit.

    Returns:
        How many answers are in it.

    Raises:
        StudyError: an answer is damaged or gone.
    """
    how = HOW.format(commit=commit or "unknown", dataset=settings["dataset"])
    kept = {f"answers/{path.parent.name}/{path.name}": _answer(path) for path in answers}
    contents = {
        "README.md": how.encode(),
        "bundle.yaml": as_yaml(settings),
        **{name: path.read_bytes() for name, path in files.items()},
        **kept,
    }
    name = str(settings["dataset"]).removesuffix(SUFFIX_OF_NAME)
    contents[METADATA] = describe(name, contents, commit, date)
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}")
            archive.writestr(entry, contents[name], zipfile.ZIP_DEFLATED)
    return len(kept)


def as_yaml(settings: Mapping[str, Any]) -> bytes:
    """The settings as a bundle writes them."""
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=120).encode()


def _answer(path: Path) -> bytes:
    """A kept answer's bytes, if they are whole."""
    try:
        data = path.read_bytes()
        decode(data, path.name.removesuffix(SUFFIX))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path}: the kept answer cannot be read ({error}); run the study again, then pack"
        ) from error
    return data


def bundle_settings(
    config: Mapping[str, Any], methods: Methods, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """The part of the config that a replay lays over its own.

    Args:
        config: the packed study's.
        methods: those that run.
        origin: what the report says of it: its `study`, `dataset`, `recommender` and `synthetic`.

    Returns:
        The data set with its lists, what was asked, and a store that asks nobody.
    """
    name = f"{origin['study']}{SUFFIX_OF_NAME}"
    has_prompts = any("prompt" in method.settings for method in methods.used)
    recipe = config["nfm"]["recipe"]
    dataset = {
        **_raw_files(config),
        **_lists(config["seed"], methods),
        "origin": {**origin, "files": FOLDER},
    }
    return {
        "dataset": name,
        "study": None,  # whatever the config beneath says
        **{key: config[key] for key in ("seed", "repeats", "top_k")},
        "datasets": {name: dataset},
        "nfm": {"recipe": recipe, "recipes": {recipe: config["nfm"]["recipes"][recipe]}},
        "subset": config["subset"],
        **_models(config, methods),
        "prompts": f"{FOLDER}/prompts" if has_prompts else config["prompts"],
        "rerankers": {method.name: _reranker(method) for method in methods.used},
        "tuning": config["tuning"],
        "methods": list(config["methods"]),
        "memory": config["memory"],
        "store": {"path": f"{FOLDER}/answers", "offline": True},
        "report": config["report"],
    }


def _raw_files(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a bundle says of the raw files, which it does not hold."""
    dataset = config["datasets"][config["dataset"]]
    keys = ("pairs", "titles", "url", "page", "checksums", "about", "item_date", *RAW_KEYS)
    return {key: dataset[key] for key in keys if key in dataset}


def _lists(seed: int, methods: Methods) -> dict[str, str]:
    """The lists in the bundle, by their key of `datasets`."""
    keys = ["recommendations"]
    if methods.fusions:
        keys.append("recommendations_for_tuning")
    return {key: f"{FOLDER}/{seed}/{key}.parquet" for key in keys}


def _models(config: Mapping[str, Any], methods: Methods) -> dict[str, dict[str, Any]]:
    """The sections `encoders` and `llms`, with the used models alone; none that would be empty."""
    used = {f"{kind}s": settings_used(methods.used, kind) for kind in ("encoder", "llm")}
    return {
        section: {name: _model(section, name, config[section][name]) for name in names}
        for section, names in used.items()
        if names
    }


def _reranker(method: Method) -> dict[str, Any]:
    """The entry of `rerankers`; a program is the bundle's."""
    packed = {"file": f"{FOLDER}/methods/{method.name}.py"} if "file" in method.settings else {}
    return {**method.settings, **packed}


def _model(section: str, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a model; that of a local language model says which weights it had."""
    return told_apart(name, entry) if section == "llms" else dict(entry)


def answer_keys(responses: pa.Table) -> list[str]:
    """The keys of all answers that a table RESPONSES rests on."""
    references = responses["reference_keys"].combine_chunks().flatten().to_pylist()
    return [*responses["request_key"].to_pylist(), *references]


def answers_used(store: Store, keys: Iterable[str]) -> list[Path]:
    """The files of these requests, in the order of their keys."""
    return sorted({store.path(key) for key in keys})

"""The study's configuration, held against its schema and then against itself.

Whatever is wrong is one line that names the key, and for a misspelt name the nearest known one.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from microrank.errors import StudyError
from microrank.local_llm.check_settings import check_local_settings
from microrank.local_llm.weights import PACKAGED_GGUF, gguf_of
from microrank.methods import BEST, NFM, Methods, Recommender, settings_used
from microrank.services.adapters import LOCAL
from microrank.workflow.check_recommenders import check_recommenders
from microrank.workflow.folders import check_folders
from microrank.workflow.numbers import with_numbers
from microrank.workflow.place import REPOSITORY, find_file
from microrank.workflow.references import check_name, no_file
from microrank.workflow.renamed import check_renamed
from microrank.workflow.schema import as_line, schema_fault, validator

Config = Mapping[str, Any]

# The recommender's row, what diagnostics call it, and the row of the best possible order.
RESERVED = (NFM, "recommender", "oracle")
LISTS = ("recommendations", "recommendations_for_tuning")
STUDY_SAMPLE_SIZE = 100  # users


def check_config(config: Config, schema_path: Path, *, raw_files_here: bool = True) -> None:
    """Check the config against its schema and its own cross references.

    Args:
        config: as Snakemake read it.
        schema_path: the JSON schema, as YAML.
        raw_files_here: false where files lie in a storage such as S3: Snakemake looks for them.

    Raises:
        StudyError: names the key and what is wrong with it.
    """
    try:
        check_renamed(config)
        _check_schema(config, schema_path)
        for check in CHECKS:
            check(config)
        for check in CHECKS_OF_FILES_HERE if raw_files_here else CHECKS_OF_STORAGE:
            check(config)
    except StudyError as error:
        raise StudyError(as_line(error)) from None


def read_numbers(config: Config, schema_path: Path) -> dict[str, Any]:
    """The config with numbers where YAML 1.1 read such as 1e-3 as text.

    Args:
        config: as Snakemake read it.
        schema_path: the JSON schema, as YAML.
    """
    return with_numbers(config, validator(schema_path))


def subset_settings(config: Config) -> dict[str, Any]:
    """The section `subset` of a checked config, with a number of users.

    Where `subset.sample_size` is null it is the data set's own, or else the study's 100.
    """
    asked = config["subset"]["sample_size"]
    own = config["datasets"][config["dataset"]].get("sample_size")
    size = next(size for size in (asked, own, STUDY_SAMPLE_SIZE) if size is not None)
    return {**config["subset"], "sample_size": size}


def _check_schema(config: Config, schema_path: Path) -> None:
    if fault := schema_fault(config, schema_path):
        raise StudyError(f"config: {fault}")


def _check_names(config: Config) -> None:
    """Whatever the study names is there."""
    check_name("dataset", config["dataset"], config["datasets"], "datasets")
    nfm = config["nfm"]
    check_name("nfm.recipe", nfm["recipe"], nfm["recipes"], "nfm.recipes")
    for method in config["methods"]:
        check_name("methods", method, config["rerankers"], "rerankers")


def _check_reserved(config: Config) -> None:
    for name in RESERVED:
        if name in config["rerankers"]:
            raise StudyError(
                f"config: rerankers: '{name}' names a row that every report has; "
                "give this re-ranker another name"
            )


def _check_cutoffs(config: Config) -> None:
    """Require a cutoff below `top_k`: at full length every order of a list has the same hits."""
    cutoffs, top_k = config["report"]["cutoffs"], config["top_k"]
    if not any(cutoff < top_k for cutoff in cutoffs):
        raise StudyError(
            f"config: report.cutoffs: none of {', '.join(map(str, cutoffs))} is below top_k "
            f"({top_k}), where orders of a list differ; add a smaller one, or raise top_k"
        )


def _check_fetched(config: Config) -> None:
    """What is downloaded goes below resources/, whoever wrote the config."""
    for name, dataset in config["datasets"].items():
        for key, path in _raw_files(dataset) if "url" in dataset else ():
            if os.path.normpath(path) != path or not path.startswith("resources/"):
                raise StudyError(
                    f"config: datasets.{name}.{key}: with `url`, {path!r} would be downloaded, "
                    "which is done below resources/ alone: name a path there, or take `url` out "
                    "and place the file yourself"
                )


def _check_recommenders_name(config: Config) -> None:
    """Lists of another recommender bear a name that no method has."""
    dataset = config["datasets"][config["dataset"]]
    name = Recommender.from_dataset({**dataset, "origin": {}}).name
    if "recommendations" in dataset and name in (*RESERVED, *config["rerankers"]):
        raise StudyError(
            f"config: datasets.{config['dataset']}.recommender: '{name}' is a method's name; "
            "choose another"
        )


def _check_tuning_lists(config: Config) -> None:
    """With lists of another recommender, fusions need lists to be tuned on."""
    where, dataset = f"datasets.{config['dataset']}", config["datasets"][config["dataset"]]
    fused = [name for name in config["methods"] if "fusion" in config["rerankers"][name]]
    if "recommendations" in dataset and "recommendations_for_tuning" not in dataset and fused:
        raise StudyError(
            f"config: methods: '{fused[0]}' is a fusion, whose number is chosen on lists made "
            f"without the last but one items: name such a file as "
            f"{where}.recommendations_for_tuning, or leave fusions out of methods"
        )


def _check_rerankers(config: Config) -> None:
    """Each re-ranker's model, file and parts are there."""
    single = [name for name, entry in config["rerankers"].items() if "fusion" not in entry]
    for name, reranker in config["rerankers"].items():
        where = f"rerankers.{name}"
        for kind in ("encoder", "llm"):
            if kind in reranker:
                check_name(f"{where}.{kind}", reranker[kind], config[f"{kind}s"], f"{kind}s")
        if not os.path.exists(find_file(reranker.get("file", "."))):
            raise no_file(f"{where}.file", reranker["file"])
        for part in reranker.get("of", []):
            section = f"{NFM} and the rerankers that are no fusions themselves"
            key = "choose" if reranker["fusion"] == BEST else "of"
            check_name(f"{where}.{key}", part, [NFM, *single], section)


def _check_simulated(config: Config) -> None:
    """Real data never get a row that no model answered; a bundle is what it was packed from."""
    dataset = config["datasets"][config["dataset"]]
    if "synthetic" in dataset or dataset.get("origin", {}).get("synthetic"):
        return
    for method in Methods.from_config(config).used:
        if method.is_simulated:
            raise StudyError(
                f"config: methods: '{method.name}' rests on a simulated model, which is for "
                f"synthetic data; {config['dataset']} is real: name a model, such as "
                "smollm2-likelihood"
            )


def _check_prompts(config: Config) -> None:
    """Methods that run need a prompt in the folder; a bundle's holds no others."""
    for method in Methods.from_config(config).used:
        if "prompt" in method.settings:
            folder = config["prompts"]
            folders = (Path(folder), REPOSITORY / folder)
            known = {path.stem for place in folders for path in place.glob("*.yaml")}
            where = f"rerankers.{method.name}.prompt"
            section = f"the folder of prompts, {folder}"
            check_name(where, method.settings["prompt"], known, section)


def _check_raw_files(config: Config) -> None:
    """Say which file is missing where no rule can make it; Snakemake would not say what to do."""
    name = config["dataset"]
    dataset = config["datasets"][name]
    needed = [(key, dataset[key]) for key in LISTS if key in dataset]
    if "url" not in dataset and "synthetic" not in dataset:
        needed += _raw_files(dataset)
    for key, path in needed:
        if not os.path.isfile(path):
            raise no_file(f"datasets.{name}.{key}", path)


def _check_weights(config: Config) -> None:
    """The GGUF files of the models that are asked here, but for the one that a rule fetches."""
    if config["store"]["offline"]:
        return
    for name in settings_used(Methods.from_config(config).used, "llm"):
        gguf = gguf_of(config["llms"][name]) if config["llms"][name]["adapter"] == LOCAL else None
        unpacked = os.path.isdir(f"resources/models/{name}")
        if gguf and gguf != PACKAGED_GGUF and not unpacked and not os.path.isfile(gguf):
            raise no_file(f"llms.{name}.model", gguf)


def _check_store(config: Config) -> None:
    """Where files lie in a storage, jobs have machines of their own, which end with them."""
    path = config["store"]["path"]
    if not os.path.isabs(path):
        raise StudyError(
            f"config: store.path: '{path}' would lie in each job's own machine, and paid answers "
            "would go with it: name a volume that all jobs see, as an absolute path: "
            "--config 'store={path: /store}'"
        )


def _raw_files(dataset: Config) -> Iterator[tuple[str, str]]:
    """The data set's files, each with its key."""
    pairs = dataset["pairs"]
    yield from (("pairs", path) for path in ([pairs] if isinstance(pairs, str) else pairs))
    yield "titles", dataset["titles"]


Check = Callable[[Config], None]
# In this order; each relies on those before it.
CHECKS: tuple[Check, ...] = (
    _check_names,
    check_folders,
    _check_reserved,
    _check_cutoffs,
    _check_fetched,
    _check_recommenders_name,
    _check_tuning_lists,
    check_recommenders,
    _check_rerankers,
    check_local_settings,
    _check_simulated,
    _check_prompts,
)
CHECKS_OF_FILES_HERE: tuple[Check, ...] = (_check_raw_files, _check_weights)
CHECKS_OF_STORAGE: tuple[Check, ...] = (_check_store,)

"""Helpers of all stages: the checked config, and the digest that makes a rule rerun when its modules change. No rule lives here.

Needs: config/config.yaml, workflow/schemas/config.schema.yaml
"""

import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir, "workflow", "scripts")
sys.path.insert(0, str(SCRIPTS))

from microrank.workflow import sources
from microrank.workflow.config import check_config
from microrank.errors import StudyError

if re.search("[{}]", workflow.basedir):
    raise WorkflowError(
        f"{workflow.basedir}: Snakemake takes braces in a folder's name for wildcards; move the repository to one without"
    )
try:
    check_config(
        config,
        Path(workflow.basedir, "workflow", "schemas", "config.schema.yaml"),
        raw_files_here=workflow.storage_settings.default_storage_provider is None,
    )
except StudyError as error:
    raise WorkflowError(str(error)) from None

DATASET = config["dataset"]
# Repeats of the whole study with other seeds stand beside it like data sets of their own: results/{dataset}.seed-{seed}/.
SEED_OF = {DATASET: config["seed"]} | {
    f"{DATASET}.seed-{seed}": seed
    for seed in range(config["seed"] + 1, config["seed"] + config["repeats"])
}
OWN_LISTS = [
    name for name, dataset in config["datasets"].items() if "recommendations" in dataset
]  # made by another recommender than NFM


def source_digest(rule_name):
    """SHA-256 over the script of that name and the package modules that it imports: a param, so that an edit reruns the rule."""
    return sources.source_digest(SCRIPTS / f"{rule_name}.py")


def seed_of(wildcards):
    """A param: the study's seed, or a repeat's own."""
    return SEED_OF.get(wildcards.dataset, config["seed"])


def settings_of(dataset):
    """The entry of `datasets`; a repeat's is the study's own."""
    return config["datasets"][DATASET if dataset in SEED_OF else dataset]


def pairs_of(dataset):
    """The paths of a dataset's interactions: one file, or two of the same."""
    pairs = settings_of(dataset)["pairs"]
    return [pairs] if isinstance(pairs, str) else pairs


def of_recommender(name):
    """An input: the file of that name beside the recommender's lists, be they NFM's or the user's own."""

    def path(wildcards):
        return f"results/{wildcards.dataset}/{'lists' if 'recommendations' in settings_of(wildcards.dataset) else 'nfm'}/{name}"

    return path


def origin_of(dataset):
    """Of a bundle's data set, what the packed study was; of others nothing."""
    return settings_of(dataset).get("origin", {})


def packed(dataset, name):
    """The file of that name of this data set, or repeat of it, in the bundle."""
    return f"{origin_of(dataset)['files']}/{SEED_OF.get(dataset, config['seed'])}/{name}"


def lists_of(dataset, key):
    """The file that `recommendations`, or `recommendations_for_tuning`, of a data set names; in a bundle each repeat has its own."""
    return packed(dataset, f"{key}.parquet") if origin_of(dataset) else settings_of(dataset)[key]


def recommender_of(dataset):
    """What the recommender's own order is called in tables."""
    lists = (
        settings_of(dataset).get("recommender", "own-lists")
        if "recommendations" in settings_of(dataset)
        else "nfm"
    )
    return origin_of(dataset).get("recommender", lists)


def training_curve_of(dataset):
    """The file with the curve of NFM's training, in a list; nothing where another recommender made the lists."""
    if recommender_of(dataset) != "nfm":
        return []
    return [
        (
            packed(dataset, "training.csv")
            if origin_of(dataset)
            else f"results/{dataset}/nfm/training.csv"
        )
    ]


def repository_file(path):
    """A path of a file that comes with the workflow, and travels with it to where results lie in a storage such as S3."""
    return (
        workflow.source_path(f"../../{path}")
        if workflow.storage_settings.default_storage_provider
        else path
    )


def shard_path(rule_name, path):
    """The path; or where the config cuts these jobs into shards, one of the shard's own: of x.parquet x/{shard}-of-4.parquet."""
    stem, suffix = os.path.splitext(path)
    return (
        path
        if config["shards"][rule_name] == 1
        else f"{stem}/{{shard}}-of-{config['shards'][rule_name]}{suffix}"
    )


def shard_output(rule_name, path):
    """The same for a table: a shard's is deleted once `gather_shards` has made the whole of it."""
    return path if config["shards"][rule_name] == 1 else temp(shard_path(rule_name, path))


def shard_of(rule_name):
    """A param: [i, n] for the i-th of n shards."""
    return lambda wildcards: [int(wildcards.get("shard", 0)), config["shards"][rule_name]]


def users_file(wildcards):
    """An input: the users whose lists are re-ranked, or on whom fusions are tuned."""
    return f"results/{wildcards.dataset}/{wildcards.tuning or 'subset/'}users.parquet"


def past_files(wildcards):
    """An input: the splits that came before the items to find."""
    is_tuning = "tuning" in (wildcards.get("lists"), wildcards.get("tuning", "").rstrip("/"))
    names = ["train"] if is_tuning else ["train", "valid"]
    return [f"results/{wildcards.dataset}/splits/{name}.parquet" for name in names]


def gpus(count):
    """Resources: so many GPUs where the config says cuda. For `auto` none: what a job will find is not known before it runs."""
    return {"gpu": count} if config["nfm"]["device"] == "cuda" else {}


def any_of(names):
    """A pattern of exactly these names; of nothing, if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def picked(section, keys):
    """The entries of a config section under these keys, where it has them."""
    return {key: section[key] for key in keys if key in section}


def rerankers_with(key):
    """A pattern of the rerankers whose settings have this key."""
    return any_of([name for name, reranker in config["rerankers"].items() if key in reranker])


def reranker_of(wildcards):
    return config["rerankers"][wildcards.method]


def prompt_of(reranker):
    return repository_file(f"{config['prompts']}/{config['rerankers'][reranker]['prompt']}.yaml")


def parts_of_fusions():
    """The rerankers that fusions of `methods` are made of: they work on the users of `tuning` too."""
    return list(
        dict.fromkeys(
            part
            for name in config["methods"]
            for part in config["rerankers"][name].get("of", [])
            if part != "nfm"
        )
    )


def used_rerankers():
    """The rows of the report, then those that only fusions need."""
    return list(dict.fromkeys([*config["methods"], *parts_of_fusions()]))


def asking(names):
    """Those of these rerankers that ask a language model."""
    return [name for name in names if "llm" in config["rerankers"][name]]


def files_of_study():
    """The files beside the raw ones and the config that shape the results, as name -> file: prompts, and methods and lists of one's own."""
    used = [config["rerankers"][name] for name in used_rerankers()]
    prompts = [
        f"{config['prompts']}/{reranker['prompt']}.yaml"
        for reranker in used
        if "prompt" in reranker
    ]
    methods = [reranker["file"] for reranker in used if "file" in reranker]
    keys = ("recommendations", *(["recommendations_for_tuning"] if parts_of_fusions() else []))
    lists = [lists_of(dataset, key) for dataset in SEED_OF for key in keys if DATASET in OWN_LISTS]
    return {name: repository_file(name) for name in [*prompts, *methods]} | {
        name: name for name in lists
    }


def encoders_of(names):
    """The encoders of these rerankers."""
    return sorted(
        {
            config["rerankers"][name]["encoder"]
            for name in names
            if "encoder" in config["rerankers"][name]
        }
    )


def to_pack():
    """Of the bundle: name in it -> file. What a repeat has of its own lies in a folder that is called by its seed."""
    files = {"report.md": "results/report.md", "metrics.csv": f"results/{DATASET}/metrics.csv"}
    for name in used_rerankers():
        reranker = config["rerankers"][name]
        if "prompt" in reranker:
            files[f"prompts/{reranker['prompt']}.yaml"] = prompt_of(name)
        if "file" in reranker:
            files[f"methods/{name}.py"] = repository_file(reranker["file"])
    for path in training_curve_of(DATASET):
        files[f"{config['seed']}/training.csv"] = path
    for repeat, seed in SEED_OF.items():
        folder = f"results/{repeat}"
        files[f"{seed}/recommendations.parquet"] = (
            f"{folder}/{'lists' if DATASET in OWN_LISTS else 'nfm'}/recommendations.parquet"
        )
        if parts_of_fusions():
            files[f"{seed}/recommendations_for_tuning.parquet"] = (
                f"{folder}/tuning/recommendations.parquet"
            )
        for part, names in (
            ("embeddings", used_rerankers()),
            ("tuning/embeddings", parts_of_fusions()),
        ):
            for encoder in encoders_of(names):
                for vectors in (f"{part}/{encoder}.parquet", f"{part}/{encoder}.histories.parquet"):
                    files[f"{seed}/{vectors}"] = f"{folder}/{vectors}"
    return files


def parts_below(folder, recommendations):
    """Of a fusion's parts, the files below `folder`; the recommender's own as the input function `recommendations` says."""

    def paths(wildcards):
        names = config["rerankers"][wildcards.method]["of"]
        return [
            recommendations(wildcards) if name == "nfm" else f"{folder}/rankings/{name}.parquet"
            for name in names
        ]

    return paths


def method_kinds():
    """method -> what it is: it colours the figures, and what is simulated says so everywhere."""
    kinds = {recommender_of(DATASET): "recommender"}
    for name in used_rerankers():
        reranker = config["rerankers"][name]
        kind = next(
            (kind for kind in ("llm", "encoder", "fusion") if kind in reranker), "reference"
        )
        kinds[name] = f"simulated {kind}" if is_simulated(name) else kind
    return kinds


def is_simulated(method):
    """Whether a method, or a part of a fusion, asks a simulated model."""
    reranker = config["rerankers"].get(method, {})
    if any(is_simulated(part) for part in reranker.get("of", [])):
        return True
    return "llm" in reranker and config["llms"][reranker["llm"]]["adapter"] == "simulated"


def study_settings():
    """What the report says of how the numbers came about: the parts of the config that this study uses, secrets and pace aside."""
    rerankers = {name: config["rerankers"][name] for name in used_rerankers()}
    origin = origin_of(DATASET)
    hidden = (
        "token_env",
        "concurrency",
        "timeout_s",
        "max_tries",
        "max_wait_s",
        "first_wait_s",
        "requests_per_minute",
        "tokens_per_minute",
    )
    models = {}
    for kind in ("encoder", "llm"):
        used = sorted({reranker[kind] for reranker in rerankers.values() if kind in reranker})
        models[f"{kind}s"] = {
            name: {
                key: value for key, value in config[f"{kind}s"][name].items() if key not in hidden
            }
            for name in used
        }
    return {
        "dataset": origin.get("dataset", DATASET),
        "synthetic": origin.get("synthetic", "synthetic" in config["datasets"][DATASET]),
        "recommender": recommender_of(DATASET),
        **({"replayed_from": origin["files"]} if origin else {}),
        **picked(config, ("seed", "repeats", "top_k", "subset", "tuning", "methods", "report")),
        **(
            {
                "nfm": {
                    "recipe": config["nfm"]["recipe"],
                    **config["nfm"]["recipes"][config["nfm"]["recipe"]],
                }
            }
            if recommender_of(DATASET) == "nfm"
            else {}
        ),
        "rerankers": rerankers,
        **models,
    }


wildcard_constraints:
    dataset=any_of([*config["datasets"], *SEED_OF]),
    tuning="(tuning/)?",
    shard=r"\d+",

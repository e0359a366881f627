"""What single rules are given: functions of wildcards for their inputs and params. No rules.

needs: common.smk
"""

import re

from microrank.data.raw_keys import FIRST_INTERACTION
from microrank.local_llm.weights import gguf_of
from microrank.methods import recommenders_used, without_prior
from microrank.workflow.wildcards import recommenders_with

# The keys of an entry of `llms` that shape answers. The others may change without a rerun.
SHAPING = (
    "adapter",
    "base_url",
    "model",
    "revision",
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "response_format",
    "reasoning_effort",
    "chat_template_kwargs",
    "reasoning_format",
    "extra",
)
# The keys of an entry of `llms` of a model in this process that shape answers.
SHAPING_LOCALLY = ("adapter", "model", "revision", "checksum", "dtype", "max_tokens")
ASKED = ("ask", "prior", "per", "calibrate", "top", "set_size", "prompt", "llm")

GGUF_FILES = {
    name: gguf
    for name, llm in config["llms"].items()
    if llm["adapter"] == LOCAL and (gguf := gguf_of(llm))
}


def gpus(count):
    """Resources: GPUs where the config says cuda; what `auto` finds is not known before."""
    return {"gpu": count} if config["nfm"]["device"] == "cuda" else {}


def ranking_model(wildcards):
    """An input: a refitted model knows the valid items, so fusions are tuned on another's lists."""
    refitted = RECIPE["refit"] and wildcards.lists == "nfm"
    return f"results/{wildcards.dataset}/nfm/{'refitted' if refitted else 'model'}.safetensors"


def given_lists(wildcards):
    """An input: the file of the user's lists; for tuning, of those made without the valid items."""
    tuned = wildcards.lists == "tuning"
    key = "recommendations_for_tuning" if tuned else "recommendations"
    return as_written(STUDIES.given_lists(wildcards.dataset, key))


def recommendations_file(wildcards):
    """An input: the lists to re-rank, whoever made them."""
    return STUDIES.of_recommender(wildcards.study, "recommendations.parquet")


def training_curve(wildcards):
    """An input: the curve of NFM's training, if there is one; a packed study's comes with it."""
    is_packed = bool(STUDIES.origin(wildcards.study))
    curve = STUDIES.training_curve(wildcards.study)
    return list(map(as_written, curve)) if is_packed else curve


def vectors_file(suffix):
    """An input: a table of the vectors of a reranker's encoder."""

    def path(wildcards):
        encoder = reranker_of(wildcards)["encoder"]
        return f"results/{wildcards.study}/{wildcards.group}embeddings/{encoder}.{suffix}"

    return path


def parts_of_fusion(folder, recommendations):
    """An input: the orders of a fusion's parts, below `folder`; the recommender's where it says."""
    return lambda wildcards: [
        recommendations(wildcards) if name == NFM else f"{folder}/rankings/{name}.parquet"
        for name in reranker_of(wildcards)["of"]
    ]


def shaping_settings(wildcards):
    """A param: what of the language model's settings shapes its answers; which answer it is."""
    llm = config["llms"][config["rerankers"][wildcards.reranker]["llm"]]
    again = {"answer": int(number) for number in re.findall(r"answer-(\d+)", wildcards.group)}
    return {key: llm[key] for key in SHAPING if key in llm} | again


def asked_settings(wildcards):
    """A param: which model is asked, and how often."""
    settings = {"passes": 1, "shuffle": False} | config["rerankers"][wildcards.reranker]
    if wildcards.group == "placebo-none/":
        settings = without_prior(settings)
    return {key: settings[key] for key in ("passes", "shuffle", *ASKED) if key in settings}


def local_weights(wildcards):
    """An input: the folder that a model's GGUF file is unpacked to; nothing is needed offline."""
    name = config["rerankers"][wildcards.reranker]["llm"]
    is_needed = name in GGUF_FILES and not config["store"]["offline"]
    return [f"resources/models/{name}"] if is_needed else []


def weights_of_model(wildcards):
    """An input: the same of an entry of `llms` itself."""
    is_needed = wildcards.llm in GGUF_FILES and not config["store"]["offline"]
    return [f"resources/models/{wildcards.llm}"] if is_needed else []


def first_seen_file(study):
    """An input: the days of items' first interactions, where these are to date the items."""
    is_needed = STUDIES.dataset(study).get("item_date") == FIRST_INTERACTION
    return [f"results/{STUDIES.data_of(study)}/splits/first_seen.parquet"] if is_needed else []


def settings_of_model(wildcards):
    """A param: what of an entry of `llms` shapes its answers."""
    llm = config["llms"][wildcards.llm]
    keys = SHAPING_LOCALLY if llm["adapter"] == LOCAL else SHAPING
    return {key: llm[key] for key in keys if key in llm}


def local_settings_of(wildcards):
    """A param: what of the language model's settings shapes its answers."""
    llm = config["llms"][config["rerankers"][wildcards.reranker]["llm"]]
    return {key: llm[key] for key in SHAPING_LOCALLY if key in llm}


def asks_a_service(method):
    """Whether a method asks a language model, or an encoder elsewhere."""
    encoder = config["encoders"].get(method.settings.get("encoder"), {"adapter": "local"})
    return method.asks_llm or encoder["adapter"] != "local"


def changed_files(name):
    """An input: a file of each (method, change) of the config."""
    return [
        f"results/{{study}}/placebo-{change}/{name.format(method=method)}"
        for method, change in CHANGED
    ]


def answers_files(name, study="{study}"):
    """An input: a file of each (method, number) of the further answers."""
    return [
        f"results/{study}/answer-{number}/{name.format(method=method)}"
        for method, number in ASKED_AGAIN
    ]


def packed_vectors(suffix):
    """An input: a table of an encoder's vectors in the bundle."""

    def path(wildcards):
        name = f"{wildcards.group}embeddings/{wildcards.encoder}.{suffix}"
        return as_written(STUDIES.packed(wildcards.study, name))

    return path


SETTINGS_OF = config["recommender_settings"]
FITTED = [name for name, entry in SETTINGS_OF.items() if {"model", "file"} & set(entry)]


def recommender_file(wildcards):
    """An input: the Python file of a recommender of the user's own."""
    entry = SETTINGS_OF[wildcards.recommender]
    return [repository_file(entry["file"])] if "file" in entry else []


def recommender_settings(wildcards):
    """A param: the settings of a recommender."""
    return SETTINGS_OF[wildcards.recommender]


def parts_of_union(wildcards):
    """An input: the lists that a union pool takes from."""
    return [
        STUDIES.lists_of(name, wildcards.dataset, is_tuning=bool(wildcards.group))
        for name in SETTINGS_OF[wildcards.recommender]["union"]
    ]


def lists_of_recommender(wildcards):
    """An input: the file of the user's lists; for tuning, of those made without the valid items."""
    key = "lists_for_tuning" if wildcards.group else "lists"
    return as_written(SETTINGS_OF[wildcards.recommender][key])


def lists_beside(wildcards):
    """An input: the other recommenders' lists, which decide with this one whom the study draws."""
    return STUDIES.lists_beside(wildcards.study)


def tuning_lists_file(wildcards):
    """An input: the recommender's lists that were made without the valid items."""
    return STUDIES.tuning_lists(wildcards.study)


def of_each_study(name, **wildcards):
    """An input: files of every recommender's study, in the order of `recommenders`."""
    names = expand(name, **wildcards)
    return [f"results/{study}/{name}" for study in STUDIES.folders.values() for name in names]


def of_each_list(name):
    """An input: a file beside every recommender's lists, in the same order."""
    return [STUDIES.of_recommender(study, name) for study in STUDIES.folders.values()]


def training_curves(names):
    """An input: the curve of NFM's training, if the lists of these recommenders rest on NFM."""
    if NFM not in recommenders_used(config, names):
        return []
    curve = STUDIES.training_curve(config["dataset"])
    return list(map(as_written, curve)) if STUDIES.origin(config["dataset"]) else curve


def fitted_for(names):
    """A param: the recommenders chosen on valid on which the lists of these rest."""
    return [name for name in recommenders_used(config, names) if name in FITTED]


def trials_of(name):
    """An input: what was tried of a recommender."""
    return f"{DATA}/recommenders/{name}/trials.json"


def limit_of_recipe():
    """A param: how long NFM may be trained."""
    name = config["nfm"]["recipe"]
    return {"recipe_name": name, "limit": config["nfm"]["recipes"][name]["max_half_epochs"]}


def benchmarks_of(name):
    """A param: where the time and memory of a recommender's jobs stand."""
    folder = f"{DATA}/benchmarks"
    if name == NFM:
        jobs = ["train_nfm.tsv", "refit_nfm.tsv", "nfm/recommend_top_k.tsv"]
        return [f"{folder}/{job}" for job in jobs]
    jobs = ["choose_setting", "fit_recommender", "unite_lists", "take_lists"]
    return [f"{folder}/recommenders/{name}/{job}.tsv" for job in jobs]

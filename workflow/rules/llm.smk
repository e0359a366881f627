"""Language models: what asking them would take, whether they can be asked, and their answers.

needs: subset/users.parquet, splits/items.parquet, resources/prompts
makes: responses/{reranker}.parquet; when asked for by name results/forecast.md and preflight.md
"""

import time

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
    "extra",
)


def shaping_settings(wildcards):
    """A param: what of the language model's settings shapes its answers."""
    llm = config["llms"][config["rerankers"][wildcards.reranker]["llm"]]
    return {key: llm[key] for key in SHAPING if key in llm}


def asked_settings(wildcards):
    """A param: which model is asked, and how often."""
    settings = {"passes": 1, "shuffle": False} | config["rerankers"][wildcards.reranker]
    return {key: settings[key] for key in ("passes", "shuffle", "llm")}


rule query_llm:
    input:
        subset=users_file,
        catalogue="results/{dataset}/splits/items.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
    output:
        responses=shard_output(
            "query_llm", "results/{dataset}/{tuning}responses/{reranker}.parquet"
        ),
    log:
        shard_path("query_llm", "results/{dataset}/logs/{tuning}query_llm.{reranker}.log"),
    benchmark:
        shard_path("query_llm", "results/{dataset}/benchmarks/{tuning}query_llm.{reranker}.tsv")
    wildcard_constraints:
        reranker=rerankers_asking("openai-chat", "simulated"),
    conda:
        "../../envs/llm.yaml"
    params:
        code=source_digest("query_llm"),
        shard=shard_of("query_llm"),
        seed=seed_of,
        llm=shaping_settings,
        asked=asked_settings,
    script:
        "../scripts/query_llm.py"


def asks_a_service(method):
    """Whether a method asks a language model, or an encoder elsewhere."""
    encoder = config["encoders"].get(method.settings.get("encoder"), {"adapter": "local"})
    return method.asks_llm or encoder["adapter"] != "local"


ASKED_FOR_TUNING = names_of(filter(asks_a_service, METHODS.tuned))


# The two pages below depend on the store and on the world outside. The clock in their params has
# them made anew whenever they are asked for.
rule write_forecast:
    input:
        subset=f"{STUDY}/subset/users.parquet",
        catalogue=f"{STUDY}/splits/items.parquet",
        prompts=sorted({prompt_of(name) for name in ANSWERED}),
        tuning=[f"{STUDY}/tuning/users.parquet"] if ASKED_FOR_TUNING else [],
    output:
        forecast="results/forecast.md",
    log:
        "results/logs/write_forecast.log",
    benchmark:
        "results/benchmarks/write_forecast.tsv"
    conda:
        "../../envs/llm.yaml"
    params:
        now=time.time(),
        methods=names_of(METHODS.used),
        tuned=ASKED_FOR_TUNING,
    script:
        "../scripts/write_forecast.py"


rule run_preflight:
    output:
        preflight="results/preflight.md",
    log:
        "results/logs/run_preflight.log",
    benchmark:
        "results/benchmarks/run_preflight.tsv"
    conda:
        "../../envs/llm.yaml"
    params:
        now=time.time(),
    script:
        "../scripts/run_preflight.py"

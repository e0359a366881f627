"""Language models: what asking them would take, whether they can be asked, and their answers.

needs: subset/users.parquet, splits/items.parquet, resources/prompts
makes: responses/{reranker}.parquet; results/forecast.md, results/preflight.md (when asked for by name)
"""

import time

# The keys of an entry of `llms` that shape answers. The others (pace, price, token's name) may change without a rerun.
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
        reranker=any_of(
            [name for name, reranker in config["rerankers"].items() if "llm" in reranker]
        ),
    conda:
        "../../envs/llm.yaml"
    params:
        code=source_digest("query_llm"),
        shard=shard_of("query_llm"),
        seed=seed_of,
        llm=lambda wildcards: picked(
            config["llms"][config["rerankers"][wildcards.reranker]["llm"]], SHAPING
        ),
        asked=lambda wildcards: (
            {"passes": 1, "shuffle": False}
            | picked(config["rerankers"][wildcards.reranker], ("llm", "passes", "shuffle"))
        ),
    script:
        "../scripts/query_llm.py"


ASKED_FOR_TUNING = [
    name
    for name in parts_of_fusions()
    if asking([name])
    or config["encoders"].get(config["rerankers"][name].get("encoder"), {"adapter": "local"})[
        "adapter"
    ]
    != "local"
]


# The two pages below depend on the store and on the world outside: whoever asks for them gets them made anew, hence the clock in the params.
rule write_forecast:
    input:
        subset=f"results/{DATASET}/subset/users.parquet",
        catalogue=f"results/{DATASET}/splits/items.parquet",
        prompts=sorted({prompt_of(name) for name in asking(used_rerankers())}),
        tuning=[f"results/{DATASET}/tuning/users.parquet"] if ASKED_FOR_TUNING else [],
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
        methods=used_rerankers(),
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

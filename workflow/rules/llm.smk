"""Language models: what asking them would take, whether they can be asked, and their answers.

needs: subset/users.parquet, splits/items.parquet, resources/prompts
makes: responses/{reranker}.parquet; when asked for by name results/forecast.md and preflight.md
"""

import time


rule query_llm:
    input:
        subset=users_file,
        users=data_file("splits/users.parquet"),
        catalogue=data_file("splits/items.parquet"),
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
        test=data_file("splits/test.parquet"),
    output:
        responses=shard_output("query_llm", "results/{study}/{group}responses/{reranker}.parquet"),
    log:
        shard_path("query_llm", "results/{study}/logs/{group}query_llm.{reranker}.log"),
    benchmark:
        shard_path("query_llm", "results/{study}/benchmarks/{group}query_llm.{reranker}.tsv")
    wildcard_constraints:
        reranker=rerankers_asking(config, *ADAPTERS),
    conda:
        "../../envs/llm.yaml"
    params:
        code=source_digest("query_llm"),
        shard=shard_of("query_llm"),
        seed=seed_of,
        llm=shaping_settings,
        asked=asked_settings,
        about=lambda wildcards: STUDIES.about(wildcards.study),
    script:
        "../scripts/query_llm.py"


ASKED_FOR_TUNING = names_of(filter(asks_a_service, METHODS.tuned))


# The two pages below depend on the store and on the world outside. The clock in their params has
# them made anew whenever they are asked for.
rule write_forecast:
    input:
        subset=f"{STUDY}/subset/users.parquet",
        catalogue=f"{DATA}/splits/items.parquet",
        recommendations=STUDIES.of_recommender(STUDIES.name, "recommendations.parquet"),
        beside=STUDIES.lists_beside(STUDIES.name),
        train=f"{DATA}/splits/train.parquet",
        valid=f"{DATA}/splits/valid.parquet",
        test=f"{DATA}/splits/test.parquet",
        prompts=sorted({prompt_of(name) for name in ANSWERED}),
        tuning=[f"{STUDY}/tuning/users.parquet"] if ASKED_FOR_TUNING else [],
        changed=[f"{STUDY}/placebo-{change}/users.parquet" for _, change in CHANGED],
    output:
        forecast="results/forecast.md",
    log:
        "results/logs/write_forecast.log",
    benchmark:
        "results/benchmarks/write_forecast.tsv"
    conda:
        "../../envs/settle.yaml"
    params:
        now=time.time(),
        methods=names_of(METHODS.used),
        tuned=ASKED_FOR_TUNING,
        about=STUDIES.about(STUDIES.name),
        changed=CHANGED,
        again=ASKED_AGAIN,
        asked=METHODS.asked_by_primary,
        n_tests=len(METHODS.primary),
        tunes=bool(METHODS.fusions),
    script:
        "../scripts/write_forecast.py"


rule run_preflight:
    input:
        prompts=sorted({prompt_of(name) for name in ANSWERED}),
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
        about=STUDIES.about(STUDIES.name),
    script:
        "../scripts/run_preflight.py"

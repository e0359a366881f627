"""Fusions of several orders. Their one number is chosen on other users, who go through the same rules with the last but one item as target
and the lists of a model that has seen neither it nor anything after it. Whom the test may draw and who may tune is settled first, by the seed.

needs: nfm/model.safetensors, nfm/recommendations.parquet, rankings, subset/users.parquet, splits
makes: tuning/ (users, recommendations, embeddings, responses, rankings), rankings/{method}.parquet and rankings/{method}.fusion.json
"""


use rule recommend_top_k as recommend_top_k_for_tuning with:
    input:
        model="results/{dataset}/nfm/model.safetensors",
        past=["results/{dataset}/splits/train.parquet"],
        catalogue="results/{dataset}/splits/items.parquet",
    output:
        recommendations=shard_output(
            "recommend_top_k", "results/{dataset}/tuning/recommendations.parquet"
        ),
    log:
        shard_path("recommend_top_k", "results/{dataset}/logs/tuning/recommend_top_k.log"),
    benchmark:
        shard_path("recommend_top_k", "results/{dataset}/benchmarks/tuning/recommend_top_k.tsv")


rule sample_tuning_users:
    input:
        recommendations="results/{dataset}/tuning/recommendations.parquet",
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
    output:
        subset="results/{dataset}/tuning/users.parquet",
    log:
        "results/{dataset}/logs/tuning/sample_tuning_users.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/sample_tuning_users.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("sample_tuning_users"),
        seed=seed_of,
        tuning=config["tuning"],
        history_length=config["subset"]["history_length"],
    script:
        "../scripts/sample_tuning_users.py"


use rule embed_titles as embed_titles_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
    output:
        titles="results/{dataset}/tuning/embeddings/{encoder}.parquet",
        histories="results/{dataset}/tuning/embeddings/{encoder}.histories.parquet",
    log:
        "results/{dataset}/logs/tuning/embed_titles.{encoder}.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/embed_titles.{encoder}.tsv"


use rule rerank_encoder as rerank_encoder_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        titles=lambda wildcards: f"results/{{dataset}}/tuning/embeddings/{reranker_of(wildcards)['encoder']}.parquet",
        histories=lambda wildcards: f"results/{{dataset}}/tuning/embeddings/{reranker_of(wildcards)['encoder']}.histories.parquet",
    output:
        rankings="results/{dataset}/tuning/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/tuning/rerank_encoder.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/rerank_encoder.{method}.tsv"


use rule query_llm as query_llm_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
    output:
        responses=shard_output("query_llm", "results/{dataset}/tuning/responses/{reranker}.parquet"),
    log:
        shard_path("query_llm", "results/{dataset}/logs/tuning/query_llm.{reranker}.log"),
    benchmark:
        shard_path("query_llm", "results/{dataset}/benchmarks/tuning/query_llm.{reranker}.tsv")


use rule rerank_llm as rerank_llm_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        responses="results/{dataset}/tuning/responses/{method}.parquet",
        prompt=lambda wildcards: prompt_of(wildcards.method),
    output:
        rankings="results/{dataset}/tuning/rankings/{method}.parquet",
        passes="results/{dataset}/tuning/passes/{method}.parquet",
        repairs="results/{dataset}/tuning/rankings/{method}.repairs.json",
    log:
        "results/{dataset}/logs/tuning/rerank_llm.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/rerank_llm.{method}.tsv"


use rule rerank_reference as rerank_reference_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        past=["results/{dataset}/splits/train.parquet"],
    output:
        rankings="results/{dataset}/tuning/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/tuning/rerank_reference.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/rerank_reference.{method}.tsv"


use rule rerank_by_file as rerank_by_file_for_tuning with:
    input:
        subset="results/{dataset}/tuning/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        method=lambda wildcards: repository_file(reranker_of(wildcards)["file"]),
    output:
        rankings="results/{dataset}/tuning/rankings/{method}.parquet",
    log:
        "results/{dataset}/logs/tuning/rerank_by_file.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/rerank_by_file.{method}.tsv"


rule fuse_rankings:
    input:
        subset="results/{dataset}/subset/users.parquet",
        parts=parts_below("results/{dataset}", of_recommender("recommendations.parquet")),
        tuning="results/{dataset}/tuning/users.parquet",
        tuning_parts=parts_below(
            "results/{dataset}/tuning",
            lambda wildcards: f"results/{wildcards.dataset}/tuning/recommendations.parquet",
        ),
    output:
        rankings="results/{dataset}/rankings/{method}.parquet",
        chosen="results/{dataset}/rankings/{method}.fusion.json",
    log:
        "results/{dataset}/logs/fuse_rankings.{method}.log",
    benchmark:
        "results/{dataset}/benchmarks/fuse_rankings.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with("fusion"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("fuse_rankings"),
        fusion=reranker_of,
    script:
        "../scripts/fuse_rankings.py"

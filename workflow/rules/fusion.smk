"""Fusions of several orders. Their one number is chosen on other users, who go through the same rules with the last but one item as target
and the lists of a model that has seen neither it nor anything after it. Whom the test may draw and who may tune is settled first, by the seed.

needs: nfm/model.safetensors, nfm/recommendations.parquet, rankings, subset/users.parquet, splits
makes: tuning/ (users, recommendations, embeddings, responses, rankings), rankings/{method}.parquet and rankings/{method}.fusion.json
"""


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

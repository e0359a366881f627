"""Fusions of several orders, their one number chosen on other users.

These tuning users go through the same rules, below tuning/: their target is the last but one item,
in lists of a model that has seen neither it nor anything after it. The seed alone says whom the
test may draw and who may tune.

needs: tuning/recommendations.parquet, rankings, subset/users.parquet, splits
makes: tuning/users.parquet, rankings/{method}.parquet, rankings/{method}.fusion.json
"""


def parts_of_fusion(folder, recommendations):
    """An input: the orders of a fusion's parts, below `folder`; the recommender's where it says."""
    return lambda wildcards: [
        recommendations(wildcards) if name == NFM else f"{folder}/rankings/{name}.parquet"
        for name in reranker_of(wildcards)["of"]
    ]


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
        parts=parts_of_fusion("results/{dataset}", recommendations_file),
        tuning="results/{dataset}/tuning/users.parquet",
        tuning_parts=parts_of_fusion(
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

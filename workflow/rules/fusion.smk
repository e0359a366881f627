"""Fusions of several orders, their one number chosen on other users.

These tuning users go through the same rules, below tuning/: their target is the last but one item,
in lists of a model that has seen neither it nor anything after it. The seed alone says whom the
test may draw and who may tune.

needs: tuning/recommendations.parquet, rankings, subset/users.parquet, splits
makes: tuning/users.parquet, rankings/{method}.parquet, rankings/{method}.fusion.json
"""


rule sample_tuning_users:
    input:
        recommendations=tuning_lists_file,
        train=data_file("splits/train.parquet"),
        valid=data_file("splits/valid.parquet"),
    output:
        subset="results/{study}/tuning/users.parquet",
    log:
        "results/{study}/logs/tuning/sample_tuning_users.log",
    benchmark:
        "results/{study}/benchmarks/tuning/sample_tuning_users.tsv"
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
        subset="results/{study}/subset/users.parquet",
        parts=parts_of_fusion("results/{study}", recommendations_file),
        tuning="results/{study}/tuning/users.parquet",
        tuning_parts=parts_of_fusion("results/{study}/tuning", tuning_lists_file),
    output:
        rankings="results/{study}/rankings/{method}.parquet",
        chosen="results/{study}/rankings/{method}.fusion.json",
    log:
        "results/{study}/logs/fuse_rankings.{method}.log",
    benchmark:
        "results/{study}/benchmarks/fuse_rankings.{method}.tsv"
    wildcard_constraints:
        method=rerankers_with(config, "fusion"),
    conda:
        "../../envs/rerank.yaml"
    params:
        code=source_digest("fuse_rankings"),
        fusion=reranker_of,
    script:
        "../scripts/fuse_rankings.py"

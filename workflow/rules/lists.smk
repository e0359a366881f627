"""Lists that another recommender made, instead of NFM's. Everything after them is the same.

needs: the files that `recommendations` and `recommendations_for_tuning` of the dataset name, splits
makes: lists/recommendations.parquet, lists/metrics.json, tuning/recommendations.parquet
"""

TUNED_LISTS = [
    name for name in OWN_LISTS if "recommendations_for_tuning" in config["datasets"][name]
]


rule take_recommendations:
    input:
        lists=lambda wildcards: lists_of(wildcards.dataset, "recommendations"),
        catalogue="results/{dataset}/splits/items.parquet",
        test="results/{dataset}/splits/test.parquet",
        past=["results/{dataset}/splits/train.parquet", "results/{dataset}/splits/valid.parquet"],
    output:
        recommendations="results/{dataset}/lists/recommendations.parquet",
    log:
        "results/{dataset}/logs/take_recommendations.log",
    benchmark:
        "results/{dataset}/benchmarks/take_recommendations.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("take_recommendations"),
        top_k=config["top_k"],
    script:
        "../scripts/take_recommendations.py"


use rule take_recommendations as take_recommendations_for_tuning with:
    input:
        lists=lambda wildcards: lists_of(wildcards.dataset, "recommendations_for_tuning"),
        catalogue="results/{dataset}/splits/items.parquet",
        test="results/{dataset}/splits/test.parquet",
        past=["results/{dataset}/splits/train.parquet"],
    output:
        recommendations="results/{dataset}/tuning/recommendations.parquet",
    log:
        "results/{dataset}/logs/tuning/take_recommendations.log",
    benchmark:
        "results/{dataset}/benchmarks/tuning/take_recommendations.tsv"
    wildcard_constraints:
        dataset=any_of([*TUNED_LISTS, *(SEED_OF if DATASET in TUNED_LISTS else [])]),


ruleorder: take_recommendations_for_tuning > gather_shards > recommend_top_k_for_tuning


use rule evaluate_nfm as evaluate_lists with:
    input:
        recommendations="results/{dataset}/lists/recommendations.parquet",
        test="results/{dataset}/splits/test.parquet",
        trained_on=lambda wildcards: [
            f"results/{wildcards.dataset}/splits/{name}.parquet"
            for name in (
                ["train"]
                if recommender_of(wildcards.dataset) == "nfm" and not RECIPE["refit"]
                else ["train", "valid"]
            )
        ],
    output:
        metrics="results/{dataset}/lists/metrics.json",
    log:
        "results/{dataset}/logs/evaluate_lists.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate_lists.tsv"

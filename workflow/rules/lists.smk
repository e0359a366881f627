"""Lists that another recommender made, instead of NFM's. Everything after them is the same.

needs: the files that `recommendations` and `recommendations_for_tuning` of the dataset name, splits
makes: lists/recommendations.parquet, lists/metrics.json, tuning/recommendations.parquet
"""


rule take_recommendations:
    input:
        lists=given_lists,
        catalogue="results/{dataset}/splits/items.parquet",
        users="results/{dataset}/splits/users.parquet",
        past=past_files,
    output:
        recommendations="results/{dataset}/{lists}/recommendations.parquet",
    log:
        "results/{dataset}/logs/{lists}/take_recommendations.log",
    benchmark:
        "results/{dataset}/benchmarks/{lists}/take_recommendations.tsv"
    wildcard_constraints:
        dataset=any_of(STUDIES.own_lists),
        lists="lists|tuning",
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("take_recommendations"),
        top_k=config["top_k"],
        # A bundle's lists hold the numbers of the splits, not what the raw files say.
        are_numbers=lambda wildcards: bool(STUDIES.origin(wildcards.dataset)),
    script:
        "../scripts/take_recommendations.py"


ruleorder: take_recommendations > gather_shards > recommend_top_k


use rule evaluate_nfm as evaluate_lists with:
    input:
        recommendations="results/{dataset}/lists/recommendations.parquet",
        test="results/{dataset}/splits/test.parquet",
        past=["results/{dataset}/splits/train.parquet", "results/{dataset}/splits/valid.parquet"],
        trained_on=lambda wildcards: [
            f"results/{wildcards.dataset}/splits/{name}.parquet"
            for name in (
                ["train"]
                if STUDIES.recommender(wildcards.dataset).is_nfm and not RECIPE["refit"]
                else ["train", "valid"]
            )
        ],
    output:
        metrics="results/{dataset}/lists/metrics.json",
    log:
        "results/{dataset}/logs/evaluate_lists.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate_lists.tsv"

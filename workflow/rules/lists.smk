"""Lists that another recommender made, instead of NFM's. Everything after them is the same.

needs: the files that `recommendations` and `recommendations_for_tuning` of the dataset name, splits
makes: lists/recommendations.parquet, lists/metrics.json, tuning/recommendations.parquet
"""


def given_lists(wildcards):
    """An input: the file of the user's lists; for tuning, of those made without the valid items."""
    tuned = wildcards.lists == "tuning"
    key = "recommendations_for_tuning" if tuned else "recommendations"
    return STUDIES.given_lists(wildcards.dataset, key)


rule take_recommendations:
    input:
        lists=given_lists,
        catalogue="results/{dataset}/splits/items.parquet",
        test="results/{dataset}/splits/test.parquet",
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
    script:
        "../scripts/take_recommendations.py"


ruleorder: take_recommendations > gather_shards > recommend_top_k


use rule evaluate_nfm as evaluate_lists with:
    input:
        recommendations="results/{dataset}/lists/recommendations.parquet",
        test="results/{dataset}/splits/test.parquet",
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

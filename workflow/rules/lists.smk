"""Lists of the user's own, made by another recommender: instead of NFM's, everything after them is the same.

needs: the files that `recommendations` and `recommendations_for_tuning` of the dataset name, splits
makes: lists/recommendations.parquet, lists/metrics.json, tuning/recommendations.parquet
"""


def given_lists(wildcards):
    """An input: the file of the user's lists; for tuning, of those made without the valid items."""
    tuned = wildcards.lists == "tuning"
    return lists_of(wildcards.dataset, f"recommendations{'_for_tuning' if tuned else ''}")


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
        dataset=any_of([*OWN_LISTS, *(SEED_OF if DATASET in OWN_LISTS else [])]),
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

"""The recommender: training, ranking of the whole catalogue, and quality over all users.

needs: splits
makes: nfm/model.safetensors, nfm/training.csv, nfm/refitted.safetensors,
       nfm/recommendations.parquet, nfm/metrics.json
"""

RECIPE = config["nfm"]["recipes"][config["nfm"]["recipe"]]
NFM_ENVIRONMENT = (
    "../../envs/nfm-gpu.yaml" if config["nfm"]["device"] == "cuda" else "../../envs/nfm.yaml"
)


rule train_nfm:
    input:
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
    output:
        model="results/{dataset}/nfm/model.safetensors",
        curve="results/{dataset}/nfm/training.csv",
    log:
        "results/{dataset}/logs/train_nfm.log",
    benchmark:
        "results/{dataset}/benchmarks/train_nfm.tsv"
    conda:
        NFM_ENVIRONMENT
    threads: config["nfm"]["threads"]
    resources:
        **gpus(config["nfm"]["processes"]),
    params:
        code=source_digest("train_nfm"),
        seed=seed_of,
        device=config["nfm"]["device"],
        processes=config["nfm"]["processes"],
        nodes=config["nfm"]["nodes"],
        recipe=RECIPE,
    script:
        "../scripts/train_nfm.py"


use rule train_nfm as refit_nfm with:
    input:
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        start="results/{dataset}/nfm/model.safetensors",
    output:
        model="results/{dataset}/nfm/refitted.safetensors",
    log:
        "results/{dataset}/logs/refit_nfm.log",
    benchmark:
        "results/{dataset}/benchmarks/refit_nfm.tsv"


rule recommend_top_k:
    input:
        model=ranking_model,
        past=past_files,
        catalogue="results/{dataset}/splits/items.parquet",
    output:
        recommendations=shard_output(
            "recommend_top_k", "results/{dataset}/{lists}/recommendations.parquet"
        ),
    log:
        shard_path("recommend_top_k", "results/{dataset}/logs/{lists}/recommend_top_k.log"),
    benchmark:
        shard_path("recommend_top_k", "results/{dataset}/benchmarks/{lists}/recommend_top_k.tsv")
    wildcard_constraints:
        lists="nfm|tuning",
    conda:
        NFM_ENVIRONMENT
    threads: config["nfm"]["threads"]
    resources:
        **gpus(1),
    params:
        code=source_digest("recommend_top_k"),
        shard=shard_of("recommend_top_k"),
        top_k=config["top_k"],
        device=config["nfm"]["device"],
    script:
        "../scripts/recommend_top_k.py"


rule evaluate_nfm:
    input:
        recommendations="results/{dataset}/nfm/recommendations.parquet",
        test="results/{dataset}/splits/test.parquet",
        past=["results/{dataset}/splits/train.parquet", "results/{dataset}/splits/valid.parquet"],
        trained_on=[
            f"results/{{dataset}}/splits/{name}.parquet"
            for name in (["train", "valid"] if RECIPE["refit"] else ["train"])
        ],
    output:
        metrics="results/{dataset}/nfm/metrics.json",
    log:
        "results/{dataset}/logs/evaluate_nfm.log",
    benchmark:
        "results/{dataset}/benchmarks/evaluate_nfm.tsv"
    conda:
        "../../envs/nfm.yaml"
    params:
        code=source_digest("evaluate_nfm"),
    script:
        "../scripts/evaluate_nfm.py"

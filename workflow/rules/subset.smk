"""The users whose lists are re-ranked.

needs: nfm/recommendations.parquet or lists/recommendations.parquet, splits
makes: subset/users.parquet
"""


rule sample_hit_users:
    input:
        recommendations=recommendations_file,
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
        test="results/{dataset}/splits/test.parquet",
    output:
        subset="results/{dataset}/subset/users.parquet",
    log:
        "results/{dataset}/logs/sample_hit_users.log",
    benchmark:
        "results/{dataset}/benchmarks/sample_hit_users.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("sample_hit_users"),
        seed=seed_of,
        subset=config["subset"],
        tuning_share=config["tuning"]["share"],
        tunes=bool(METHODS.fusions),
    script:
        "../scripts/sample_hit_users.py"

"""The users whose lists are re-ranked.

needs: nfm/recommendations.parquet or lists/recommendations.parquet, splits
makes: subset/users.parquet
"""


rule sample_hit_users:
    input:
        recommendations=recommendations_file,
        beside=lists_beside,
        train=data_file("splits/train.parquet"),
        valid=data_file("splits/valid.parquet"),
        test=data_file("splits/test.parquet"),
    output:
        subset="results/{study}/subset/users.parquet",
    log:
        "results/{study}/logs/sample_hit_users.log",
    benchmark:
        "results/{study}/benchmarks/sample_hit_users.tsv"
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

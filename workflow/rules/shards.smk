"""Where the config cuts a rule into shards: their tables, one after the other.

needs: {table}/{shard}-of-{n}.parquet of recommend_top_k and query_llm
makes: {table}.parquet
"""

SHARDED = {
    "recommend_top_k": ["nfm/recommendations", "tuning/recommendations"],
    "query_llm": [
        f"{folder}responses/{name}"
        for folder in (
            *("", "tuning/"),
            *sorted({f"placebo-{change}/" for _, change in CHANGED}),
            *sorted({f"answer-{number}/" for _, number in ASKED_AGAIN}),
        )
        for name, reranker in config["rerankers"].items()
        if "llm" in reranker
    ],
}
SHARDS_OF = {
    table: config["shards"][rule_name] for rule_name, tables in SHARDED.items() for table in tables
}


rule gather_shards:
    input:
        shards=lambda wildcards: expand(
            "results/{{folder}}/{{table}}/{shard}-of-{n}.parquet",
            shard=range(SHARDS_OF[wildcards.table]),
            n=SHARDS_OF[wildcards.table],
        ),
    output:
        table="results/{folder}/{table}.parquet",
    log:
        "results/{folder}/logs/gather_shards/{table}.log",
    benchmark:
        "results/{folder}/benchmarks/gather_shards/{table}.tsv"
    wildcard_constraints:
        folder=any_of([*STUDIES.data_folders, *STUDIES.all_seeds]),
        table=any_of([table for table, n in SHARDS_OF.items() if n > 1]),
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("gather_shards"),
    script:
        "../scripts/gather_shards.py"

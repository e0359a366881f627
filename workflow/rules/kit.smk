"""The study in one file, for others to replay (when asked for by name).

needs: results/report.md and what it was made of, the response store
makes: results/kit.zip
"""

FUSED_ANSWERS = [part for name in FUSED for part in config["rerankers"][name]["of"] if part != "nfm" and "llm" in config["rerankers"][part]]


rule pack_kit:
    input:
        report="results/report.md",
        metrics=f"results/{DATASET}/metrics.csv",
        recommendations=f"results/{DATASET}/{'lists' if DATASET in OWN_LISTS else 'nfm'}/recommendations.parquet",
        tuning=[f"results/{DATASET}/tuning/recommendations.parquet"] if FUSED else [],
        responses=[
            *expand(f"results/{DATASET}/responses/{{method}}.parquet", method=sorted({*ASKED, *FUSED_ANSWERS})),
            *expand(f"results/{DATASET}/tuning/responses/{{method}}.parquet", method=FUSED_ANSWERS),
        ],
    output:
        kit="results/kit.zip",
    log:
        "results/logs/pack_kit.log",
    benchmark:
        "results/benchmarks/pack_kit.tsv"
    conda:
        "../../envs/llm.yaml"
    params:
        code=source_digest("pack_kit"),
        recommender=recommender_of(DATASET),
    script:
        "../scripts/pack_kit.py"

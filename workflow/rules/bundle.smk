"""The study in one file, for others to replay (when asked for by name), and the vectors of such a file.

needs: results/report.md and what it was made of, the response store; or the vectors in a bundle
makes: results/bundle.zip; or embeddings/{encoder}.parquet, embeddings/{encoder}.histories.parquet
"""

KITS = [name for name, dataset in config["datasets"].items() if "origin" in dataset]


rule pack_bundle:
    input:
        files=list(to_pack().values()),
        responses=[
            *expand(
                "results/{repeat}/responses/{method}.parquet", repeat=SEED_OF, method=ANSWERED
            ),
            *expand(
                "results/{repeat}/tuning/responses/{method}.parquet",
                repeat=SEED_OF,
                method=ANSWERED_FOR_TUNING,
            ),
        ],
    output:
        bundle="results/bundle.zip",
    log:
        "results/logs/pack_bundle.log",
    benchmark:
        "results/benchmarks/pack_bundle.tsv"
    conda:
        "../../envs/llm.yaml"
    params:
        code=source_digest("pack_bundle"),
        names=list(to_pack()),
        used=used_rerankers(),
        origin=picked(study_settings(), ("dataset", "recommender", "synthetic")),
    script:
        "../scripts/pack_bundle.py"


rule take_embeddings:
    input:
        titles=lambda wildcards: packed(
            wildcards.dataset, f"{wildcards.tuning}embeddings/{wildcards.encoder}.parquet"
        ),
        histories=lambda wildcards: packed(
            wildcards.dataset,
            f"{wildcards.tuning}embeddings/{wildcards.encoder}.histories.parquet",
        ),
    output:
        titles="results/{dataset}/{tuning}embeddings/{encoder}.parquet",
        histories="results/{dataset}/{tuning}embeddings/{encoder}.histories.parquet",
    log:
        "results/{dataset}/logs/{tuning}take_embeddings.{encoder}.log",
    benchmark:
        "results/{dataset}/benchmarks/{tuning}take_embeddings.{encoder}.tsv"
    wildcard_constraints:
        dataset=any_of([*KITS, *(SEED_OF if DATASET in KITS else [])]),
        encoder=any_of(config["encoders"]),
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("take_embeddings"),
    script:
        "../scripts/take_embeddings.py"


ruleorder: take_embeddings > embed_titles

"""Text encoders.

needs: subset/users.parquet, splits/items.parquet
makes: embeddings/{encoder}.parquet, embeddings/{encoder}.histories.parquet
"""

# The keys of an entry of `encoders` that shape vectors. The others (rate limits, price, the
# token's variable) may change without a rerun.
SHAPING_VECTORS = (
    "adapter",
    "model",
    "base_url",
    "revision",
    "dimensions",
    "prefix",
    "text",
    "pooling",
    "token_pooling",
    "normalise",
    "extra",
)


rule embed_titles:
    input:
        subset=users_file,
        catalogue=data_file("splits/items.parquet"),
    output:
        titles="results/{study}/{group}embeddings/{encoder}.parquet",
        histories="results/{study}/{group}embeddings/{encoder}.histories.parquet",
    log:
        "results/{study}/logs/{group}embed_titles.{encoder}.log",
    benchmark:
        "results/{study}/benchmarks/{group}embed_titles.{encoder}.tsv"
    wildcard_constraints:
        encoder=any_of(config["encoders"]),
    conda:
        "../../envs/encoders.yaml"
    threads: 2
    params:
        code=source_digest("embed_titles"),
        encoder=lambda wildcards: {
            key: value
            for key, value in config["encoders"][wildcards.encoder].items()
            if key in SHAPING_VECTORS
        },
    script:
        "../scripts/embed_titles.py"

"""The study in one file, for others to replay (when asked for by name), and its vectors unpacked.

needs: results/report.md and what it was made of, the response store; or the vectors in a bundle
makes: results/bundle.zip; or embeddings/{encoder}.parquet, embeddings/{encoder}.histories.parquet
"""

from microrank.workflow.study_files import files_to_pack
from microrank.workflow.study_settings import study_settings

PACKED = files_to_pack(STUDIES, METHODS, CLAIMS, repository_file)


rule pack_bundle:
    input:
        files=list(PACKED.values()),
        responses=[
            *expand(
                "results/{repeat}/responses/{method}.parquet",
                repeat=STUDIES.seeds,
                method=ANSWERED,
            ),
            *expand(
                "results/{repeat}/tuning/responses/{method}.parquet",
                repeat=STUDIES.seeds,
                method=ANSWERED_FOR_TUNING,
            ),
            *expand(changed_files("responses/{method}.parquet"), study=STUDIES.name),
            *answers_files("responses/{method}.parquet", STUDIES.name),
        ],
        memory=expand(f"{STUDY}/memory/{{llm}}.json", llm=PROBED),
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
        names=list(PACKED),
        used=names_of(METHODS.used),
        origin={
            key: study_settings(STUDIES, METHODS)[key]
            for key in ("study", "dataset", "recommender", "synthetic")
        },
    script:
        "../scripts/pack_bundle.py"


rule take_embeddings:
    input:
        titles=packed_vectors("parquet"),
        histories=packed_vectors("histories.parquet"),
    output:
        titles="results/{study}/{group}embeddings/{encoder}.parquet",
        histories="results/{study}/{group}embeddings/{encoder}.histories.parquet",
    log:
        "results/{study}/logs/{group}take_embeddings.{encoder}.log",
    benchmark:
        "results/{study}/benchmarks/{group}take_embeddings.{encoder}.tsv"
    wildcard_constraints:
        study=any_of(STUDIES.bundled),
        encoder=any_of(config["encoders"]),
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("take_embeddings"),
    script:
        "../scripts/take_embeddings.py"


ruleorder: take_embeddings > embed_titles

"""Planned looks: ask about more and more users until the verdict is settled.

needs: nfm/recommendations.parquet or lists/recommendations.parquet, splits, resources/prompts
makes: when asked for by name settled.md; results/settled.md: the newest study's
"""

import time

LOOKED_AT = names_of(METHODS.primary_models)
UNPACKED = sorted(
    {
        config["rerankers"][name]["llm"]
        for name in LOOKED_AT
        if config["rerankers"][name]["llm"] in GGUF_FILES and not config["store"]["offline"]
    }
)


# It depends on the store and on the world outside, as the forecast does: the clock in its params
# has it made anew whenever it is asked for. What was answered is kept, so that it goes on.
rule settle_study:
    input:
        recommendations=STUDIES.of_recommender(STUDIES.name, "recommendations.parquet"),
        train=f"{DATA}/splits/train.parquet",
        valid=f"{DATA}/splits/valid.parquet",
        test=f"{DATA}/splits/test.parquet",
        catalogue=f"{DATA}/splits/items.parquet",
        prompts=[prompt_of(name) for name in LOOKED_AT],
        weights=[f"resources/models/{name}" for name in UNPACKED],
    output:
        settled=f"{STUDY}/settled.md",
        newest="results/settled.md",
    log:
        "results/logs/settle_study.log",
    benchmark:
        "results/benchmarks/settle_study.tsv"
    conda:
        "../../envs/settle.yaml"
    threads: 2
    params:
        now=time.time(),
        study=STUDIES.name,
        about=STUDIES.about(STUDIES.name),
        recommender=METHODS.recommender.name,
        methods=LOOKED_AT,
        simulated=[name for name in LOOKED_AT if METHODS[name].is_simulated],
        unpacked=UNPACKED,
        tunes=bool(METHODS.fusions),
    script:
        "../scripts/settle_study.py"

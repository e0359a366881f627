"""Planned looks: ask about more and more users until the verdict is settled.

needs: nfm/recommendations.parquet or lists/recommendations.parquet, splits, resources/prompts; of
fusions with a language model the orders of all parts, below tuning/, and of the others below looks/
makes: when asked for by name settled.md; results/settled.md: the newest study's
"""

import time

LOOKED_AT = METHODS.primary
LOOKED_FUSIONS = [method for method in LOOKED_AT if method.is_fusion]
FUSED_AT_LOOKS = {
    part.name: part for fusion in LOOKED_FUSIONS for part in fusion.parts if not part.is_recommender
}
READY_AT_LOOKS = [name for name, part in FUSED_AT_LOOKS.items() if not part.asks_llm]
ASKED_AT_LOOKS = METHODS.asked_by_primary
MOST_USERS = "all" if "all" in config["looks"]["users"] else max(config["looks"]["users"])
UNPACKED = sorted(
    {
        config["rerankers"][name]["llm"]
        for name in ASKED_AT_LOOKS
        if config["rerankers"][name]["llm"] in GGUF_FILES and not config["store"]["offline"]
    }
)


# All users who may be looked at, for the parts of fusions that ask no language model.
use rule sample_hit_users as sample_users_of_looks with:
    output:
        subset="results/{study}/looks/users.parquet",
    log:
        "results/{study}/logs/looks/sample_users_of_looks.log",
    benchmark:
        "results/{study}/benchmarks/looks/sample_users_of_looks.tsv"
    params:
        code=source_digest("sample_hit_users"),
        seed=seed_of,
        subset=config["subset"] | {"sample_size": MOST_USERS, "strict": False},
        tuning_share=config["tuning"]["share"],
        tunes=bool(METHODS.fusions),


# It depends on the store and on the world outside, as the forecast does: the clock in its params
# has it made anew whenever it is asked for. What was answered is kept, so that it goes on.
rule settle_study:
    input:
        recommendations=STUDIES.of_recommender(STUDIES.name, "recommendations.parquet"),
        beside=STUDIES.lists_beside(STUDIES.name),
        train=f"{DATA}/splits/train.parquet",
        valid=f"{DATA}/splits/valid.parquet",
        test=f"{DATA}/splits/test.parquet",
        catalogue=f"{DATA}/splits/items.parquet",
        prompts=[prompt_of(name) for name in ASKED_AT_LOOKS],
        weights=[f"resources/models/{name}" for name in UNPACKED],
        ready=[f"{STUDY}/looks/rankings/{name}.parquet" for name in READY_AT_LOOKS],
        tuning=[f"{STUDY}/tuning/users.parquet"] if FUSED_AT_LOOKS else [],
        tuning_recommendations=[STUDIES.tuning_lists(STUDIES.name)] if FUSED_AT_LOOKS else [],
        tuning_parts=[f"{STUDY}/tuning/rankings/{name}.parquet" for name in FUSED_AT_LOOKS],
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
        methods=names_of(LOOKED_AT),
        simulated=names_of(method for method in LOOKED_AT if method.is_simulated),
        asked=ASKED_AT_LOOKS,
        ready=READY_AT_LOOKS,
        parts=list(FUSED_AT_LOOKS),
        fusions={method.name: method.settings for method in LOOKED_FUSIONS},
        unpacked=UNPACKED,
        tunes=bool(METHODS.fusions),
    script:
        "../scripts/settle_study.py"

"""The same questions asked again: how much of the hits' variance is the answers' own.

Each further answer has a folder of its own, whose users are the subset's.

needs: rankings/{method}.parquet, and the same below answer-{n}/, of the study and its repeats
makes: noise.json
"""

NOISY = list(dict.fromkeys(name for name, _ in ASKED_AGAIN))


rule measure_noise:
    input:
        subset=f"{STUDY}/subset/users.parquet",
        rankings=expand(f"{STUDY}/rankings/{{method}}.parquet", method=NOISY),
        repairs=expand(f"{STUDY}/rankings/{{method}}.repairs.json", method=NOISY),
        again=answers_files("rankings/{method}.parquet", STUDIES.name),
        again_responses=answers_files("responses/{method}.parquet", STUDIES.name),
        again_repairs=answers_files("rankings/{method}.repairs.json", STUDIES.name),
        subset_of_seed=expand("results/{repeat}/subset/users.parquet", repeat=STUDIES.seeds),
        of_seed=expand(
            "results/{repeat}/rankings/{method}.parquet", method=NOISY, repeat=STUDIES.seeds
        ),
    output:
        noise=f"{STUDY}/noise.json",
    log:
        f"{STUDY}/logs/measure_noise.log",
    benchmark:
        f"{STUDY}/benchmarks/measure_noise.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("measure_noise"),
        seed=config["seed"],
        methods=NOISY,
        again=ASKED_AGAIN,
        cutoffs=config["report"]["cutoffs"],
        confidence=config["report"]["confidence"],
        samples=config["report"]["bootstrap_samples"],
    script:
        "../scripts/measure_noise.py"

"""Metrics, diagnostics, figures, and the report in two forms.

needs: rankings/{method}.parquet of the methods that run, subset, splits, responses, nfm or lists
makes: metrics.csv, diagnostics.json, figures/*.svg, seeds.csv where the study is repeated; results/report.md, results/report.html
"""

FUSED = [name for name in config["methods"] if "fusion" in config["rerankers"][name]]
FIGURES = [
    "hits",
    "positions",
    "flow",
    *(["training"] if training_curve_of(DATASET) else []),
    *(["fusion"] if FUSED else []),
]
ANSWERED = asking(used_rerankers())  # with answers to look into, parts of fusions among them
ANSWERED_FOR_TUNING = asking(parts_of_fusions())


rule score_rankings:
    input:
        subset="results/{dataset}/subset/users.parquet",
        rankings=expand("results/{{dataset}}/rankings/{method}.parquet", method=config["methods"]),
    output:
        metrics=report(
            "results/{dataset}/metrics.csv", caption="../report/metrics.rst", category="Results"
        ),
    log:
        "results/{dataset}/logs/score_rankings.log",
    benchmark:
        "results/{dataset}/benchmarks/score_rankings.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("score_rankings"),
        seed=seed_of,
        methods=config["methods"],
        recommender=lambda wildcards: recommender_of(wildcards.dataset),
        scoring={
            key: config["report"][key] for key in ("cutoffs", "confidence", "bootstrap_samples")
        },
    script:
        "../scripts/score_rankings.py"


rule diagnose_rankings:
    input:
        subset="results/{dataset}/subset/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        rankings=expand("results/{{dataset}}/rankings/{method}.parquet", method=config["methods"]),
        responses=expand("results/{{dataset}}/responses/{method}.parquet", method=ANSWERED),
        passes=expand("results/{{dataset}}/passes/{method}.parquet", method=ANSWERED),
        repairs=expand("results/{{dataset}}/rankings/{method}.repairs.json", method=ANSWERED),
        tuning_responses=expand(
            "results/{{dataset}}/tuning/responses/{method}.parquet", method=ANSWERED_FOR_TUNING
        ),
    output:
        diagnostics="results/{dataset}/diagnostics.json",
    log:
        "results/{dataset}/logs/diagnose_rankings.log",
    benchmark:
        "results/{dataset}/benchmarks/diagnose_rankings.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("diagnose_rankings"),
        methods=config["methods"],
        answered=ANSWERED,
        tuned=ANSWERED_FOR_TUNING,
    script:
        "../scripts/diagnose_rankings.py"


rule draw_figures:
    input:
        metrics="results/{dataset}/metrics.csv",
        diagnostics="results/{dataset}/diagnostics.json",
        training=lambda wildcards: training_curve_of(wildcards.dataset),
        fusions=expand("results/{{dataset}}/rankings/{method}.fusion.json", method=FUSED),
    output:
        **{
            name: report(
                f"results/{{dataset}}/figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category="Figures",
            )
            for name in FIGURES
        },
    log:
        "results/{dataset}/logs/draw_figures.log",
    benchmark:
        "results/{dataset}/benchmarks/draw_figures.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("draw_figures"),
        confidence=config["report"]["confidence"],
        kinds=method_kinds(),
        fused=FUSED,
    script:
        "../scripts/draw_figures.py"


rule compare_seeds:
    input:
        metrics=expand("results/{repeat}/metrics.csv", repeat=SEED_OF),
        recommenders=expand(
            f"results/{{repeat}}/{'lists' if DATASET in OWN_LISTS else 'nfm'}/metrics.json",
            repeat=SEED_OF,
        ),
    output:
        seeds=f"results/{DATASET}/seeds.csv",
    log:
        f"results/{DATASET}/logs/compare_seeds.log",
    benchmark:
        f"results/{DATASET}/benchmarks/compare_seeds.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("compare_seeds"),
    script:
        "../scripts/compare_seeds.py"


rule write_report:
    input:
        metrics=f"results/{DATASET}/metrics.csv",
        diagnostics=f"results/{DATASET}/diagnostics.json",
        counts=f"results/{DATASET}/splits/counts.json",
        catalogue=f"results/{DATASET}/splits/items.parquet",
        nfm=f"results/{DATASET}/{'lists' if DATASET in OWN_LISTS else 'nfm'}/metrics.json",
        seeds=[f"results/{DATASET}/seeds.csv"] if config["repeats"] > 1 else [],
        subset=f"results/{DATASET}/subset/users.parquet",
        rankings=expand(f"results/{DATASET}/rankings/{{method}}.parquet", method=config["methods"]),
        responses=expand(f"results/{DATASET}/responses/{{method}}.parquet", method=ANSWERED),
        prompts=[prompt_of(name) for name in ANSWERED],
        files=list(files_of_study().values()),
        fusions=expand(f"results/{DATASET}/rankings/{{method}}.fusion.json", method=FUSED),
        figures=expand(f"results/{DATASET}/figures/{{figure}}.svg", figure=FIGURES),
        page=[repository_file(f"workflow/report/page.{kind}") for kind in ("html", "css", "js")],
    output:
        markdown="results/report.md",
        page=report("results/report.html", caption="../report/report.rst", category="Results"),
    log:
        "results/logs/write_report.log",
    benchmark:
        "results/benchmarks/write_report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("write_report"),
        report=config["report"],
        settings=study_settings(),
        files=list(files_of_study()),
        methods=config["methods"],
        asked=ANSWERED,
        fused=FUSED,
        kinds=method_kinds(),
    script:
        "../scripts/write_report.py"

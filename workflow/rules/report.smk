"""Metrics, diagnostics, figures, and the report in two forms.

needs: rankings/{method}.parquet of the methods that run, subset, splits, responses, nfm or lists
makes: metrics.csv, diagnostics.json, figures/*.svg, seeds.csv where the study is repeated;
       results/report.md, results/report.html
"""

from microrank.workflow.study_files import files_of_study
from microrank.workflow.study_settings import study_settings

FILES = files_of_study(STUDIES, METHODS, repository_file)
FUSED = names_of(METHODS.fusions)
FIGURES = [
    "hits",
    "positions",
    "flow",
    *(["training"] if STUDIES.training_curve(STUDIES.name) else []),
    *(["fusion"] if FUSED else []),
]


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
        recommender=lambda wildcards: STUDIES.recommender(wildcards.dataset).name,
        primary=[
            method.name
            for method in METHODS.shown
            if method.rests_on_llm and not method.is_simulated
        ],
        scoring={
            key: config["report"][key]
            for key in ("cutoffs", "confidence", "bootstrap_samples", "margin")
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
        prompts=[prompt_of(name) for name in ANSWERED],
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
        simulated=[name for name in ANSWERED if METHODS[name].is_simulated],
        tuned=ANSWERED_FOR_TUNING,
    script:
        "../scripts/diagnose_rankings.py"


rule draw_figures:
    input:
        metrics="results/{dataset}/metrics.csv",
        diagnostics="results/{dataset}/diagnostics.json",
        training=lambda wildcards: STUDIES.training_curve(wildcards.dataset),
        fusions=expand("results/{{dataset}}/rankings/{method}.fusion.json", method=FUSED),
    output:
        **{
            name: report(
                f"results/{{dataset}}/figures/{name}.svg",
                caption="../report/figure.rst",
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
        unread_share=config["report"]["unread_share"],
        methods=METHODS.to_json(),
        fused=FUSED,
    script:
        "../scripts/draw_figures.py"


rule compare_seeds:
    input:
        metrics=expand("results/{repeat}/metrics.csv", repeat=STUDIES.seeds),
        recommenders=[STUDIES.of_recommender(repeat, "metrics.json") for repeat in STUDIES.seeds],
    output:
        seeds=f"{STUDY}/seeds.csv",
    log:
        f"{STUDY}/logs/compare_seeds.log",
    benchmark:
        f"{STUDY}/benchmarks/compare_seeds.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("compare_seeds"),
    script:
        "../scripts/compare_seeds.py"


rule write_report:
    input:
        metrics=f"{STUDY}/metrics.csv",
        diagnostics=f"{STUDY}/diagnostics.json",
        counts=f"{STUDY}/splits/counts.json",
        catalogue=f"{STUDY}/splits/items.parquet",
        users=f"{STUDY}/splits/users.parquet",
        test=f"{STUDY}/splits/test.parquet",
        nfm=STUDIES.of_recommender(STUDIES.name, "metrics.json"),
        seeds=[f"{STUDY}/seeds.csv"] if config["repeats"] > 1 else [],
        subset=f"{STUDY}/subset/users.parquet",
        rankings=expand(f"{STUDY}/rankings/{{method}}.parquet", method=config["methods"]),
        responses=expand(f"{STUDY}/responses/{{method}}.parquet", method=ANSWERED),
        prompts=[prompt_of(name) for name in ANSWERED],
        files=list(FILES.values()),
        fusions=expand(f"{STUDY}/rankings/{{method}}.fusion.json", method=FUSED),
        figures=expand(f"{STUDY}/figures/{{figure}}.svg", figure=FIGURES),
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
        about=STUDIES.about(STUDIES.name),
        report=config["report"],
        settings=study_settings(STUDIES, METHODS),
        files=list(FILES),
        methods=METHODS.to_json(),
        asked=ANSWERED,
        fused=FUSED,
    script:
        "../scripts/write_report.py"

"""Metrics, diagnostics, figures, and the report in two forms.

needs: rankings/{method}.parquet of the methods that run, subset, splits, responses, nfm or lists
makes: metrics.csv, diagnostics.json, figures/*.svg, seeds.csv where the study is repeated,
       report.md, report.html; results/report.md and results/report.html: the newest study's;
       when asked for by name results/paper.tex and results/paper-hits.pdf: the newest study's, too
"""

from microrank.workflow.study_files import files_of_study
from microrank.workflow.study_settings import study_settings

FILES = files_of_study(STUDIES, METHODS, repository_file)
FUSED = names_of(METHODS.fusions)
REPORTED = list(STUDIES.folders)[:1]  # the recommender of the report
FIGURES = [
    "hits",
    "positions",
    "flow",
    *(["training"] if STUDIES.training_curve(STUDIES.name) else []),
    *(["fusion"] if FUSED else []),
]


rule score_rankings:
    input:
        subset="results/{study}/subset/users.parquet",
        rankings=expand("results/{{study}}/rankings/{method}.parquet", method=config["methods"]),
    output:
        metrics=report(
            "results/{study}/metrics.csv", caption="../report/metrics.rst", category="Results"
        ),
    log:
        "results/{study}/logs/score_rankings.log",
    benchmark:
        "results/{study}/benchmarks/score_rankings.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("score_rankings"),
        dataset=lambda wildcards: STUDIES.data_of(wildcards.study),
        seed=seed_of,
        methods=config["methods"],
        recommender=lambda wildcards: STUDIES.recommender(wildcards.study).name,
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
        subset="results/{study}/subset/users.parquet",
        catalogue=data_file("splits/items.parquet"),
        rankings=expand("results/{{study}}/rankings/{method}.parquet", method=config["methods"]),
        responses=expand("results/{{study}}/responses/{method}.parquet", method=ANSWERED),
        passes=expand("results/{{study}}/passes/{method}.parquet", method=ANSWERED),
        repairs=expand("results/{{study}}/rankings/{method}.repairs.json", method=ANSWERED),
        prompts=[prompt_of(name) for name in ANSWERED],
        tuning_responses=expand(
            "results/{{study}}/tuning/responses/{method}.parquet", method=ANSWERED_FOR_TUNING
        ),
    output:
        diagnostics="results/{study}/diagnostics.json",
    log:
        "results/{study}/logs/diagnose_rankings.log",
    benchmark:
        "results/{study}/benchmarks/diagnose_rankings.tsv"
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
        metrics="results/{study}/metrics.csv",
        diagnostics="results/{study}/diagnostics.json",
        training=training_curve,
        fusions=expand("results/{{study}}/rankings/{method}.fusion.json", method=FUSED),
    output:
        **{
            name: report(
                f"results/{{study}}/figures/{name}.svg",
                caption="../report/figure.rst",
                category="Figures",
            )
            for name in FIGURES
        },
    log:
        "results/{study}/logs/draw_figures.log",
    benchmark:
        "results/{study}/benchmarks/draw_figures.tsv"
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
        counts=f"{DATA}/splits/counts.json",
        catalogue=f"{DATA}/splits/items.parquet",
        users=f"{DATA}/splits/users.parquet",
        test=f"{DATA}/splits/test.parquet",
        nfm=STUDIES.of_recommender(STUDIES.name, "metrics.json"),
        curve=training_curves(REPORTED),
        trials=[trials_of(name) for name in fitted_for(REPORTED)],
        seeds=[f"{STUDY}/seeds.csv"] if config["repeats"] > 1 else [],
        subset=f"{STUDY}/subset/users.parquet",
        rankings=expand(f"{STUDY}/rankings/{{method}}.parquet", method=config["methods"]),
        responses=expand(f"{STUDY}/responses/{{method}}.parquet", method=ANSWERED),
        prompts=[prompt_of(name) for name in ANSWERED],
        files=list(map(as_written, FILES.values())),
        fusions=expand(f"{STUDY}/rankings/{{method}}.fusion.json", method=FUSED),
        attribution=[f"{STUDY}/attribution.json"] if ATTRIBUTED else [],
        noise=[f"{STUDY}/noise.json"] if ASKED_AGAIN else [],
        memory=expand(f"{STUDY}/memory/{{llm}}.json", llm=PROBED),
        first_seen=first_seen_file(STUDIES.name) if PROBED else [],
        figures=expand(f"{STUDY}/figures/{{figure}}.svg", figure=FIGURES),
        claims=list(map(repository_file, CLAIMS)),
        page=[repository_file(f"workflow/report/page.{kind}") for kind in ("html", "css", "js")],
    output:
        markdown=f"{STUDY}/report.md",
        page=report(f"{STUDY}/report.html", caption="../report/report.rst", category="Results"),
    log:
        f"{STUDY}/logs/write_report.log",
    benchmark:
        f"{STUDY}/benchmarks/write_report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("write_report"),
        about=STUDIES.about(STUDIES.name),
        report=config["report"],
        settings=study_settings(STUDIES, METHODS),
        recipe=limit_of_recipe(),
        fitted=fitted_for(REPORTED),
        files=list(FILES),
        methods=METHODS.to_json(),
        asked=ANSWERED,
        fused=FUSED,
        item_date=STUDIES.dataset(STUDIES.name).get("item_date"),
        probed={
            method.name: config["llms"][method.settings["llm"]].get("known_until")
            for method in METHODS.shown
            if method.settings.get("llm") in PROBED
        },
    script:
        "../scripts/write_report.py"


rule copy_report:
    input:
        markdown=f"{STUDY}/report.md",
        page=f"{STUDY}/report.html",
    output:
        markdown="results/report.md",
        page="results/report.html",
    log:
        "results/logs/copy_report.log",
    benchmark:
        "results/benchmarks/copy_report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("copy_report"),
        study=STUDIES.name,
    script:
        "../scripts/copy_report.py"


rule write_paper:
    input:
        metrics=f"{STUDY}/metrics.csv",
        diagnostics=f"{STUDY}/diagnostics.json",
    output:
        paper="results/paper.tex",
        figure="results/paper-hits.pdf",
    log:
        "results/logs/write_paper.log",
    benchmark:
        "results/benchmarks/write_paper.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("write_paper"),
        report=config["report"],
        settings=study_settings(STUDIES, METHODS),
        methods=METHODS.to_json(),
    script:
        "../scripts/write_paper.py"

"""Metrics, diagnostics, figures, and the report in two forms.

needs: rankings/{method}.parquet of the methods that run, subset, splits, responses, nfm
makes: metrics.csv, diagnostics.json, figures/*.svg; results/report.md, results/report.html
"""

FUSED = [name for name in config["methods"] if "fusion" in config["rerankers"][name]]
FIGURES = ["hits", "slots", "flow", "training", *(["fusion"] if FUSED else [])]
ASKED = [name for name in config["methods"] if "llm" in config["rerankers"][name]]  # the methods with answers to look into


def method_kinds():
    """method -> what it is: it colours the figures, and what is simulated says so everywhere."""
    kinds = {}
    for name in config["methods"]:
        reranker = config["rerankers"][name]
        kind = next((kind for kind in ("llm", "encoder", "fusion") if kind in reranker), "reference")
        simulated = kind == "llm" and config["llms"][reranker["llm"]]["adapter"] == "simulated"
        kinds[name] = f"simulated {kind}" if simulated else kind
    return kinds


def study_settings(dataset):
    """What the report says of how the numbers came about: the parts of the config that this study uses, secrets and pace aside."""
    rerankers = {name: config["rerankers"][name] for name in config["methods"]}
    encoders = {one["encoder"] for one in rerankers.values() if "encoder" in one}
    llms = {one["llm"] for one in rerankers.values() if "llm" in one}
    return {
        "dataset": dataset,
        "synthetic": "synthetic" in config["datasets"][dataset],
        "seed": config["seed"],
        "top_k": config["top_k"],
        "nfm": config["nfm"]["recipes"][config["nfm"]["recipe"]] | {"recipe": config["nfm"]["recipe"]},
        "subset": config["subset"],
        "rerankers": rerankers,
        "encoders": {
            name: {key: config["encoders"][name][key] for key in config["encoders"][name] if key in SHOWN} for name in sorted(encoders)
        },
        "llms": {name: {key: config["llms"][name][key] for key in config["llms"][name] if key in SHOWN} for name in sorted(llms)},
    }


SHOWN = {*SHAPING, "prefix", "pooling", "normalise", "dimensions", "price"}


rule score_rankings:
    input:
        subset="results/{dataset}/subset/users.parquet",
        rankings=expand("results/{{dataset}}/rankings/{method}.parquet", method=config["methods"]),
    output:
        metrics=report("results/{dataset}/metrics.csv", caption="../report/metrics.rst", category="Results"),
    log:
        "results/{dataset}/logs/score_rankings.log",
    benchmark:
        "results/{dataset}/benchmarks/score_rankings.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("score_rankings"),
        seed=config["seed"],
        methods=config["methods"],
        scoring={key: config["report"][key] for key in ("cutoffs", "confidence", "bootstrap_samples")},
    script:
        "../scripts/score_rankings.py"


rule diagnose_rankings:
    input:
        subset="results/{dataset}/subset/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        rankings=expand("results/{{dataset}}/rankings/{method}.parquet", method=config["methods"]),
        responses=expand("results/{{dataset}}/responses/{method}.parquet", method=ASKED),
        repairs=expand("results/{{dataset}}/rankings/{method}.repairs.json", method=ASKED),
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
        asked=ASKED,
    script:
        "../scripts/diagnose_rankings.py"


rule draw_figures:
    input:
        metrics="results/{dataset}/metrics.csv",
        diagnostics="results/{dataset}/diagnostics.json",
        training="results/{dataset}/nfm/training.csv",
        fusions=expand("results/{{dataset}}/rankings/{method}.fusion.json", method=FUSED),
    output:
        **{name: report(f"results/{{dataset}}/figures/{name}.svg", caption=f"../report/{name}.rst", category="Figures") for name in FIGURES},
    log:
        "results/{dataset}/logs/draw_figures.log",
    benchmark:
        "results/{dataset}/benchmarks/draw_figures.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("draw_figures"),
        kinds=method_kinds(),
        fused=FUSED,
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        metrics=f"results/{DATASET}/metrics.csv",
        diagnostics=f"results/{DATASET}/diagnostics.json",
        counts=f"results/{DATASET}/splits/counts.json",
        catalogue=f"results/{DATASET}/splits/items.parquet",
        nfm=f"results/{DATASET}/nfm/metrics.json",
        subset=f"results/{DATASET}/subset/users.parquet",
        rankings=expand(f"results/{DATASET}/rankings/{{method}}.parquet", method=config["methods"]),
        responses=expand(f"results/{DATASET}/responses/{{method}}.parquet", method=ASKED),
        prompts=[f"resources/prompts/{config['rerankers'][name]['prompt']}.yaml" for name in ASKED],
        fusions=expand(f"results/{DATASET}/rankings/{{method}}.fusion.json", method=FUSED),
        figures=expand(f"results/{DATASET}/figures/{{figure}}.svg", figure=FIGURES),
        page=expand("workflow/report/page.{kind}", kind=["html", "css", "js"]),
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
        settings=study_settings(DATASET),
        methods=config["methods"],
        asked=ASKED,
        fused=FUSED,
        kinds=method_kinds(),
    script:
        "../scripts/write_report.py"

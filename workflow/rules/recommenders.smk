"""Recommenders beside the data set's own: chosen on valid, fitted to train and valid, compared.

needs: splits, nfm/recommendations.parquet or lists/recommendations.parquet; of each recommender's
study subset, rankings, metrics and diagnostics
makes: recommenders/{recommender}/trials.json, recommendations.parquet, metrics.json, and
tuning/recommendations.parquet; where the study has several, comparison.json; results/recommenders.md
"""

OF_RECOMMENDER = "results/{dataset}/recommenders/{recommender}"
LOGS_OF = "results/{dataset}/logs/recommenders/{recommender}"
BENCHMARKS_OF = "results/{dataset}/benchmarks/recommenders/{recommender}"


rule choose_setting:
    input:
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        file=recommender_file,
    output:
        trials=f"{OF_RECOMMENDER}/trials.json",
    log:
        f"{LOGS_OF}/choose_setting.log",
    benchmark:
        f"{BENCHMARKS_OF}/choose_setting.tsv"
    wildcard_constraints:
        recommender=recommenders_with(config, "model", "file"),
    conda:
        "../../envs/recommenders.yaml"
    threads: config["search"]["threads"]
    params:
        code=source_digest("choose_setting"),
        seed=seed_of,
        settings=recommender_settings,
        search=config["search"],
    script:
        "../scripts/choose_setting.py"


rule fit_recommender:
    input:
        trials=f"{OF_RECOMMENDER}/trials.json",
        past=past_files,
        catalogue="results/{dataset}/splits/items.parquet",
        file=recommender_file,
    output:
        recommendations=f"{OF_RECOMMENDER}/{{group}}recommendations.parquet",
    log:
        f"{LOGS_OF}/{{group}}fit_recommender.log",
    benchmark:
        f"{BENCHMARKS_OF}/{{group}}fit_recommender.tsv"
    wildcard_constraints:
        recommender=recommenders_with(config, "model", "file"),
        group="(tuning/)?",
    conda:
        "../../envs/recommenders.yaml"
    threads: config["search"]["threads"]
    params:
        code=source_digest("fit_recommender"),
        seed=seed_of,
        settings=recommender_settings,
        top_k=config["top_k"],
    script:
        "../scripts/fit_recommender.py"


rule unite_lists:
    input:
        parts=parts_of_union,
    output:
        recommendations=f"{OF_RECOMMENDER}/{{group}}recommendations.parquet",
    log:
        f"{LOGS_OF}/{{group}}unite_lists.log",
    benchmark:
        f"{BENCHMARKS_OF}/{{group}}unite_lists.tsv"
    wildcard_constraints:
        recommender=recommenders_with(config, "union"),
        group="(tuning/)?",
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("unite_lists"),
        top_k=config["top_k"],
    script:
        "../scripts/unite_lists.py"


use rule take_recommendations as take_lists with:
    input:
        lists=lists_of_recommender,
        catalogue="results/{dataset}/splits/items.parquet",
        users="results/{dataset}/splits/users.parquet",
        past=past_files,
    output:
        recommendations=f"{OF_RECOMMENDER}/{{group}}recommendations.parquet",
    log:
        f"{LOGS_OF}/{{group}}take_lists.log",
    benchmark:
        f"{BENCHMARKS_OF}/{{group}}take_lists.tsv"
    wildcard_constraints:
        recommender=recommenders_with(config, "lists"),
        group="(tuning/)?",


use rule evaluate_nfm as evaluate_recommender with:
    input:
        recommendations=f"{OF_RECOMMENDER}/recommendations.parquet",
        test="results/{dataset}/splits/test.parquet",
        past=["results/{dataset}/splits/train.parquet", "results/{dataset}/splits/valid.parquet"],
        trained_on=[
            "results/{dataset}/splits/train.parquet",
            "results/{dataset}/splits/valid.parquet",
        ],
    output:
        metrics=f"{OF_RECOMMENDER}/metrics.json",
    log:
        f"{LOGS_OF}/evaluate_recommender.log",
    benchmark:
        f"{BENCHMARKS_OF}/evaluate_recommender.tsv"


rule compare_recommenders:
    input:
        subsets=of_each_study("subset/users.parquet"),
        rankings=of_each_study("rankings/{method}.parquet", method=config["methods"]),
        recommendations=of_each_list("recommendations.parquet"),
        train=f"{DATA}/splits/train.parquet",
        valid=f"{DATA}/splits/valid.parquet",
        test=f"{DATA}/splits/test.parquet",
        catalogue=f"{DATA}/splits/items.parquet",
    output:
        comparison=f"{STUDY}/comparison.json",
    log:
        f"{STUDY}/logs/compare_recommenders.log",
    benchmark:
        f"{STUDY}/benchmarks/compare_recommenders.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("compare_recommenders"),
        recommenders=list(STUDIES.folders),
        methods=config["methods"],
        primary=[
            method.name
            for method in METHODS.shown
            if method.rests_on_llm and not method.is_simulated
        ],
        report={
            key: config["report"][key]
            for key in ("cutoffs", "confidence", "bootstrap_samples", "margin")
        },
        seed=config["seed"],
    script:
        "../scripts/compare_recommenders.py"


rule write_recommenders:
    input:
        comparison=f"{STUDY}/comparison.json",
        metrics=of_each_study("metrics.csv"),
        diagnostics=of_each_study("diagnostics.json"),
        fusions=of_each_study("rankings/{method}.fusion.json", method=FUSED),
        qualities=of_each_list("metrics.json"),
        trials=[trials_of(name) for name in fitted_for(list(STUDIES.folders))],
        curve=training_curves(list(STUDIES.folders)),
    output:
        page="results/recommenders.md",
    log:
        "results/logs/write_recommenders.log",
    benchmark:
        "results/benchmarks/write_recommenders.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("write_recommenders"),
        methods={name: Methods.from_config(config, name).to_json() for name in STUDIES.folders},
        fused=FUSED,
        fitted=fitted_for(list(STUDIES.folders)),
        report=config["report"],
        settings=study_settings(STUDIES, METHODS),
        recipe=limit_of_recipe(),
        popular=[
            name
            for name in STUDIES.folders
            if SETTINGS_OF.get(name, {}).get("model") == "popularity"
        ],
        unions={
            name: SETTINGS_OF[name]["union"]
            for name in STUDIES.folders
            if "union" in SETTINGS_OF.get(name, {})
        },
        benchmarks={name: benchmarks_of(name) for name in STUDIES.folders},
    script:
        "../scripts/write_recommenders.py"

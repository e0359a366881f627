"""Raw files and their splits: made up (the sample), fetched, or already there.

needs: nothing; or the raw files that `datasets` names
makes: resources/sample/{pairs.tsv,titles.csv}, resources/{dataset}/…,
    splits/{train,valid,test,items,users}.parquet, splits/counts.json
"""

SYNTHETIC = [name for name, dataset in config["datasets"].items() if "synthetic" in dataset]
for name in SYNTHETIC:
    made = [f"resources/{name}/pairs.tsv", f"resources/{name}/titles.csv"]
    if [*STUDIES.pairs(name), config["datasets"][name]["titles"]] != made:
        raise WorkflowError(
            f"config: datasets.{name} is synthetic: its files are made as pairs: {made[0]}, "
            f"titles: {made[1]}"
        )

# A raw file that exists belongs to the user. It is no rule's output, so no run can replace or
# delete it.
TO_FETCH = {
    path: config["datasets"][name]
    for name, dataset in config["datasets"].items()
    if "url" in dataset
    for path in [*STUDIES.pairs(name), dataset["titles"]]
    if not os.path.exists(path)
}


rule make_sample:
    output:
        pairs=as_written("resources/{dataset}/pairs.tsv"),
        titles=as_written("resources/{dataset}/titles.csv"),
    log:
        "results/{dataset}/logs/make_sample.log",
    benchmark:
        "results/{dataset}/benchmarks/make_sample.tsv"
    wildcard_constraints:
        dataset=any_of(SYNTHETIC),
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("make_sample"),
        seed=config["seed"],
        synthetic=lambda wildcards: config["datasets"][wildcards.dataset]["synthetic"],
    script:
        "../scripts/make_sample.py"


rule fetch_microlens:
    output:
        as_written("{raw_file}"),
    log:
        "results/logs/fetch_microlens/{raw_file}.log",
    benchmark:
        "results/benchmarks/fetch_microlens/{raw_file}.tsv"
    wildcard_constraints:
        raw_file=any_of(TO_FETCH),
    localrule: True  # by a cluster's profile too: its nodes often have no way out
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("fetch_microlens"),
        url=lambda wildcards: TO_FETCH[wildcards.raw_file]["url"],
        page=lambda wildcards: TO_FETCH[wildcards.raw_file].get("page"),
        checksum=lambda wildcards: TO_FETCH[wildcards.raw_file]
        .get("checksums", {})
        .get(Path(wildcards.raw_file).name),
    script:
        "../scripts/fetch_microlens.py"


rule split_interactions:
    input:
        pairs=lambda wildcards: [as_written(path) for path in STUDIES.pairs(wildcards.dataset)],
        titles=lambda wildcards: as_written(STUDIES.dataset(wildcards.dataset)["titles"]),
    output:
        train="results/{dataset}/splits/train.parquet",
        valid="results/{dataset}/splits/valid.parquet",
        test="results/{dataset}/splits/test.parquet",
        users="results/{dataset}/splits/users.parquet",
        catalogue="results/{dataset}/splits/items.parquet",
        counts="results/{dataset}/splits/counts.json",
    log:
        "results/{dataset}/logs/split_interactions.log",
    benchmark:
        "results/{dataset}/benchmarks/split_interactions.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("split_interactions"),
        settings=lambda wildcards: STUDIES.raw_settings(wildcards.dataset),
        # Their names also where they come from a bucket.
        names=lambda wildcards: [
            *STUDIES.pairs(wildcards.dataset),
            STUDIES.dataset(wildcards.dataset)["titles"],
        ],
    script:
        "../scripts/split_interactions.py"


rule find_first_seen:
    input:
        pairs=lambda wildcards: [as_written(path) for path in STUDIES.pairs(wildcards.dataset)],
    output:
        first_seen="results/{dataset}/splits/first_seen.parquet",
    log:
        "results/{dataset}/logs/find_first_seen.log",
    benchmark:
        "results/{dataset}/benchmarks/find_first_seen.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("find_first_seen"),
        settings=lambda wildcards: STUDIES.raw_settings(wildcards.dataset),
    script:
        "../scripts/find_first_seen.py"

"""What language models know of the titles by heart; only where `memory.titles` is not 0.

needs: subset/users.parquet, splits/items.parquet
makes: memory/{llm}.json
"""

from microrank.memory.models import asks_likelihoods, models_to_probe

PROBED = models_to_probe(config, METHODS) if config["memory"]["titles"] else []


rule probe_memory:
    input:
        subset="results/{study}/subset/users.parquet",
        catalogue=data_file("splits/items.parquet"),
        test=data_file("splits/test.parquet"),
        weights=weights_of_model,
        first_seen=lambda wildcards: first_seen_file(wildcards.study),
    output:
        memory="results/{study}/memory/{llm}.json",
    log:
        "results/{study}/logs/probe_memory.{llm}.log",
    benchmark:
        "results/{study}/benchmarks/probe_memory.{llm}.tsv"
    wildcard_constraints:
        llm=any_of(config["llms"]),
    conda:
        "../../envs/settle.yaml"
    threads: 2
    params:
        code=source_digest("probe_memory"),
        seed=seed_of,
        titles=config["memory"]["titles"],
        llm=settings_of_model,
        gives_likelihoods=lambda wildcards: asks_likelihoods(METHODS, wildcards.llm),
        until=lambda wildcards: config["llms"][wildcards.llm].get("known_until"),
        item_date=lambda wildcards: STUDIES.dataset(wildcards.study).get("item_date"),
        about=lambda wildcards: STUDIES.about(wildcards.study),
    script:
        "../scripts/probe_memory.py"

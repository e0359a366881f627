"""The same questions with other histories, or with the held-out item shown at another place.

Each change has a folder of its own, whose users go through the same rules.

needs: subset/users.parquet, splits, rankings
makes: placebo-{change}/users.parquet, attribution.json
"""


rule change_subset:
    input:
        subset="results/{study}/subset/users.parquet",
        test=data_file("splits/test.parquet"),
    output:
        subset="results/{study}/placebo-{change}/users.parquet",
    log:
        "results/{study}/logs/change_subset.{change}.log",
    benchmark:
        "results/{study}/benchmarks/change_subset.{change}.tsv"
    wildcard_constraints:
        change="[a-z]+",
    conda:
        "../../envs/data.yaml"
    params:
        code=source_digest("change_subset"),
        seed=seed_of,
    script:
        "../scripts/change_subset.py"


rule attribute_rankings:
    input:
        subset="results/{study}/subset/users.parquet",
        catalogue=data_file("splits/items.parquet"),
        rankings=expand("results/{{study}}/rankings/{method}.parquet", method=ATTRIBUTED),
        repairs=expand("results/{{study}}/rankings/{method}.repairs.json", method=ATTRIBUTED),
        changed_users=changed_files("users.parquet"),
        changed_rankings=changed_files("rankings/{method}.parquet"),
        changed_responses=changed_files("responses/{method}.parquet"),
        changed_repairs=changed_files("rankings/{method}.repairs.json"),
        learned=[
            f"results/{{study}}/rankings/{name}.parquet"
            for pair in METHODS.with_and_without_model
            for name in pair
        ],
    output:
        attribution="results/{study}/attribution.json",
    log:
        "results/{study}/logs/attribute_rankings.log",
    benchmark:
        "results/{study}/benchmarks/attribute_rankings.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=source_digest("attribute_rankings"),
        methods=ATTRIBUTED,
        changed=CHANGED,
        learned=METHODS.with_and_without_model,
        cutoffs=config["report"]["cutoffs"],
    script:
        "../scripts/attribute_rankings.py"

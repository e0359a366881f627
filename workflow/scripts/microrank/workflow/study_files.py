"""The files that a study's results rest on: what the report names, and what a bundle holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from microrank.methods import NFM, Method, Methods, recommenders_used, settings_used
from microrank.workflow.studies import Studies

# From the path of a file that comes with the workflow to where this run finds it.
InRepository = Callable[[str], str]


def files_of_study(
    studies: Studies, methods: Methods, in_repository: InRepository
) -> dict[str, str]:
    """Prompts, and methods, recommenders and lists of the user's own.

    Args:
        studies: the config's study.
        methods: those that run.
        in_repository: where a file of the repository is found.

    Returns:
        Name in the report -> path.
    """
    used = [method.settings for method in methods.used]
    prompts = [
        prompt_path(studies, method) for method in methods.used if "prompt" in method.settings
    ]
    programs = [
        settings["file"] for settings in [*used, *_of_recommenders(studies)] if "file" in settings
    ]
    lists = list(_given_lists(studies, methods))
    return {name: in_repository(name) for name in [*prompts, *programs]} | {
        name: name for name in lists
    }


def prompt_path(studies: Studies, method: Method) -> str:
    """The path of a method's prompt in the repository."""
    return f"{studies.config['prompts']}/{method.settings['prompt']}.yaml"


def _of_recommenders(studies: Studies) -> list[Mapping[str, Any]]:
    """The settings of the recommenders beside the data set's own, parts of unions among them."""
    config = studies.config
    names = recommenders_used(config)
    return [config["recommender_settings"][name] for name in names if name != NFM]


def _given_lists(studies: Studies, methods: Methods) -> Iterator[str]:
    """The paths of lists that are given, of the study and its repeats."""
    for settings in _of_recommenders(studies):
        keys = ["lists", "lists_for_tuning"] if methods.tuned else ["lists"]
        yield from (settings[key] for key in keys if key in settings)
    if NFM not in recommenders_used(studies.config) or studies.own_is_trained:
        return
    for folder in studies.data_seeds:
        yield studies.given_lists(folder, "recommendations")
        if methods.tuned:
            yield studies.given_lists(folder, "recommendations_for_tuning")


def files_to_pack(
    studies: Studies, methods: Methods, claims: Sequence[str], in_repository: InRepository
) -> dict[str, str]:
    """The files of the study's bundle, answers aside.

    What each repeat has of its own lies in a folder that is called by its seed.

    Args:
        studies: the config's study.
        methods: those that run.
        claims: files of published figures.
        in_repository: where a file of the repository is found.

    Returns:
        Name in the bundle -> path.
    """
    folder = f"results/{studies.name}"
    files = {"report.md": f"{folder}/report.md", "metrics.csv": f"{folder}/metrics.csv"}
    for method in methods.used:
        if "prompt" in method.settings:
            prompt = in_repository(prompt_path(studies, method))
            files[f"prompts/{method.settings['prompt']}.yaml"] = prompt
        if "file" in method.settings:
            files[f"methods/{method.name}.py"] = in_repository(method.settings["file"])
    files |= {f"claims/{path.split('/')[-1]}": in_repository(path) for path in claims}
    for path in studies.training_curve(studies.name):
        files[f"{studies.config['seed']}/training.csv"] = path
    for repeat, seed in studies.seeds.items():
        files |= {f"{seed}/{name}": path for name, path in _of_repeat(studies, methods, repeat)}
    return files


def _of_repeat(studies: Studies, methods: Methods, repeat: str) -> Iterator[tuple[str, str]]:
    """A repeat's lists and vectors, as (name, path)."""
    lists = "recommendations.parquet"
    yield lists, studies.of_recommender(repeat, lists)
    if methods.tuned:
        yield (
            "recommendations_for_tuning.parquet",
            f"results/{studies.data_of(repeat)}/tuning/{lists}",
        )
    yield from _vectors(methods.used, f"results/{repeat}", "embeddings")
    yield from _vectors(methods.tuned, f"results/{repeat}", "tuning/embeddings")


def _vectors(methods: Sequence[Method], folder: str, part: str) -> Iterator[tuple[str, str]]:
    """The tables of the methods' encoders in a part of a study's folder, as (name, path)."""
    for encoder in settings_used(methods, "encoder"):
        for name in (f"{part}/{encoder}.parquet", f"{part}/{encoder}.histories.parquet"):
            yield name, f"{folder}/{name}"

"""Trainings that ended at their limit while still improving, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike

from microrank.files import read_csv, read_json
from microrank.recommenders.trials import Trials

QUALITY = "valid_ndcg@10"  # column of training.csv


def read_trials(names: Sequence[str], paths: Sequence[str]) -> dict[str, Trials]:
    """Read each recommender's trials.json."""
    return {
        name: Trials.from_json(read_json(path)) for name, path in zip(names, paths, strict=True)
    }


def at_limit(
    curves: Iterable[str | PathLike[str]],
    recipe_name: str,
    limit: int,
    trials: Mapping[str, Trials],
) -> list[str]:
    """Say so of each training that ended at its limit, and name the setting to raise.

    Args:
        curves: NFM's training.csv, where a list rests on NFM.
        recipe_name: NFM's, an entry of `nfm.recipes`.
        limit: The recipe's `max_half_epochs`.
        trials: What was tried of the other recommenders.
    """
    of_nfm = (nfm_at_limit(_qualities(path), recipe_name, limit) for path in curves)
    return [*(sentence for told in of_nfm for sentence in told), *trials_at_limit(trials)]


def nfm_at_limit(qualities: Sequence[float], recipe_name: str, limit: int) -> list[str]:
    """Say so where NFM's training ended at its limit while still improving.

    Args:
        qualities: After each half epoch, on valid.
        recipe_name: An entry of `nfm.recipes`.
        limit: The recipe's `max_half_epochs`.
    """
    if len(qualities) < limit or limit < 2 or qualities.index(max(qualities)) < limit - 1:
        return []
    return [
        f"NFM's training ended at its limit of {limit} half epochs while its quality on valid "
        f"still rose: raise `nfm.recipes.{recipe_name}.max_half_epochs`."
    ]


def trials_at_limit(trials: Mapping[str, Trials]) -> list[str]:
    """Say the same of recommenders that train by epochs."""
    return [
        f"The training of `{name}` ended at its limit of {len(tried.best.curve)} epochs while its "
        f"quality on valid still rose: raise `recommender_settings.{name}.max_epochs`."
        for name, tried in trials.items()
        if tried.best.ended_while_improving
    ]


def _qualities(path: str | PathLike[str]) -> list[float]:
    return [float(row[QUALITY]) for row in read_csv(path, ("half_epoch", "loss", QUALITY))]

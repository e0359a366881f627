"""How each recommender was chosen on valid, and trainings that ended at their limit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from microrank.files import read_csv
from microrank.recommenders.choose import Trials
from microrank.report.blocks import Paragraph, Section, Table, literal
from microrank.report.recommenders.compared import Compared
from microrank.words import in_words

QUALITY = "valid_ndcg@10"  # column of training.csv


def read_quality(path: Path) -> list[float]:
    """Read the quality on valid after each half epoch of NFM's training."""
    return [float(row[QUALITY]) for row in read_csv(path, ("half_epoch", "loss", QUALITY))]


def nfm_at_limit(quality: Sequence[float], recipe_name: str, limit: int) -> list[str]:
    """Say so where NFM's training ended at its limit while still improving.

    Args:
        quality: After each half epoch, on valid.
        recipe_name: An entry of `nfm.recipes`.
        limit: The recipe's `max_half_epochs`.
    """
    if len(quality) < limit or limit < 2 or quality.index(max(quality)) < limit - 1:
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


def chosen_section(compared: Compared) -> Section:
    """Show what was tried, and what was chosen."""
    rows = [
        [
            f"`{name}`",
            str(len(tried.trials)),
            literal(in_words(tried.best.setting_to_refit) or "–"),
            f"{tried.best.quality:.4f}",
        ]
        for name, tried in compared.trials.items()
    ]
    text = (
        "Each was chosen by NDCG@10 on the valid items of the same users, from at most "
        "`search.trials` settings; one that has fewer settings tried all of them. The chosen one "
        "was fitted again to train and valid. NFM has one recipe, and valid says how long it is "
        "trained. Test was read once."
    )
    table = Table(
        ["recommender", "settings tried", "chosen", "NDCG@10 on valid"], rows, numbers=False
    )
    return Section("How they were chosen", [Paragraph(text), *([table] if rows else [])])

"""How each recommender was chosen on valid."""

from microrank.report.blocks import Paragraph, Section, Table, literal
from microrank.report.recommenders.compared import Compared
from microrank.words import in_words


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

"""What re-ranking the drawn users means for all users: the effect on the hit rate as a recommender's operator would see it."""

from microrank.evaluation.score import RANDOM_EXPECTED
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.study import Study


def over_all_users(study: Study) -> list[Section]:
    """HR@N over all users per method, where the subset was drawn from the users with a hit; else the main table says it already.

    A user whose list lacks the hidden item is a miss in every order of it. So over all users HR@N = P(hit in the list) · P(rank ≤ N | hit):
    the first factor is counted over everybody, the second is what the subset estimates. A subset drawn from all users estimates the
    same with a wider interval, since most of its users tell nothing.
    """
    if study.settings["subset"]["population"] != "hits" or not study.nfm or not study.nfm.get("hit_users"):
        return []
    n, share = study.nfm["n_users"], study.nfm["hit_users"] / study.nfm["n_users"]
    cutoffs = [cutoff for cutoff in study.main_cutoffs if cutoff < study.k]
    if not cutoffs:
        return []
    measured = [study.nfm["all_users"].get(f"HR@{cutoff}") for cutoff in cutoffs]
    rows = [[f"{study.lists_name}, counted", *(f"{value:.5f}" if value is not None else "–" for value in measured)]]
    for name in [study.recommender, *study.methods, RANDOM_EXPECTED]:
        cells = []
        for cutoff in cutoffs:
            row = study.row(name, "hr", cutoff)
            interval = "" if name == RANDOM_EXPECTED else f" ({share * row['ci_low']:.5f}–{share * row['ci_high']:.5f})"
            cells.append(f"{share * row['value']:.5f}{interval}")
        rows.append([study.label(name), *cells])
    text = (
        f"The {study.n_users:,} users were drawn from the {study.nfm['hit_users']:,} (of {n:,}, {share:.2%}) whose top {study.k} holds the "
        "hidden item. For all others every order of the list misses, so the hit rate over all users is that share times the rate among "
        "the drawn."
    )
    caption = (
        f"Estimates from the subset with their {study.confidence:.0%} intervals; the first row is the recommender's own order counted over "
        f"everybody. No re-ranker of these lists can pass {share:.5f} at any cutoff."
    )
    return [Section("Over all users", [Paragraph(text), Table(["method", *(f"HR@{cutoff}" for cutoff in cutoffs)], rows, caption)])]

"""The report's figures with what they show: each caption true of its figure, and the numbers behind it where no table has them."""

from microrank.report.alternatives import flow_numbers, fusion_numbers, positions_numbers
from microrank.report.blocks import Picture
from microrank.report.study import Study


def hits_picture(study: Study) -> Picture:
    """Hits@5 and Hits@10; the main table has its numbers."""
    level = f"{study.confidence:.0%}"
    hollow = (
        " Hollow: simulated."
        if any(study.kinds[name].startswith("simulated") for name in study.methods)
        else ""
    )
    return Picture(
        "hits",
        f"Hits per method with {level} Wilson intervals. Dashed line and band: what a random shuffle of the same lists expects, and where "
        f"{level} of shuffles end.{hollow} The axes need not begin at 0.",
    )


def positions_picture(study: Study) -> Picture:
    """The hit rate by the position where the held-out item stood before."""
    name, cutoff = study.lists_name, min(study.k, study.diagnostics["hit_cutoff"])
    caption = (
        f"How often the held-out item ends among the first {cutoff}, by the position of {name}'s list where it stood before; positions of few users "
        f"are pooled. Each point has its {study.confidence:.0%} Wilson interval and its number n of users. Dashed: a random shuffle. A "
        f"method that ignores {name}'s order need not be flat: what stands high in that list tends to suit the history by its titles, too."
    )
    if study.of_kind("llm", "simulated llm"):
        caption += (
            " Hollow, dotted: by the position where a language model was shown the item, of each answer by itself. Without a shuffle that is "
            "the same position, and what the place did cannot be told from what the item deserved."
        )
    return Picture("positions", caption, positions_numbers(study))


def flow_picture(study: Study) -> Picture:
    """From where to where the held-out items moved."""
    caption = (
        f"At which ranks the held-out items stood in {study.lists_name}'s list (left) and where each method put them (right), with numbers "
        "of users. Colours follow where they stood before."
    )
    return Picture("flow", caption, flow_numbers(study))


def training_picture() -> Picture:
    """The recommender's training."""
    return Picture(
        "training",
        "Training of NFM: loss on train, and NDCG@10 on the validation items, whose best state was kept (orange).",
    )


def fusion_picture(study: Study) -> Picture:
    """How the fusions' numbers were chosen."""
    refitted = (
        " The lists there are those of NFM before it was trained anew for the test."
        if study.settings.get("nfm", {}).get("refit")
        else ""
    )
    caption = (
        f"How the fusions' numbers were chosen (orange), on users who are not in the subset. Band: {study.confidence:.0%} interval of each "
        f"mean by itself; all values are compared on the same users, so their differences are surer than the band.{refitted}"
    )
    return Picture("fusion", caption, fusion_numbers(study))

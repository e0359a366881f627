"""How a fusion's one number was chosen: the quality that each value gave on other users."""

from collections.abc import Mapping
from typing import Any

from scipy.special import ndtri

from microrank.report.labels import label_of


def tuning_curve(
    found: Mapping[str, Any], confidence: float
) -> list[tuple[float, float, float, float]]:
    """Number, mean quality, and the ends of the interval of that mean, mean ± z·(standard error); found: as `fuse_rankings` chose it."""
    z = ndtri((1 + confidence) / 2)
    return [
        (number, mean, float(mean - z * error), float(mean + z * error))
        for number, mean, error in found["curve"]
    ]


def number_name(found: Mapping[str, Any], kinds: Mapping[str, str]) -> str:
    """What is chosen, in words. kinds: method -> what it is; a fusion's part `nfm` may go by another name there."""
    if found["fusion"] == "reciprocal":
        return "k"
    recommender = next((name for name, kind in kinds.items() if kind == "recommender"), "nfm")
    return f"α, the weight of {label_of(recommender if found['of'][0] == 'nfm' else found['of'][0], kinds)}"

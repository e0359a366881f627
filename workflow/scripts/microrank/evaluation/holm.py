"""Many tests at once."""

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Compute Holm-adjusted p-values.

    Among p_holm <= level, a wrong rejection occurs in at most `level` of all studies. The i-th
    smallest of m values is multiplied by m − i + 1, and none falls below a smaller one's (Holm, A
    simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6,
    1979).

    Args:
        p_values: [m], of one family; no NaN.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(steps, 1)
    return adjusted

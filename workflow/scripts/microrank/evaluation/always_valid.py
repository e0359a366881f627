"""A test that stays valid however often somebody looks at growing numbers."""

import numpy as np
from scipy.special import betaln


def e_value(wins: int, losses: int) -> float:
    """Compute the evidence against "wins and losses are equally likely".

    e = 2^(b + c) · B(b + ½, c + ½) / B(½, ½), with b wins and c losses: the likelihood ratio of a
    coin whose bias is drawn from Beta(½, ½) to a fair one. Over growing numbers it is a martingale
    with mean 1 under the null hypothesis (a mixture martingale; Howard, Ramdas, McAuliffe and
    Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of Statistics
    49, 2021).
    """
    log_e = (wins + losses) * np.log(2) + betaln(wins + 0.5, losses + 0.5) - betaln(0.5, 0.5)
    return float(np.exp(min(log_e, 700.0)))  # e^700 is about the largest float


def always_valid_p(e: float) -> float:
    """Return min(1, 1/e): at most `level` with at most this probability over all looks together.

    (Ville's inequality.) The smallest value over several looks is valid, too.
    """
    return min(1.0, 1 / e)

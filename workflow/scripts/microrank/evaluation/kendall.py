"""How alike two orders of the same items are."""

import numpy as np

USERS_AT_ONCE = 2048  # bounds the memory at this times k²


def kendall_tau(places: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Compute Kendall's τ of two permutations a user.

    It is 1 for the same order, −1 for the reverse and 0 for no relation
    (Kendall, A new measure of rank correlation, Biometrika 30, 1938).

    Args:
        places: [n_users, k], the place of item i in the first order; no ties.
        other: [n_users, k], the same of the second order.

    Returns:
        [n_users]; NaN with k < 2, where there is no pair to agree on.
    """
    n, k = places.shape
    if k < 2:
        return np.full(n, np.nan)
    first, second = np.triu_indices(k, 1)
    tau = np.empty(n)
    for start in range(0, n, USERS_AT_ONCE):
        a, b = places[start : start + USERS_AT_ONCE], other[start : start + USERS_AT_ONCE]
        agree = (a[:, first] < a[:, second]) == (b[:, first] < b[:, second])
        tau[start : start + USERS_AT_ONCE] = 2 * agree.mean(axis=1) - 1
    return tau


def rank_agreement(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Compare orders with values that may tie: pairs that agree less those that do not.

    It is γ = (concordant − discordant) / (concordant + discordant) over the pairs whose values
    differ (Goodman and Kruskal, Measures of association for cross classifications, Journal of the
    American Statistical Association 49, 1954). Without ties it is Kendall's τ.

    Args:
        places: [n_users, k], the place of item i in an order; no ties.
        values: [n_users, k], a number of item i, smaller for earlier.

    Returns:
        [n_users]; NaN where all values of a user are equal.
    """
    n, k = places.shape
    first, second = np.triu_indices(k, 1)
    gamma = np.full(n, np.nan)
    for start in range(0, n, USERS_AT_ONCE):
        rows = slice(start, start + USERS_AT_ONCE)
        a = np.sign(places[rows, second] - places[rows, first])
        b = np.sign(values[rows, second] - values[rows, first])
        differing = np.abs(b).sum(axis=1)
        agreed = (a * b).sum(axis=1).astype(float)
        np.divide(agreed, differing, out=gamma[rows], where=differing > 0)
    return gamma

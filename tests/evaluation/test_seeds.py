"""The spread over repeats."""

import statistics

import pyarrow as pa
import pytest
from microrank.errors import StudyError
from microrank.evaluation.metrics import METRICS
from microrank.evaluation.seeds import compare_seeds


def metrics(hits: float, rate: float, method: str = "a") -> pa.Table:
    rows = [
        {"method": method, "metric": metric, "cutoff": 10, "value": value}
        for metric, value in (("hits", hits), ("hr", rate))
    ]
    return pa.Table.from_pylist(
        [dict.fromkeys(METRICS.names) | row for row in rows], schema=METRICS
    )


def test_mean_and_spread_are_those_of_the_standard_library() -> None:
    found = compare_seeds([metrics(40, 0.4), metrics(46, 0.46), metrics(43, 0.43)]).to_pylist()
    assert [(row["method"], row["metric"], row["cutoff"], row["n_seeds"]) for row in found] == [
        ("a", "hits", 10, 3),
        ("a", "hr", 10, 3),
    ]
    assert (found[0]["mean"], found[0]["sd"], found[0]["low"], found[0]["high"]) == (
        43,
        statistics.stdev([40, 46, 43]),
        40,
        46,
    )


def test_a_single_run_has_no_spread() -> None:
    assert compare_seeds([metrics(40, 0.4)])["sd"].to_pylist() == [0, 0]


def test_repeats_of_different_methods_are_refused() -> None:
    with pytest.raises(StudyError, match="different methods"):
        compare_seeds([metrics(40, 0.4), metrics(40, 0.4, "b")])

"""A recommender in a file of the user's own."""

from pathlib import Path

import numpy as np
import pytest
from microrank.errors import StudyError
from microrank.recommenders.custom import load_recommender
from recommenders.made_up_histories import interactions

FOLLOWS = """
import numpy as np

SETTINGS = [{"weight": 1.0}, {"weight": 2.0}]

def fit(histories, items, weight):
    follows = np.zeros((len(items), len(items)))
    for history in histories:
        for item, next_item in zip(history, history[1:]):
            follows[item, next_item] += weight
    return lambda history: follows[history[-1]]
"""


def load(tmp_path: Path, text: str, trials: int = 10):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return load_recommender(str(path), trials)


def test_it_gets_item_numbers_from_0_and_its_scores_are_those_of_the_items(tmp_path: Path) -> None:
    fit, settings = load(tmp_path, FOLLOWS)
    assert settings == [{"weight": 1.0}, {"weight": 2.0}]
    data = interactions([[1, 2, 3], [4, 2], [2, 3, 1]], 4)
    scores = fit(data, settings[1], 1).scores(np.array([1, 0]))
    assert scores.tolist() == [[0, 0, 0, 4, 0], [0, 2, 0, 0, 0]]


def test_it_gets_titles_and_counts_and_settings_are_cut_at_the_trials(tmp_path: Path) -> None:
    text = "def fit(histories, items):\n    return lambda history: [i.train_count for i in items]\n"
    fit, settings = load(tmp_path, text)
    assert settings == [{}]
    data = interactions([[1, 2], [2]], 3)
    assert fit(data, {}, 1).scores(np.array([0])).tolist() == [[0, 1, 2, 0]]
    assert len(load(tmp_path, FOLLOWS, trials=1)[1]) == 1


def scored(tmp_path: Path, text: str) -> np.ndarray:
    fit, settings = load(tmp_path, text)
    return fit(interactions([[1, 2]], 3), settings[0], 1).scores(np.array([0]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 / 0", "cannot be run (ZeroDivisionError"),
        ("fit = 3", "has no function fit(histories, items)"),
        ("SETTINGS = 3\ndef fit(histories, items): ...", "SETTINGS is no list of dictionaries"),
        ("def fit(histories, items): ...", "fit must return a function"),
        ("def fit(histories): ...", "fit failed (TypeError"),
        ("def fit(histories, items):\n    return lambda history: [1.0]", "for each of the 3 items"),
        ("def fit(histories, items):\n    return lambda history: [float('nan')] * 3", "finite"),
        ("def fit(histories, items):\n    return lambda history: history.nope", "a score failed"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(StudyError) as error:
        scored(tmp_path, text)
    assert told in str(error.value)
    assert "mine.py" in str(error.value)


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a Python file"):
        load_recommender(str(tmp_path / "mine.txt"), 1)

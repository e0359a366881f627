"""Attribution finds what was planted: an echo of places, popularity alone, the user's history."""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank import tables
from microrank.data.placebos import CHANGES, change_subset
from microrank.evaluation.attribution import Attribution, Changed, attribute_rankings
from microrank.evaluation.kendall import kendall_tau, rank_agreement
from microrank.llm.answer_counts import AnswerCounts
from microrank.rerank.scored import rankings_by_score

N, K, CUTOFF, SEED = 400, 10, 5, 3
N_ITEMS = 300
RANDOM = np.random.default_rng(1)
TOPICS = np.arange(N_ITEMS) % 20  # of items 0, 1, …
COUNTS = RANDOM.permutation(N_ITEMS) + 1
NOISE = RANDOM.random(N_ITEMS) / 2
ITEMS = pa.table(
    [
        list(range(N_ITEMS)),
        [str(item) for item in range(N_ITEMS)],
        [f"a title of topic {topic}" + " long" * (topic % 3) for topic in TOPICS],
        COUNTS,
    ],
    names=tables.ITEMS.names[:4],
)
RESPONSES = tables.RESPONSES.empty_table()
Model = Callable[[dict], list[float]]


def made_users(history_decides: bool, popularity_decides: bool) -> pa.Table:
    """Users with a topic; their held-out item is of it, or popular, or any."""
    rows = []
    for user in range(N):
        topic = int(RANDOM.integers(20))
        mine = np.flatnonzero(topic == TOPICS)
        others = RANDOM.choice(np.flatnonzero(topic != TOPICS), K, replace=False)
        candidates = others[:K].copy()
        if history_decides:
            candidates[0] = RANDOM.choice(mine[5:])
        truth = candidates[0]
        if popularity_decides:
            truth = candidates[np.argmax(COUNTS[candidates])]
        RANDOM.shuffle(candidates)
        rank = int(np.flatnonzero(candidates == truth)[0]) + 1
        rows.append((user, int(truth), rank, mine[:5].tolist(), candidates.tolist()))
    return pa.table(list(zip(*rows, strict=True)), names=tables.SUBSET.names).cast(tables.SUBSET)


def echo(user: dict) -> list[float]:
    return [-place for place in range(K)]


def popularity(user: dict) -> list[float]:
    return [float(COUNTS[item]) for item in user["candidates"]]


def history_reader(user: dict) -> list[float]:
    topics = {int(TOPICS[item]) for item in user["history"]}
    return [float(TOPICS[item] in topics) + NOISE[item] for item in user["candidates"]]


def ranked(model: Model, users: pa.Table) -> pa.Table:
    return rankings_by_score(users, np.array([model(user) for user in users.to_pylist()]).ravel())


def attributed(model: Model, users: pa.Table, changes: list[str]) -> Attribution:
    order = np.random.default_rng(9).permutation(N)
    changed = []
    for change in changes:
        seen = change_subset(users, change, order, SEED)
        changed.append(Changed("model", change, seen, ranked(model, seen), RESPONSES))
    return attribute_rankings(users, {"model": ranked(model, users)}, changed, ITEMS, cutoff=CUTOFF)


def p_values(found: Attribution) -> dict[str, float]:
    return {step.history: step.p_holm for step in found.steps}


def test_a_model_that_reads_the_history_gains_from_the_own_one_alone() -> None:
    found = attributed(history_reader, made_users(True, False), ["none", "another", "shuffled"])
    p = p_values(found)
    assert p["own"] < 1e-6
    assert p["none"] > 0.05
    assert p["another"] > 0.05
    assert p["shuffled"] == 1, "it does not look at the order"
    own = next(step for step in found.steps if step.history == "own")
    assert own.baseline == "another"
    assert own.delta > 0.2 * N


def test_a_model_that_knows_popularity_only_gains_without_any_history() -> None:
    found = attributed(popularity, made_users(False, True), ["none", "another", "shuffled"])
    p = p_values(found)
    assert p["none"] < 1e-6
    assert [p[name] for name in ("another", "own", "shuffled")] == [1, 1, 1]
    [explained] = found.explained
    assert explained.popularity == 1


def test_a_model_that_echoes_places_follows_the_held_out_item_wherever_it_is_shown() -> None:
    found = attributed(
        echo, made_users(True, False), ["none", "another", "first", "middle", "last"]
    )
    assert {row.place: row.hits for row in found.swept} == {"first": N, "middle": 0, "last": 0}
    assert {row.users for row in found.swept} == {N}
    assert all(step.p_holm > 0.05 for step in found.steps)
    assert found.explained[0].popularity == pytest.approx(0, abs=0.05)


def test_a_model_that_ignores_places_has_the_same_hits_at_each() -> None:
    found = attributed(history_reader, made_users(True, False), ["first", "middle", "last"])
    assert len({row.hits for row in found.swept}) == 1
    assert not found.steps


def test_the_first_step_that_was_asked_is_compared_with_a_shuffle() -> None:
    found = attributed(history_reader, made_users(True, False), ["another"])
    assert [(step.history, step.baseline) for step in found.steps] == [
        ("another", "shuffle"),
        ("own", "another"),
    ]
    assert found.steps[0].delta == found.steps[0].hits - N * CUTOFF / K


def test_an_attribution_is_the_same_after_json() -> None:
    found = attributed(echo, made_users(True, False), list(CHANGES))
    assert Attribution.from_json(json.loads(json.dumps(found.to_json()))) == found


@given(st.permutations(range(7)), st.permutations(range(7)))
def test_without_ties_the_agreement_is_kendalls_tau(one: list[int], other: list[int]) -> None:
    a, b = np.array([one]), np.array([other])
    assert rank_agreement(a, b) == pytest.approx(kendall_tau(a, b))


@given(st.permutations(range(6)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_ties_are_left_out_of_the_agreement(places: list[int], values: list[int]) -> None:
    pairs = [
        np.sign(places[j] - places[i]) * np.sign(values[j] - values[i])
        for i in range(6)
        for j in range(i)
        if values[i] != values[j]
    ]
    [found] = rank_agreement(np.array([places]), np.array([values]))
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_a_step_has_the_larger_share_of_unread_answers_and_echoes_of_itself_and_its_baseline():
    users = made_users(True, False)
    order = np.random.default_rng(9).permutation(N)
    read = {"none": AnswerCounts(answers=10, unread=6), "another": AnswerCounts(answers=10)}
    changed = [
        Changed("model", change, seen, ranked(echo, seen), RESPONSES, counts)
        for change, counts in read.items()
        for seen in [change_subset(users, change, order, SEED)]
    ]
    own = {"model": AnswerCounts(answers=10, order_shown=9)}
    found = attribute_rankings(
        users, {"model": ranked(echo, users)}, changed, ITEMS, cutoff=CUTOFF, counts=own
    )
    assert {step.history: (step.unread, step.order_shown) for step in found.steps} == {
        "none": (0.6, 0),
        "another": (0.6, 0),
        "own": (0, 0.9),
    }

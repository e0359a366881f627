"""Which users the explorer shows, and whose answers."""

from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from microrank.llm.prompts import load_prompt
from microrank.report.explorer import Exchange, Users, explorer_data, spread
from report.study import ROOT, SUBSET, N, items, methods, rankings, responses, study


@given(st.integers(1, 3000), st.integers(1, 500))
def test_the_users_shown_are_spread_from_the_first_to_the_last(n: int, wanted: int) -> None:
    places = spread(n, wanted)
    assert len(places) == min(n, wanted)
    assert places[0] == 0
    assert wanted == 1 or places[-1] == n - 1
    gaps = {after - before for before, after in pairwise(places)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def shown(n_users: int, **rerankers: dict) -> dict:
    exchange = Exchange(load_prompt(ROOT / "resources/prompts/study.yaml"), responses())
    exchanges = dict.fromkeys(("llama", "part-only"), exchange)
    users = Users(SUBSET, items(), rankings(), exchanges, n_users)
    return explorer_data(study(methods=methods(**rerankers)), users)


def test_every_user_is_there_where_there_are_few_and_else_their_number_is_told() -> None:
    assert [user["id"] for user in shown(100)["users"]] == [
        str(user) for user in SUBSET["user_id"].to_pylist()
    ]
    few = shown(3)
    assert [user["id"] for user in few["users"]] == ["10", "210", "400"]
    assert few["in_subset"] == 40


def test_each_users_lists_titles_and_answers_are_their_own() -> None:
    first, last = (shown(2)["users"][i] for i in (0, -1))
    for user, row in ((first, SUBSET.to_pylist()[0]), (last, SUBSET.to_pylist()[-1])):
        assert user["lists"]["recommender"] == [str(item) for item in row["candidates"]]
        assert user["lists"]["best"][0] == user["truth"] == str(row["ground_truth"])
        assert user["history"] == [str(item) for item in row["history"]]
        assert len(user["asked"]["llama"]) == 1
        assert user["asked"]["llama"][0]["messages"][-1]["content"]


def test_of_questions_in_turn_the_page_says_that_none_showed_all_candidates() -> None:
    exchange = Exchange(load_prompt(ROOT / "resources/prompts/first-token.yaml"), responses())
    column = responses().column_names.index("kind")
    in_turn = responses().set_column(column, "kind", pa.array(["top"] * N))
    exchanges = {"llama": exchange, "setwise": replace(exchange, responses=in_turn)}
    users = Users(SUBSET, items(), rankings(), exchanges, 1)
    [user] = explorer_data(study(), users)["users"]
    notes = {name: asked[0]["note"] for name, asked in user["asked"].items()}
    assert notes["llama"] == ""
    assert "was not asked itself" in notes["setwise"]


def test_a_fusion_leads_to_the_answers_of_its_parts_though_they_are_no_method_themselves() -> None:
    found = shown(
        1,
        mixed={"fusion": "reciprocal", "of": ["nfm", "best", "llama", "part-only"]},
        **{"part-only": {"llm": "llama", "prompt": "study"}},
    )
    asked = {method["name"]: method["asked"] for method in found["methods"]}
    assert asked["mixed"] == ["llama", "part-only"]
    assert asked["llama"] == ["llama"]
    assert asked["best"] == []
    assert set(found["users"][0]["asked"]) == {"llama", "part-only"}

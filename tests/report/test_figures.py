"""Figures: enough users at each point, true intervals, names that tell what is simulated."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.evaluation.diagnostics import Diagnostics, Positions
from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.ndcg import ndcg
from microrank.report.figures import flow, fusion, hits, positions, style
from microrank.report.figures.fusion import number_name, tuning_curve
from microrank.report.figures.positions import LEAST_USERS, position_bins, position_curve
from microrank.report.svg_panels import INK, PAPER, SVG, inline_panels
from microrank.rerank.fusion import fuse_rankings
from microrank.rerank.fusion_choice import CurvePoint, FusionChoice
from report.study import SUBSET, methods, rankings, study

ROOT = Path(__file__).parents[2]
CHOICE = (CurvePoint(0, 0.3, 0.1), CurvePoint(1, 0.4, 0.1))


def with_users(users: list[int]) -> Diagnostics:
    """Diagnostics of one method, with this many users at each position."""
    one = study().diagnostics
    method = replace(one.methods["best"], by_recommender_position=Positions(users, users))
    return replace(one, k=len(users), methods={"one": method})


@given(st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_points_of_a_position_curve_cover_all_positions_and_have_enough_users(
    users: list[int],
) -> None:
    bins = position_bins(with_users(users))
    assert [position for low, high in bins for position in range(low, high + 1)] == list(
        range(1, len(users) + 1)
    )
    held = [sum(users[low - 1 : high]) for low, high in bins]
    assert len(held) == 1 or min(held) >= LEAST_USERS


def test_with_many_users_every_position_is_a_point_and_with_few_they_are_pooled() -> None:
    assert position_bins(with_users([100] * 20)) == [
        (position, position) for position in range(1, 21)
    ]
    assert position_bins(with_users([20, 8, 9, 3, 2])) == [(1, 1), (2, 5)]
    assert position_bins(with_users([2, 3])) == [(1, 2)]


def test_a_point_has_wilsons_interval_of_its_own_users() -> None:
    (point,) = position_curve(Positions(users=[3, 17], hits=[1, 4]), [(1, 2)], 0.95)
    assert (point.hits, point.users, point.rate) == (5, 20, 0.25)
    assert (point.ci_low, point.ci_high) == wilson_interval(5, 20, 0.95)
    (nobody,) = position_curve(Positions(users=[0], hits=[0]), [(1, 1)], 0.95)
    assert nobody.rate is None
    assert (nobody.ci_low, nobody.ci_high) == (0, 1)


def test_a_fusions_curve_has_the_mean_over_the_tuning_users_and_its_interval() -> None:
    made = rankings()
    ours, theirs = SUBSET.slice(0, 10), SUBSET.slice(10)
    parts = [made["best"], made["chance"]]
    chosen = fuse_rankings("z-score", ours, parts, theirs, parts).choice
    number, mean, low, high = tuning_curve(chosen, 0.95)[0]
    assert number == 0, "the second alone"
    lists = {(row["user_id"], row["item_id"]): row["rank"] for row in made["chance"].to_pylist()}
    values = ndcg(
        np.array([lists[user["user_id"], user["ground_truth"]] for user in theirs.to_pylist()]), 10
    )
    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.95996 * values.std() / np.sqrt(30), rel=1e-4)


def test_a_part_that_is_the_recommender_goes_by_its_name() -> None:
    fused = FusionChoice("z-score", ("nfm", "bm25"), 0.5, 9, "ndcg@10", ())
    ours, theirs = study(), study(methods=methods(recommender="sasrec"))
    assert number_name(fused, ours) == "α, the weight of NFM"
    assert number_name(fused, theirs) == "α, the weight of sasrec"
    assert number_name(replace(fused, fusion="reciprocal"), ours) == "k"


def test_a_choice_names_its_parts_in_the_table_and_the_figure(tmp_path: Path, made) -> None:
    choice = FusionChoice("best", ("nfm", "simulated-study"), 1.0, 9, "ndcg@10", CHOICE)
    one = replace(study(), fusions={"mixed": choice})
    rows = fusion.numbers(one).rows
    assert [row[2] for row in rows] == ["nfm", "simulated-study"]
    assert [row[2] for row in rows if row[5] == "chosen"] == ["simulated-study"]
    assert "simulated-study" in made.figures(one, tmp_path)["fusion"].read_text()


@pytest.fixture(scope="module")
def drawn(made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    paths = made.figures(made.study(), tmp_path_factory.mktemp("figures"))
    return {name: path.read_text() for name, path in paths.items()}


@pytest.mark.parametrize("name", ["hits", "positions", "flow", "fusion"])
def test_a_simulated_fusion_says_so_in_every_figure(drawn: dict[str, str], name: str) -> None:
    assert ">mixed (simulated)</text>" in drawn[name]


def test_what_is_simulated_says_so_in_the_tables_behind_the_figures() -> None:
    one = study()
    for table in (figure.numbers(one) for figure in (positions, flow, fusion)):
        assert "mixed (simulated)" in {row[0] for row in table.rows}
        assert "mixed" not in {row[0] for row in table.rows}


def test_the_tables_behind_the_figures_count_every_user_once() -> None:
    one = study()
    moved = [row for row in flow.numbers(one).rows if row[0] == "best"]
    assert [row[1:] for row in moved] == [
        [name, "10", "0", "0", "0"] for name in ("1–5", "6–10", "11–15", "16–20")
    ]
    points = [row for row in positions.numbers(one).rows if row[:2] == ["best", "NFM"]]
    assert [row[2:6] for row in points] == [
        ["1–8", "16", "16", "1.00"],
        ["9–20", "24", "24", "1.00"],
    ]
    assert [row[2] for row in fusion.numbers(one).rows if row[5] == "chosen"] == ["0.5"]


@pytest.mark.parametrize(
    ("name", "panels"), [("hits", 2), ("positions", 5), ("flow", 5), ("training", 2), ("fusion", 1)]
)
def test_a_figure_is_cut_into_one_image_a_panel_each_with_what_it_refers_to(
    drawn: dict[str, str], name: str, panels: int
) -> None:
    cut = inline_panels(drawn[name], name)
    assert len(cut) == panels
    whole = "".join(cut)
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', whole))
    assert referred
    assert referred <= set(re.findall(r'\bid="([^"]+)"', whole))
    assert INK not in whole, "text has the page's colour"
    boxes = [tuple(map(float, re.findall(r'viewBox="([^"]+)"', one)[0].split())) for one in cut]
    assert len(set(boxes)) == len(boxes)
    width, height = (
        float(size) for size in ElementTree.fromstring(drawn[name]).get("viewBox", "").split()[2:]
    )
    assert all(x + w <= width + 0.01 and y + h <= height + 0.01 for x, y, w, h in boxes)
    texts = ElementTree.fromstring(drawn[name]).iter(f"{{{SVG}}}text")
    foot = 0 if name == "hits" else 1  # the caption takes its place
    assert sum(one.count("<text") for one in cut) == len(list(texts)) - foot


def light(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(
        np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        @ [0.2126, 0.7152, 0.0722]
    )


def test_every_colour_of_the_figures_stands_out_on_light_and_on_dark_paper() -> None:
    css = (ROOT / "workflow/report/page.css").read_text()
    papers = re.findall(r"--paper: (#[0-9a-f]{6})", css)
    assert len(papers) == 2
    assert papers[0] == PAPER
    for name, colour in {**style.COLOURS, **dict(enumerate(style.QUARTERS))}.items():
        for paper in (
            papers if colour != INK else papers[:1]
        ):  # the ink is the page's own in the dark
            bright, dim = sorted((light(colour), light(paper)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 3, f"{name} on {paper}"


def test_all_panels_of_hits_have_one_axis_from_none_to_all_users(drawn: dict[str, str]) -> None:
    for panel in inline_panels(drawn["hits"], "hits"):
        ticks = [int(text) for text in re.findall(r">(\d+)</text>", panel)]
        assert {0, 10, 20, 30, 40} <= set(ticks)
        assert "users with a hit" in panel
        assert "random shuffle, expected" in panel
        assert "95% of shuffles" in panel


def test_pooled_points_are_not_joined_by_lines_and_single_positions_are(made, tmp_path) -> None:
    def markers_of_lines(many: int) -> int:
        users = [many] * 20
        one = study()
        best = replace(
            one.diagnostics.methods["best"], by_recommender_position=Positions(users, users)
        )
        diagnostics = replace(one.diagnostics, methods={"best": best})
        positions.draw(replace(one, diagnostics=diagnostics), tmp_path / "positions.svg")
        text = (tmp_path / "positions.svg").read_text()
        return text.count("stroke-width: 1.1")

    assert markers_of_lines(many=100) == 1
    assert markers_of_lines(many=5) == 0


def test_captions_speak_only_of_what_the_figures_show() -> None:
    one = study()
    best = replace(
        one.diagnostics.methods["best"], by_recommender_position=Positions([100] * 20, [50] * 20)
    )
    many = replace(
        one,
        methods=methods(("best",)),
        diagnostics=replace(one.diagnostics, methods={"best": best}),
    )
    assert "pooled" in positions.caption(one)
    assert "Hollow" in positions.caption(one)
    assert "pooled" not in positions.caption(many)
    assert "Hollow" not in positions.caption(many)
    assert "Hollow: simulated" in hits.caption(one)
    assert "Hollow" not in hits.caption(many)

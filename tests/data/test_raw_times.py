"""Times in any usual unit come to the same microseconds."""

import datetime

import pyarrow as pa
import pytest
from microrank.data.raw_times import UNITS, date_in_us, read_times

MOMENT = 1500000000  # 2017-07-14 02:40:00 UTC


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ([f"{MOMENT}"], "s"),
        ([f"{MOMENT}.0"], "s"),
        ([f"{MOMENT}000"], "ms"),
        ([f"{MOMENT}000000"], "us"),
        ([f"{MOMENT}000000000"], "ns"),
        ([MOMENT], "s"),
        ([float(MOMENT)], "s"),
        ([MOMENT * 1000], "ms"),
        (["2017-07-14 02:40:00"], "date"),
        (["2017-07-14T02:40:00Z"], "date"),
        (["2017-07-14T04:40:00+02:00"], "date"),
        (["2017-07-14 02:40"], "date"),
        (["Fri Jul 14 02:40:00 +0000 2017"], "date"),
        ([datetime.datetime(2017, 7, 14, 2, 40)], "date"),
    ],
)
def test_every_form_of_a_moment_is_read(column: list, unit: str) -> None:
    times, units = read_times(pa.array(column))
    assert times.tolist() == [MOMENT * 10**6]
    assert [UNITS[place] for place in units] == [unit]


def test_small_numbers_say_an_order_and_parts_of_a_second_count() -> None:
    times, units = read_times(pa.array(["3", "1", "2.5"]))
    assert times.argsort().tolist() == [1, 2, 0]
    assert set(units) == {0}
    assert read_times(pa.array([f"{MOMENT}.001"]))[0].tolist() == [MOMENT * 10**6 + 1000]


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e30", "2017-13-01"])
def test_what_is_no_time_is_marked_and_spoils_no_other(text: str) -> None:
    times, units = read_times(pa.array([text, f"{MOMENT}"]))
    assert units.tolist() == [-1, UNITS.index("s")]
    assert times[1] == MOMENT * 10**6


def test_the_settings_unit_is_taken_for_numbers_of_any_size() -> None:
    assert read_times(pa.array(["5"]), "s")[0].tolist() == [5 * 10**6]
    assert read_times(pa.array([f"{MOMENT}"]), "ms")[0].tolist() == [MOMENT * 1000]


def test_a_gap_in_a_column_of_parquet_is_marked() -> None:
    assert read_times(pa.array([MOMENT, None]))[1].tolist() == [UNITS.index("s"), -1]
    assert read_times(pa.array([datetime.date(2017, 7, 14), None]))[1].tolist() == [5, -1]


def test_dates_of_the_split() -> None:
    assert date_in_us("1970-01-02") == 86400 * 10**6
    assert date_in_us("tomorrow") is None

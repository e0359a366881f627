"""The newest study's report, one folder above the study's own: its links lead into that folder."""

from microrank.report.copy_report import copy_page, copy_report


def test_pictures_and_metrics_of_a_copied_report_are_found_in_the_studys_folder() -> None:
    text = "# Title\n\n![Hits](figures/hits.svg)\n\nAll: [metrics.csv](metrics.csv).\n"
    copied = copy_report(f"{text}[report.html](report.html)\n", "short")
    assert "![Hits](short/figures/hits.svg)" in copied
    assert "[metrics.csv](short/metrics.csv)" in copied
    assert "[report.html](report.html)" in copied


def test_metrics_of_a_copied_page_are_found_in_the_studys_folder() -> None:
    page = '<a href="metrics.csv">metrics.csv</a> and &quot;href=&quot;metrics.csv&quot;'
    copied = copy_page(page, "short")
    assert copied.startswith('<a href="short/metrics.csv">metrics.csv</a>')
    assert copied.count("short/") == 1

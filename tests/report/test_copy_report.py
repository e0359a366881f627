"""The newest study's report, one folder above its own."""

from microrank.report.copy_report import copy_report


def test_pictures_of_the_copy_lie_in_the_studys_folder_and_all_else_is_the_same() -> None:
    text = "![Hits (of 20), figures/ too](figures/hits.svg)\nSee figures/ ![a](figures/b.svg)\n"
    copied = copy_report(f"{text}[report.html](report.html)\n", "short")
    assert copied == (
        "![Hits (of 20), figures/ too](short/figures/hits.svg)\n"
        "See figures/ ![a](figures/b.svg)\n[report.html](report.html)\n"
    )

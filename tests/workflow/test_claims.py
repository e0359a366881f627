"""Files of published figures: whose are found, and what is refused in one line."""

from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.report.claims import read_claims
from microrank.workflow.claims import FOLDER, check_claims, claim_files
from microrank.workflow.place import REPOSITORY
from microrank.workflow.studies import Studies

OWN = {
    "source": {"name": "mine", "title": "A paper", "read": "https://example.org/paper"},
    "results": [
        {
            "protocol": {
                "dataset": "sample",
                "recommender": "nfm",
                "users": "hits",
                "candidates": "top",
            },
            "n": 50,
            "numbers": [{"method": "theirs", "kind": "recommender", "Hits@5": 20}],
        }
    ],
}
SAMPLE = Studies({"dataset": "sample", "datasets": {"sample": {}}, "seed": 1, "repeats": 1})


def written(folder: Path, name: str, content: object = OWN) -> str:
    path = folder / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def laid_over(**changes: object) -> dict:
    """OWN with other values, each by its path: numbers_Hits is results[0].numbers[0]["Hits"]."""
    content = yaml.safe_load(yaml.safe_dump(OWN))
    places = {
        "source": content["source"],
        "result": content["results"][0],
        "protocol": content["results"][0]["protocol"],
        "numbers": content["results"][0]["numbers"][0],
    }
    for place, values in changes.items():
        places[place] |= values
    return content


def test_the_workflows_own_files_pass_and_say_where_each_was_read() -> None:
    files = sorted(str(path) for path in (REPOSITORY / FOLDER).glob("*.yaml"))
    check_claims(files)
    claims = read_claims(files)
    assert len({claim.source for claim in claims}) >= 5
    assert all(claim.read.startswith("https://github.com/") for claim in claims)


def test_files_of_the_working_directory_come_beside_and_before_the_workflows(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yaml", "other.yml", "study.yaml", "notes.txt"):
        written(tmp_path, name)
    found = claim_files(SAMPLE, files_here=True)
    assert {f"{FOLDER}/mine.yaml", f"{FOLDER}/other.yml", f"{FOLDER}/llmrank.yaml"} < set(found)
    assert found == sorted(set(found))
    assert not any(path.endswith(".txt") for path in found)
    assert f"{FOLDER}/mine.yaml" not in claim_files(SAMPLE, files_here=False)


def test_a_packed_study_has_its_own_files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    packed = {"origin": {"files": "bundle"}, "recommendations": "x"}
    study = Studies({**SAMPLE.config, "datasets": {"sample": packed}})
    assert f"{FOLDER}/study.yaml" in claim_files(study, files_here=True)
    (tmp_path / "bundle/claims").mkdir(parents=True)
    (tmp_path / "bundle/claims/mine.yaml").write_text(yaml.safe_dump(OWN))
    assert claim_files(study, files_here=True) == ["bundle/claims/mine.yaml"]


WRONG = [
    (laid_over(source={"year": 2024}), "unknown key 'source.year'"),
    (laid_over(source={"read": "http://a.b"}), "source.read: 'http://a.b' is not an https address"),
    (laid_over(source={"name": "a|b"}), "source.name: 'a|b' is not a few words on one line"),
    (laid_over(source={"name": "<img src=x>"}), "is not a few words on one line"),
    (laid_over(protocol={"users": "some"}), "protocol.users: 'some' is not one of"),
    (laid_over(protocol={"recipe": {"rate": "1e-4"}}), "'1e-4' is not a number with a point"),
    (laid_over(numbers={"Hit@5": 3}), "unknown key 'results.0.numbers.0.Hit@5'"),
    (laid_over(numbers={"HR@5": 31}), "HR@5: 31 is greater than the maximum of 1"),
    (laid_over(numbers={"Hits@5": 0.4}), "Hits@5: 0.4 is not of type 'integer'"),
    (laid_over(numbers={"HR@5": float("nan")}), "nan is not of type 'number'"),
    (laid_over(numbers={5: 3}), "every key must be a text"),
    (laid_over(result={"n": 0}), "n: 0 is less than the minimum of 1"),
    (["a list"], "top level: ['a list'] is not of type 'object'"),
    ("", "top level: None is not of type 'object'"),
    ("a: [", "not valid YAML"),
    ("a: 1\na: 2\n", "line 2: the key 'a' stands on line 1 already"),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(tmp_path, content, message) -> None:
    path = written(tmp_path, "mine.yaml", content)
    with pytest.raises(StudyError) as error:
        check_claims([path])
    assert message in str(error.value)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1300


def test_two_files_of_one_source_and_braces_in_a_name_are_refused(tmp_path) -> None:
    paths = [written(tmp_path, name) for name in ("a.yaml", "b.yaml")]
    with pytest.raises(StudyError, match=r"name: 'mine' is that of .*a\.yaml already"):
        check_claims(paths)
    with pytest.raises(StudyError, match="takes braces in a name for wildcards"):
        check_claims([written(tmp_path, "{a}.yaml")])

"""The report's sections, as blocks that markdown.py and html.py render."""

import yaml

from microrank.evaluation.recommender import ListQuality
from microrank.methods import LISTS, NFM
from microrank.report.all_users import over_all_users
from microrank.report.attribution import attribution_section
from microrank.report.blocks import Block, Listing, Paragraph, Section, Table, literal
from microrank.report.costs import answers_table
from microrank.report.data import data_notices, data_section
from microrank.report.figures import picture
from microrank.report.headline import caveats, headline
from microrank.report.memory import memory_section
from microrank.report.method_lines import methods_section
from microrank.report.noise import noise_section
from microrank.report.numbers import digits_of
from microrank.report.published import published_figures
from microrank.report.reasons import reasons
from microrank.report.results_tables import results
from microrank.report.sealed import seal_section
from microrank.report.seeds import over_seeds
from microrank.report.study import Study
from microrank.report.summary import summary_table

TITLE = "Can a language model improve the recommender's list?"
ADD_A_MODEL = """\
llms: {{mine: {{adapter: openai-chat, base_url: "http://localhost:8000/v1", model: its-name}}}}
rerankers: {{mine-numbered: {{llm: mine, prompt: numbered}}}}
methods: [{rows}smollm2-likelihood, mine-numbered]"""


def sections(study: Study) -> list[Section]:
    """Return the whole report."""
    return [
        Section("", _first_screen(study)),
        results(study),
        methods_section(study),
        *over_all_users(study),
        *over_seeds(study),
        Section("Beside the published figures", published_figures(study)),
        *data_section(study),
        _recommender(study),
        reasons(study),
        *attribution_section(study),
        *noise_section(study),
        *memory_section(study),
        *_answers(study),
        *seal_section(study),
        _provenance(study),
    ]


def _first_screen(study: Study) -> list[Block]:
    """Return the verdict, the numbers that it rests on, and what limits it."""
    return [
        Paragraph(headline(study)),
        summary_table(study),
        Paragraph(caveats(study)),
        *_how_to_ask(study),
        *_notices(study),
    ]


def _how_to_ask(study: Study) -> list[Block]:
    """Return three lines that add a language model, where no row rests on a real one."""
    methods = study.methods.shown
    if any(method.rests_on_llm and not method.is_simulated for method in methods):
        return []
    text = (
        "To ask a language model, add these three lines to your config file, say `mine.yaml`, and "
        "`--configfile mine.yaml` to the command. Where the file has one of the keys already, add "
        "the entries to it. `smollm2-likelihood` needs no server and no token: for it alone the "
        "third line does."
    )
    rows = ", ".join(method.name for method in methods if not method.is_simulated)
    return [Paragraph(text), Listing(ADD_A_MODEL.format(rows=f"{rows}, " if rows else ""))]


def _notices(study: Study) -> list[Block]:
    notices: list[Block] = []
    if study.settings["synthetic"]:
        text = (
            "**This is the synthetic sample.** Its users, items and titles are made up; its "
            "numbers show that the workflow runs, and say nothing about real recommenders."
        )
        notices.append(Paragraph(text, notice=True))
    notices += data_notices(study)
    if study.misfits:
        text = f"**Prompts of another subject:** {'; '.join(study.misfits)}."
        notices.append(Paragraph(text, notice=True))
    for name, asked in study.diagnostics.asked.items():
        if asked.prompts_cut:
            text = (
                f"**Prompts cut:** of {asked.prompts_cut:,} of {asked.subset.answers:,} prompts of "
                f"`{name}` the server counted far fewer tokens than they have. It probably cut "
                "them to its context length, without saying so. Give it a longer one (Ollama: "
                "OLLAMA_CONTEXT_LENGTH or `num_ctx`), set `revision` to ask again, or lower "
                "`subset.history_length`."
            )
            notices.append(Paragraph(text, notice=True))
    if simulated := study.of_kind("simulated llm", "simulated fusion"):
        text = (
            f"**Simulated:** {_names(simulated)} asked no model. A server of the workflow's own "
            "ranks by shared words and misbehaves."
        )
        if fusions := study.of_kind("simulated fusion"):
            text += f" ({_names(fusions)}: in a part of the fusion.)"
        notices.append(Paragraph(text, notice=True))
    return notices


def _names(methods: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in methods)


def _recommender(study: Study) -> Section:
    title = "The recommender"
    if study.nfm is None:
        text = "The lists came from elsewhere: no recommender was trained here."
        return Section(title, [Paragraph(text)])
    nfm, is_nfm = study.nfm, study.recommender == NFM
    metrics = list(nfm.all_users.values)
    rows = [
        [label, f"{quality.n_users:,}", *(_share(quality, name) for name in metrics)]
        for label, quality in (
            ("all users", nfm.all_users),
            ("item was trained on", nfm.trained_targets),
        )
    ]
    text = (
        f"{_who_made_the_lists(study, nfm.n_users)} "
        f"The held-out items of {nfm.share_never_trained:.1%} of users occur in nobody's "
        "training data, so that the hit rate of a model of ids alone cannot pass "
        f"{nfm.ceiling:.1%}."
    )
    table = Table(["users whose", "users", *metrics], rows)
    training = [picture("training", study)] if is_nfm else []
    return Section(title, [Paragraph(text), table, *training])


def _who_made_the_lists(study: Study, n_users: int) -> str:
    settings = study.settings.get("recommender_settings", {})
    own = settings.get(study.recommender.removesuffix(LISTS), {})
    if study.recommender == NFM or {"model", "file"} & set(own):
        name = "NFM" if study.recommender == NFM else f"`{study.recommender.removesuffix(LISTS)}`"
        return f"{name} ranks the whole catalogue for {n_users:,} users, seen items masked."
    if "union" in own:
        parts = ", ".join(f"`{part}`" for part in own["union"])
        return f"The lists of {n_users:,} users take those of {parts} in turn."
    return (
        f"The lists of {n_users:,} users are another recommender's, `{study.recommender}`, and "
        "were taken as they came."
    )


def _share(quality: ListQuality, name: str) -> str:
    return f"{quality.values[name]:.{digits_of(quality.n_users)}f}"


def _answers(study: Study) -> list[Section]:
    if not study.diagnostics.asked:
        return []
    titles = study.diagnostics.titles
    orders = Paragraph(
        f"{titles.like_instructions:,} of the {titles.shown:,} titles shown read like instructions "
        "to a model. They are shown as data, like all others, and whatever is answered ends as an "
        "order of the same candidates."
    )
    return [Section("What the language models answered", [answers_table(study), orders])]


def _provenance(study: Study) -> Section:
    commit = literal(study.commit) if study.commit else "unknown (not a git checkout)"
    checksums = {**study.counts["raw_files"], **study.files}
    files = [[literal(path), literal(checksum)] for path, checksum in checksums.items()]
    counts = [
        [name.replace("_", " "), f"{value:.5f}" if isinstance(value, float) else f"{value:,}"]
        for name, value in study.counts.items()
        if isinstance(value, int | float)
    ]
    versions = [[name, version] for name, version in study.versions.items()]
    settings = yaml.safe_dump(dict(study.settings), sort_keys=False, allow_unicode=True, width=120)
    return Section(
        "Provenance",
        [
            Paragraph(
                f"Dataset `{study.settings['dataset']}`. Workflow at commit {commit}"
                f"{f' of {study.repository}' if study.repository else ''}. Written on "
                f"{study.written} UTC on {study.machine}. All figures of the tables: "
                f"[metrics.csv]({study.metrics_path})."
            ),
            Table(["file", "checksum"], files, numbers=False),
            Table(["data", "count"], counts),
            Table(
                ["package", "version"],
                versions,
                "Of the environment that wrote this report.",
                numbers=False,
            ),
            Paragraph("Settings that shaped these results:"),
            Listing(settings.strip()),
        ],
    )

"""The documents: hostile text stays text, nothing is missing, nothing runs off the page, mistakes are one sentence."""

import json
import re
import shutil
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pypandoc
import pytest
import typst
import yaml
from pypdf import PdfReader

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.digest import ROOT
from scripts.report import rendering
from scripts.report.facts import Facts
from scripts.report.markdown import LONGEST_TITLE, cut, escape, fitted, quote, table
from scripts.report.pick_chains import chain_to_print, shown_steps
from scripts.report.render_report import assemble, metadata, with_data
from tests.made_up_results import CHAIN, CONFIG, HOSTILE, WILD, render, whole_results

HEADINGS = [
    "Findings", "Scores", "Comparisons", "Costs", "Selection", "Training", "Data hygiene", "Example answers",
    "Disputed answers", "Methods", "Threats to validity", "Provenance", "References", "Appendix A. Settings",
    "Appendix B. Every run", "Appendix C. Artefacts",
]  # fmt: skip
FIGURES = 11  # with subjects and with rates above 1%


def facts_of(results: Path) -> Facts:
    return Facts(results, results / "report/experiment.json", engine="an engine")


def working_folder(results: Path, folder: Path) -> dict[str, object]:
    """Put the working folder of a report together in `folder` and return its metadata."""
    facts = facts_of(results)
    values = metadata(facts)
    assemble(folder, facts, sorted((results / "report/figures").glob("*.svg")), values)
    return values


@pytest.fixture(scope="module")
def pdf(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which report.pdf was rendered, with the typst source it was made from."""
    folder = tmp_path_factory.mktemp("pdf")
    values = working_folder(results, folder)
    rendering.render(folder, "pdf", "pandoc", values)
    return folder


class Document(HTMLParser):
    """What an HTML document holds: elements with their attributes, headings, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.text = ""
        self._in_heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "h1":
            self._in_heading = True
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = self._in_heading and tag != "h1"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_heading:
            self.headings[-1] += data


@pytest.fixture(scope="module")
def html(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Document:
    return Document(render(results, tmp_path_factory.mktemp("html") / "report.html").read_text())


def plain(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


class TestEscaping:
    @pytest.mark.parametrize("target", ["html", "typst"])
    def test_hostile_text_is_text(self, target: str) -> None:
        """Read back what a writer made of escaped text: one paragraph with nothing but words."""
        written = pypandoc.convert_text(escape(HOSTILE), target, format="markdown", extra_args=["--wrap=none"])
        back = pypandoc.convert_text(written, "plain", format=target, extra_args=["--wrap=none"])
        # Typst sets three dots as an ellipsis.
        assert plain(back).replace("…", "...") == plain(HOSTILE)
        blocks = pypandoc.convert_text(escape(HOSTILE), "native", format="markdown")
        assert set(re.findall(r"\b[A-Z]\w+(?= )", re.sub(r'"(?:[^"\\]|\\.)*"', "", blocks))) <= {"Para", "Str"}

    def test_a_quotation_keeps_lines_and_indentation(self) -> None:
        written = pypandoc.convert_text(quote("one\n  two\n\nthree <b>"), "html", format="markdown")
        assert plain(written) == plain(
            "<blockquote> <p>one<br /> \u00a0\u00a0two</p> <p>three &lt;b&gt;</p> </blockquote>"
        )

    def test_long_words_may_break(self) -> None:
        assert max(map(len, escape("x" * 200).split("\u200b"))) <= 24

    def test_control_characters_are_dropped(self) -> None:
        assert escape("a\x00b\x1b[31m\u2028c") == "ab\\[31mc"

    def test_names_break_where_the_column_ends(self) -> None:
        """No piece is longer than its column has room for; a name that fits stays whole, and so do numbers and signs."""
        cell = fitted(escape("olympiadbench"), 8)
        assert cell.replace("\u00ad", "") == "olympiadbench" and max(map(len, cell.split("\u00ad"))) <= 8
        assert fitted(escape("gpqa_diamond"), 9) == "gpqa\\_\u200bdiamond"
        for whole in (
            "aime25",
            "123456789.0123",
            "@tbl-comparisons",
            "`#mark-better;`{=typst}",
            "[text](https://long.example)",
        ):
            assert fitted(whole, 8) == whole

    def test_cells_cannot_end_a_table(self) -> None:
        text = table(["A", "B"], [[escape("x | y"), escape("|---|")]], "lr", [1, 1], escape("a } caption"), "tbl-t")
        written = pypandoc.convert_text(text, "html", format="markdown")
        assert "x | y" in written and "|---|" in written and written.count("<td") == 2


class TestDocuments:
    def test_pdf_headings(self, pdf: Path) -> None:
        found = typst.query(str(pdf / "report.typ"), "heading.where(level: 1)", field="body", root=str(pdf))
        texts = re.findall(r'"text": ?"([^"]*)"', found)
        joined = " ".join(texts)
        assert [heading for heading in HEADINGS if heading not in joined and heading.split()[0] not in texts] == []
        assert found.count('"func"') >= len(HEADINGS)

    def test_html_headings(self, html: Document) -> None:
        assert [re.sub(r"^\d+\s*", "", plain(heading)) for heading in html.headings[1:]] == HEADINGS

    def test_pages(self, pdf: Path) -> None:
        pages = typst.compile(str(pdf / "report.typ"), root=str(pdf), format="svg")
        assert 10 <= len(pages) <= 24
        assert (pdf / "report.pdf").read_bytes().startswith(b"%PDF-")

    def test_figures_and_tables_are_all_there(self, pdf: Path, html: Document) -> None:
        source = (pdf / "report.typ").read_text()
        assert source.count("image(") == FIGURES
        labels = set(re.findall(r"<((?:fig|tbl)-[\w-]+)>", source))
        assert len(labels) == FIGURES + 25
        images = [attributes for tag, attributes in html.elements if tag == "img"]
        assert len(images) == FIGURES
        assert all(str(image["src"]).startswith("data:image/svg+xml") and image["alt"] for image in images)
        assert labels <= {attributes.get("id") for _, attributes in html.elements}

    def test_html_stands_alone_and_runs_nothing_of_the_data(self, html: Document) -> None:
        assert not [tag for tag, _ in html.elements if tag in ("iframe", "object", "embed")]
        scripts = [attributes for tag, attributes in html.elements if tag == "script"]
        assert scripts == [{}]  # our own, inline, which sorts the tables
        policy = [a["content"] for tag, a in html.elements if tag == "meta" and "http-equiv" in a]
        assert len(policy) == 1 and str(policy[0]).startswith("default-src 'none'; ")
        assert not [a for _, a in html.elements if any(name.startswith("on") for name in a)]
        outside = [a["src"] for tag, a in html.elements if "src" in a and not str(a["src"]).startswith("data:")]
        assert outside == []
        links = [str(a["href"]) for tag, a in html.elements if tag == "a" and "href" in a]
        assert [
            link
            for link in links
            if not link.startswith(("#", "https://", "data:text/csv;base64,", "../browse/index.html#"))
        ] == []
        assert [a for tag, a in html.elements if tag == "link" and not str(a["href"]).startswith("data:")] == []

    def test_hostile_answers_are_text(self, pdf: Path, html: Document) -> None:
        source = (pdf / "report.typ").read_text()
        assert "\\#read" in source and "\\#panic" in source
        assert not re.search(r"(?<!\\)#(read|panic)", source)
        for line in (
            '#read("/etc/passwd") <script>alert(1)</script>',
            "{{< include /etc/passwd >}} <label>",
            "= Heading",
        ):
            assert line in plain(html.text)
        assert "root:" not in html.text

    def test_wild_text_is_text(self, pdf: Path, html: Document) -> None:
        """Long words, other directions, emoji, controls and TeX, in the PDF as in the HTML."""
        for part in ("مرحبا بالعالم שלום 数学 🙂👩\u200d👧 ab[31m", "\\input{/etc/passwd} \\write18{ls}", "x" * 300):
            assert part in plain(html.text)
        # No font that every machine has holds emoji: their codes stand for them.
        parts = ("U+1F642", "[31m", "\\input{/etc/passwd}\\write18{ls}", "x" * 300, "<script>alert(1)</script>")
        text = ""
        for page in PdfReader(pdf / "report.pdf").pages:
            text += re.sub(r"[\s\u200b]", "", page.extract_text())
            if all(part in text for part in parts):
                break
        assert [part for part in parts if part not in text] == []
        assert "root:" not in text

    def test_a_title_is_plain_and_ends(self) -> None:
        assert cut("a\u202eb\nc  d\0") == "ab c d"
        assert cut("学" * 400) == "学" * (LONGEST_TITLE - 1) + "…"

    def test_a_direction_cannot_be_turned(self) -> None:
        """An override of the writing direction would turn the rest of a line round."""
        assert escape("a\u202eb\u2066c\u200fd") == "abcd"

    def test_the_pdf_has_a_contents(self, pdf: Path) -> None:
        def titles(outline: list) -> list[str]:
            return [plain(entry.title) for entry in outline if not isinstance(entry, list)]

        found = [re.sub(r"^[\d.]+\s*", "", title) for title in titles(PdfReader(pdf / "report.pdf").outline)]
        assert found == HEADINGS

    def test_nothing_is_left_of_the_markup(self, html: Document) -> None:
        """Outside the example answers and chains, which are full of it."""
        # Both headings stand in the table of contents first.
        whole = plain(html.text)
        text = whole.split("Example answers")[1] + whole.split("Threats to validity")[2]
        before, _, chains = text.partition("What is struck through was taken out.")
        text = before + chains.partition("Training by arm")[2]
        assert len(text) > 5000
        assert re.findall(r"\{\{<|\*\*|@tbl|@fig|\{#|\bnan\b|\bNone\b|\bNaN\b|\\", text) == []

    @pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs poppler's pdftotext")
    def test_nothing_runs_off_the_page(self, pdf: Path) -> None:
        boxes = subprocess.run(["pdftotext", "-bbox", pdf / "report.pdf", "-"], capture_output=True, text=True).stdout
        right = [float(x) for x in re.findall(r'xMax="([\d.]+)"', boxes)]
        assert len(right) > 2000
        assert max(right) < 595.3 - 56  # A4 with margins of 2.3 cm, less what punctuation may hang over

    def test_rendering_takes_provenance(self, results: Path, tmp_path: Path) -> None:
        render(results, tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf.provenance.json").is_file()

    def test_captions_are_numbered_as_quarto_numbers_them(self, html: Document) -> None:
        """'Figure 1.', by the delimiter that the document gives Quarto; in the PDF the template of both sets them."""
        front = yaml.safe_load((ROOT / "report/report.qmd").read_text().split("---\n")[1])
        text, end = plain(html.text), re.escape(front["crossref"]["title-delim"])
        for kind, number in (("Figure", FIGURES), ("Table", 25)):
            found = [int(place) for place in re.findall(rf"{kind} (\d+){end} [A-Z]", text)]
            assert sorted(set(found)) == list(range(1, number + 1))

    def test_figures_lead_to_the_answers_where_they_were_written(self, results: Path) -> None:
        facts, figure = facts_of(results), "![A.](figures/scores.svg){#fig-scores}"
        assert "Every answer" not in with_data(figure, facts)
        page = results / "browse/index.html"
        page.parent.mkdir()
        page.touch()
        found = with_data(figure, facts)
        shutil.rmtree(page.parent)
        assert found.count('<a href="../browse/index.html#">Every answer</a>') == 1


class TestChains:
    def test_removed_steps_are_struck_through(self, pdf: Path, html: Document) -> None:
        """Each of the three chains lost its fifth step, every line of it, and no other."""
        struck = [tag for tag, _ in html.elements if tag == "del"]
        lines = len([line for line in CHAIN[4].splitlines() if line.strip()])
        assert len(struck) == 3 * lines
        source = (pdf / "report.typ").read_text()
        assert source.count("#strike[") == 3 * lines
        assert "#strike[Wait, let me check" in source and "#strike[Alternatively" not in source

    def test_the_truth_is_told(self, html: Document) -> None:
        text = plain(html.text)
        assert re.search(r"PIR tells them from idle ones with an AUC of 0\.[89]\d\d, a step’s length alone", text)
        assert re.search(r"\(796 of 2,388 scored ones|\(800 of 2,400 scored ones", text)

    def test_a_long_chain_keeps_what_is_beside_the_removed_steps(self) -> None:
        assert shown_steps(24, [3]) == list(range(24))
        assert shown_steps(60, [10, 11, 40]) == [0, 9, 10, 11, 12, 39, 40, 41, 59]
        steps = pd.DataFrame({"id": "x", "step": range(60), "text": "t" * 600, "pattern": "verification", "pir": 0.1})
        chain = chain_to_print(steps, [10, 40], "q")
        assert sum(step["skipped"] + 1 for step in chain["printed"]) == 60
        assert [step["removed"] for step in chain["printed"]].count(True) == 2
        assert chain["printed"][0]["text"].endswith("[… 100 characters left out …]")


def test_a_sweep_in_the_report(tmp_path: Path) -> None:
    """Three ratios, names as data: rows of the table, one more panel of the figure, no trace without one."""
    settings = CONFIG | {
        "subsets": {"limopro": {"method": "limopro", "size": 300, "prune_ratio": [0.2, 0.5, 0.8], "band": [0.5, 0.9]}},
        "controls": [],
        "training": {"seeds": [1, 2]},
        "evaluation": CONFIG["evaluation"] | {"benchmarks": {"chains": {"demo": {"operations": 4}, "samples": 2}}},
    }
    results = whole_results(tmp_path / "demo", load_experiment(settings))
    document = Document(render(results, tmp_path / "report.html").read_text())
    text = plain(document.text)
    for name in ("limopro-p20", "limopro-p50", "limopro-p80"):
        assert name in text
    assert "Right: the score of the sweep’s subsets" in text
    assert "4,542,101 (88.3)" in text
    render(results, tmp_path / "report.pdf")


def test_one_seed_without_steps(tmp_path: Path) -> None:
    """A random subset, one seed, one sample: no PIR, no controls, McNemar's test, verdicts on these runs."""
    benchmark = {"demo": {"operations": 4}, "samples": 1}
    settings = CONFIG | {
        "title": HOSTILE.replace("\n", " "),
        "subsets": {"plain": {"method": "random", "size": 300}},
        "training": {"seeds": [1]},
        "evaluation": CONFIG["evaluation"] | {"benchmarks": {"chains": benchmark}},
        "report": {"published": str(tmp_path / "published.csv")},
    }
    (tmp_path / "published.csv").write_text(
        "source,model,run_by,benchmark,metric,n_questions,score,stderr\nREADME,base,member A,chains,pass@k,30,0.067,0.046\n"
    )
    results = whole_results(tmp_path / "demo", load_experiment(settings))
    document = Document(render(results, tmp_path / "report.html").read_text())
    render(results, tmp_path / "report.pdf")
    assert "McNemar’s exact test where each side is one run" in plain(document.text)
    assert "of these runs only" in document.text
    assert "No subset of this experiment is selected by the importance of steps" in plain(document.text)
    assert "6.7 ± 4.6" in document.text
    assert [tag for tag, _ in document.elements].count("script") == 1
    assert "The audit finds no fault in the published numbers" in plain(document.text)


def test_a_title_of_any_length_and_of_any_signs(results: Path, tmp_path: Path) -> None:
    """Emoji, which JSON writes as two codes that YAML refuses; ten thousand characters; authors with signs."""
    experiment = results / "report/experiment.json"
    known = experiment.read_text()
    try:
        title = (HOSTILE + WILD).replace("\0", "") * 12
        experiment.write_text(json.dumps(json.loads(known) | {"title": title, "authors": ["🙂 #x", "王小明"]}))
        for form in ("pdf", "html"):
            folder = tmp_path / form
            values = working_folder(results, folder)
            rendering.render(folder, form, "pandoc", values)
    finally:
        experiment.write_text(known)
    document = Document((tmp_path / "html/report.html").read_text())
    shown = plain(document.headings[0])
    assert shown.startswith(plain(HOSTILE)[:60]) and 200 < len(shown) <= LONGEST_TITLE and shown.endswith("…")
    assert "🙂 #x" in plain(document.text) and "王小明" in plain(document.text)
    assert (tmp_path / "pdf/report.pdf").read_bytes().startswith(b"%PDF-")


class TestMistakes:
    def test_a_reference_to_nothing(self, results: Path, tmp_path: Path) -> None:
        templates = tmp_path / "templates"
        shutil.copytree(ROOT / "report", templates)
        with (templates / "report.qmd").open("a") as stream:
            stream.write("\nSee @fig-nowhere.\n")
        with pytest.raises(UserError, match="'@fig-nowhere' refers to nothing"):
            render(results, tmp_path / "report.pdf", templates)
        assert not (tmp_path / "report.pdf").exists()

    def test_a_citation_of_nothing(self) -> None:
        with pytest.raises(UserError, match="'@nobody2020' refers to nothing"):
            rendering.check_references("As said [-@nobody2020].", "@misc{somebody2020,\n}")

    def test_escaped_text_is_no_reference(self) -> None:
        rendering.check_references(escape("mail@example.org @fig-x [@x]"), "")

    def test_an_unknown_metadata_key(self, tmp_path: Path) -> None:
        (tmp_path / "report.qmd").write_text("{{< meta alhpa >}}")
        with pytest.raises(UserError, match="no metadata key 'alhpa'"):
            rendering.expand(tmp_path, {"alpha": "0.05"})

    def test_published_numbers_without_a_column(self, tmp_path: Path) -> None:
        from scripts.compare.published.published import read_published

        (tmp_path / "p.csv").write_text("source,model\na,b\n")
        with pytest.raises(UserError, match="lacks the columns benchmark, score"):
            read_published(tmp_path / "p.csv")


class TestEngines:
    @pytest.fixture
    def quarto(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A stand-in for quarto on the PATH, which writes what it was called with where it was asked to write."""
        program = tmp_path / "bin" / "quarto"
        program.parent.mkdir()
        program.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo 1.10.0; else echo "$@" > "$6"; fi\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return program

    def test_auto_takes_quarto_where_it_is(self, quarto: Path, results: Path, tmp_path: Path) -> None:
        assert rendering.chosen_engine("auto") == "quarto"
        assert rendering.chosen_engine("pandoc") == "pandoc"
        assert rendering.engine_version("quarto") == "Quarto 1.10.0"
        folder = tmp_path / "work"
        values = working_folder(results, folder)
        document = rendering.render(folder, "pdf", "quarto", values)
        assert document.read_text() == "render report.qmd --to typst --output report.pdf\n"

    def test_without_quarto(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert rendering.chosen_engine("auto") == "pandoc"
        with pytest.raises(UserError, match="quarto is not on the PATH"):
            rendering.chosen_engine("quarto")

    def test_auto_does_without_a_quarto_that_fails(
        self, quarto: Path, results: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        quarto.write_text(
            '#!/bin/sh\nif [ "$1" = --version ]; then echo 1.10.0; else echo "no typst here" >&2; exit 3; fi\n'
        )
        document = render(results, tmp_path / "report.html", engine="auto")
        assert "Quarto failed, so pandoc and typst render the report: no typst here" in caplog.text
        assert "(Quarto failed)" in plain(Document(document.read_text()).text)
        assert json.loads(Path(f"{document}.provenance.json").read_text())["engine"] == "pandoc"
        with pytest.raises(RuntimeError, match="exit code 3"):
            render(results, tmp_path / "other.html", engine="quarto")

    def test_a_failing_engine_is_a_fault(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="failed with exit code 3"):
            rendering._run(["sh", "-c", "exit 3"], tmp_path)


def test_provenance_leaves_out_what_nothing_uses(results: Path) -> None:
    """A model that an earlier state of the experiment had is not listed, one that the answers come from is."""
    record = json.loads((results / "evaluate/base/chains.parquet.provenance.json").read_text())
    stale = results / "evaluate/gone-t1/chains.parquet.provenance.json"
    stale.parent.mkdir()
    stale.write_text(json.dumps(record | {"artefact": str(stale).removesuffix(".provenance.json")}))
    names = set(facts_of(results).provenance)
    shutil.rmtree(stale.parent)
    assert {"evaluate/base/chains.parquet", "data/raw.parquet", "compare/scores.csv"} <= names
    assert not [name for name in names if "gone" in name]

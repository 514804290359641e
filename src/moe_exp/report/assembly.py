"""The order of a report, and the files that it becomes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_exp import names
from moe_exp.comparison import Comparison
from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.document import Block, Bullets, Document, Heading, Section, number_sections, paragraph
from moe_exp.report.external_stars import external_blocks
from moe_exp.report.html import to_html
from moe_exp.report.latex import to_latex
from moe_exp.report.markdown import opening_to_markdown, to_markdown
from moe_exp.report.methods import design_blocks
from moe_exp.report.pictures import main_pictures, sweep_pictures
from moe_exp.report.published_claims import claim_blocks
from moe_exp.report.reproduction import parameter_blocks, reproduction_blocks, run_blocks
from moe_exp.report.result_tables import all_bins_table, bin_tables, difference_table, error_table, pooled_table
from moe_exp.report.robustness import robustness_blocks
from moe_exp.report.selection import Selection
from moe_exp.report.statements import statement_blocks
from moe_exp.report.verdict import hypothesis_blocks, verdict_box

FOR_PAPERS = ("Results", "What the answer hangs on")
"""Sections whose tables are written in LaTeX too."""


@dataclass(frozen=True)
class Report:
    """A report that can be written down."""

    document: Document

    @property
    def answer(self) -> str:
        """The opening, in Markdown."""
        return opening_to_markdown(self.document)

    @property
    def markdown(self) -> str:
        """The whole report in Markdown, whose figures are files beside it."""
        return to_markdown(self.document)

    def write(self, folder: Path) -> None:
        """Write ``report.html``, ``report.md``, ``figures/*.png`` and ``paper.tex``.

        Parameters
        ----------
        folder : Path
            Made if need be; files of these names are replaced.
        """
        figures = folder / names.FIGURES_FOLDER
        figures.mkdir(parents=True, exist_ok=True)
        for picture in self.document.pictures:
            (figures / f"{picture.name}.png").write_bytes(picture.png)
        (folder / names.REPORT_MARKDOWN_FILE).write_text(self.markdown, encoding="utf-8")
        self.write_alone(folder)

    def write_alone(self, folder: Path) -> None:
        """Write into a folder what needs no file beside it: ``report.html`` and ``paper.tex``."""
        (folder / names.REPORT_FILE).write_text(to_html(self.document), encoding="utf-8")
        latex = to_latex(self.document, text="Design", tables=FOR_PAPERS)
        (folder / names.REPORT_PAPER_FILE).write_text(latex, encoding="utf-8")


def make_document(comparison: Comparison, context: ReportContext) -> Document:
    """Put the report together; a section that has nothing to say is left out."""
    selection = Selection(comparison, context.noise_level)
    sections = {
        "Question": (paragraph(context.question.format(label=comparison.label.meaning)),) if context.question else (),
        "Design": design_blocks(selection, context),
        "Hypotheses": (*statement_blocks(context), *hypothesis_blocks(selection, context)),
        "Results": _result_blocks(selection, context),
        "Stars of other libraries": external_blocks(context, comparison.label),
        "Published claims": claim_blocks(selection, context),
        "Along the sweep": sweep_pictures(selection, context),
        "What the answer hangs on": robustness_blocks(selection),
        "Notes": _notes(comparison),
        "Runs and times": run_blocks(context),
        "How to reproduce": reproduction_blocks(context),
        "Parameters": parameter_blocks(context),
    }
    return Document(
        title=context.title,
        subtitle=_subtitle(context),
        opening=(verdict_box(selection, context), *(paragraph(note, kind="warning") for note in context.notes)),
        sections=number_sections(Section(title, tuple(blocks)) for title, blocks in sections.items()),
    )


def _subtitle(context: ReportContext) -> str:
    days = sorted({formats.day(run.started) for run in context.runs})
    made = f"made {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else "") if days else ""
    versions = formats.enumerate_words(found) if (found := context.tags(f"{names.TAGS_VERSION}moe_exp")) else ""
    parts = [f"moe_exp {versions}" if versions else "moe_exp"]
    parts += [f"{formats.counted(len(context.runs), 'run')} {made}"] if context.runs else []
    return " · ".join(parts)


def _result_blocks(selection: Selection, context: ReportContext) -> Iterator[Block]:
    """Yield tables and figures: all bins together, differences, single bins, weights."""
    pictures = {picture.name: picture for picture in main_pictures(selection, context)}
    yield pooled_table(selection)
    yield pictures.pop("r2_of_models")
    factors = list(dict.fromkeys(selection.comparison.pairs["factor"]))
    titles = {"gate": "Gate against gate", "n_train": "More training stars", "noise_level": "More noise"}
    for factor in factors:
        yield Heading(titles[factor])
        yield difference_table(selection, factor)
        if factor == "gate" and "delta_r2_distribution" in pictures:
            yield pictures.pop("delta_r2_distribution")
    yield Heading("Bins")
    yield from bin_tables(selection)
    yield from (pictures.pop(name) for name in ("delta_r2_per_bin",) if name in pictures)
    if any(key in selection.keys for key in ("design", "noise_level")):
        yield all_bins_table(selection)
    yield Heading("Errors, routing and weights")
    yield error_table(selection)
    yield from pictures.values()


def _notes(comparison: Comparison) -> tuple[Block, ...]:
    return (Bullets(tuple((note,) for note in comparison.notes)),) if comparison.notes else ()

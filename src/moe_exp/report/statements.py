"""What was claimed before the runs, and what after: a claim that follows its data tests nothing."""

from collections.abc import Iterator

from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.document import Block, Strong, paragraph


def statement_blocks(context: ReportContext) -> Iterator[Block]:
    """Yield a line that tells claims which every run named when it started from others; nothing without runs."""
    if not context.runs:
        return
    judged = [found.hypothesis for found in context.judgements]
    before = [f"{each.name} ({each.date})" for each in judged if each.name not in context.hypothesis_notes]
    after = [f"{each.name} ({each.date})" for each in judged if each.name in context.hypothesis_notes]
    parts = []
    if before:
        parts.append(f"Stated before the runs, word for word in each of them: {formats.enumerate_words(before)}.")
    if after:
        parts.append(f"Stated after some of them, changed, or not named by all: {formats.enumerate_words(after)}.")
    which = "All other differences" if parts else "Nothing was stated before the runs. All differences"
    parts.append(f"{which} were looked at because they are there; their verdicts are exploratory.")
    yield paragraph(Strong("Before and after. "), " ".join(parts))

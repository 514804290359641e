"""A comparison in, the report of a scientist out: one HTML page that stands alone, and the same in Markdown.

What is said is put together once, as a `Document` of plain blocks; `html` and `markdown` only decide how it looks.
"""

from moe_exp.report.assembly import Report, make_document
from moe_exp.report.context import ReportContext, Run, setting_of
from moe_exp.report.markdown import to_markdown

__all__ = ["Report", "ReportContext", "Run", "make_document", "setting_of", "to_markdown"]

"""Answers of the page: HTML for people, JSON for programs."""

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from moe_exp.figures import spectrum, to_image
from moe_exp.page.looking import MOST_STARS, Look
from moe_exp.prediction.layouts import STAR
from moe_exp.prediction.mixture import BIN, FLAG, REASON, VELOCITY, Mixture

DPI = 150
MOST_ROWS = 100
"""Stars in the table of a page; JSON holds all that were predicted."""

ENVIRONMENT = Environment(
    loader=PackageLoader("moe_exp.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def show_page(model: Mixture, name: str, *, most_bytes: int) -> str:
    """Return the page without a file."""
    low, high = model.fitted.wavelength[[0, -1]]
    place = f"{low:.0f} to {high:.0f} Å in {model.fitted.medium or 'a medium that nothing tells'}"
    return ENVIRONMENT.get_template("page.html.jinja").render(
        name=name, label=model.fitted.label.name, place=place, most_bytes=most_bytes
    )


def show_look(model: Mixture, look: Look, *, chosen: int) -> str:
    """Return what is shown of a file: the table of its stars, and the spectrum of the one that was chosen."""
    chosen = min(max(chosen, 0), len(look.table) - 1)
    rows = [_cells(model, row) for row in look.table[:MOST_ROWS].to_dict("records")]
    return ENVIRONMENT.get_template("look.html.jinja").render(
        rows=rows,
        chosen=chosen,
        star=str(look.table[STAR][chosen]),
        n_stars=len(look.table),
        most_stars=MOST_STARS,
        png=_draw(model, look, chosen),
    )


def to_json(look: Look) -> str:
    """Return the whole table, a list of objects; null where nothing is known."""
    return look.table.to_json(orient="records", double_precision=9)


def _cells(model: Mixture, row: Mapping[Any, Any]) -> dict[str, str]:
    """Return what is shown of a star, by column."""
    label, known = model.fitted.label, pd.notna(row[model.numbers[0]])
    value, error, low, high = (f"{row[name]:.2f}" for name in model.numbers)
    return {
        "star": str(row[STAR]),
        label.in_unit(label.name, "()"): f"{value} ± {error}" if known else "–",
        "95 % interval": f"{low} to {high}" if known else "–",
        "bin": str(row[BIN]) if known else "–",
        "velocity (km/s)": f"{row[VELOCITY]:.0f}" if pd.notna(row[VELOCITY]) else "–",
        "flag": str(row[FLAG]),
        "reason": str(row[REASON]),
    }


def _draw(model: Mixture, look: Look, chosen: int) -> str:
    """Return the spectrum of a star as a PNG in base64; nothing where no pixel of it is known."""
    fitted, flux = model.fitted, look.flux[chosen]
    if not np.isfinite(flux).any():
        return ""
    figure = spectrum(
        fitted.wavelength,
        flux,
        fitted.template,
        fitted.features.windows,
        medium=fitted.medium,
        windows_in=fitted.features.medium,
        title=f"star {look.table[STAR][chosen]}",
    )
    figure.set_dpi(DPI)
    file = BytesIO()
    to_image(figure).save(file, "png")
    return base64.b64encode(file.getvalue()).decode("ascii")

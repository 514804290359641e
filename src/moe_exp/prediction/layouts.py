"""Tables of predictions in FITS as surveys have them: DESI's RVTAB, or PFS's STPARAM."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from moe_exp.prediction.flags import Flag
from moe_exp.prediction.mixture import BIN, ENDINGS, FLAG, MASKED, REASON, VELOCITY, VELOCITY_ERROR
from moe_exp.spectra.label import Label

FILE, STAR = "file", "star"

RVTAB_NAMES = {BIN: "BIN", MASKED: "FRAC_MASKED", VELOCITY: "VRAD", VELOCITY_ERROR: "VRAD_ERR"}
"""Columns as RVTAB names them, where it has them, and in its manner where not."""

RVTAB_ENDINGS = ("", "_ERR", "_LOW95", "_HIGH95")
"""What `moe_exp.prediction.mixture.ENDINGS` become."""

METHOD = "moe_exp"

LINE_OF_SIGHT = "v_los"
"""What STPARAM calls the radial velocity."""


def as_rvtab(table: pd.DataFrame, label: Label) -> pd.DataFrame:
    """Return predictions of a label under the names of RVTAB, a row each: ``log_g_error`` becomes ``LOGG_ERR``."""
    name = label.option.replace("_", "").upper()
    numbers = {label.option + ours: name + theirs for ours, theirs in zip(ENDINGS, RVTAB_ENDINGS, strict=True)}
    known = RVTAB_NAMES | numbers | {FLAG: f"{name}_WARN", REASON: f"{name}_REASON"}
    return table.rename(columns=lambda column: known.get(column, str(column).upper().replace(" ", "_")))


def as_stparam(table: pd.DataFrame, label: Label) -> pd.DataFrame:
    """Return predictions of a label as STPARAM has them: a row for each star's velocity, then one for its label.

    The columns are STPARAM's after `file` and `star`, which a file of one object does not need. ``covarId`` numbers the
    parameters of a star; ``flag`` says that a value is not to be trusted, ``status`` which bits are set.
    """
    rows = pd.concat(
        [
            _parameter(table, LINE_OF_SIGHT, "km s-1", VELOCITY, VELOCITY_ERROR, Flag.VELOCITY | Flag.UNUSABLE),
            _parameter(table, label.option, label.unit, label.option, label.option + ENDINGS[1], ~Flag(0)),
        ],
        keys=range(2),
        names=["covarId", "row"],
    )
    rows.insert(5, "covarId", rows.index.get_level_values("covarId").astype(np.uint8))
    return rows.sort_index(level="row", kind="stable").reset_index(drop=True)


def _parameter(table: pd.DataFrame, name: str, unit: str, value: str, error: str, doubt: Flag) -> pd.DataFrame:
    """Return the rows of one parameter; `doubt` are the bits that speak against it."""
    bits = table[FLAG].to_numpy() & int(doubt)
    return pd.DataFrame(
        {
            FILE: table[FILE],
            STAR: table[STAR],
            "method": METHOD,
            "frame": "",
            "param": name,
            "unit": unit,
            "value": table[value].to_numpy(np.float32),
            "valueErr": table[error].to_numpy(np.float32),
            "flag": bits != 0,
            "status": [",".join(str(flag.name) for flag in Flag if each & flag) for each in bits.tolist()],
        }
    )


LAYOUTS: Mapping[str, Callable[[pd.DataFrame, Label], pd.DataFrame]] = {"rvtab": as_rvtab, "stparam": as_stparam}
"""By the name of the table that they are of."""

"""What commands print with --json: one document, whose keys docs/json.md explains."""

import json
import math
from collections.abc import Mapping
from typing import Any

import click
import numpy as np
import pandas as pd

SCHEMA = 1
"""Changes when a key gets another meaning, or goes; new keys may come at any time."""


def print_json(command: str, content: Mapping[str, Any]) -> None:
    """Print the answer of a command."""
    document = {"schema": f"moe-exp {command} {SCHEMA}"} | {name: to_plain(value) for name, value in content.items()}
    click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it: tables as lists of rows, what is unknown as null, what is infinite in words."""
    if isinstance(value, pd.DataFrame):
        return [to_plain(row) for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {str(name): to_plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "infinite"
    return None if value is pd.NA else value

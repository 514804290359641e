"""Credentials in addresses, such as a tracking server's: whatever a run keeps or says goes through `redact`."""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

HIDDEN = "***"

USER = re.compile(r"(?<=://)(?:[^\s/?#:@'\"]*:[^\s'\"]*|[^\s/?#:@'\"]+)@")
"""User and password before a host, up to the last @ of a word: a password may hold anything but a space or a quote."""

QUERY = re.compile(
    r"(?<=[?&])(?!viewStateShareKey=)([\w.-]*(?:password|passwd|passphrase|pwd|secret|token|key)[\w.-]*)=[^&\s'\"]+",
    re.IGNORECASE,
)
"""An option of an address that holds such a thing, as psycopg's ``?password=``; the key of MLflow's views is none."""


def redact(value: Any) -> Any:
    """Return text, or plain values that hold text, with stars in the place of credentials; anything else as it is."""
    if isinstance(value, str):
        return QUERY.sub(rf"\1={HIDDEN}", USER.sub(f"{HIDDEN}@", value)) if "://" in value else value
    if isinstance(value, Mapping):
        return {key: redact(each) for key, each in value.items()}
    return [redact(each) for each in value] if isinstance(value, list | tuple) else value


def hand_over(uri: str) -> tuple[str, dict[str, str]]:
    """Return a server's address without its credentials, and these as the environment variables that MLflow reads.

    MLflow repeats a server's address in whatever it says. Addresses of databases stay as they are.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return uri, {}
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    variables = {"MLFLOW_TRACKING_USERNAME": unquote(name), "MLFLOW_TRACKING_PASSWORD": unquote(password)}
    return parts._replace(netloc=host).geturl(), variables


class Redacting(logging.Filter):
    """Redacts what is logged; Hydra's job_logging puts it into every handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True

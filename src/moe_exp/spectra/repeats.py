"""Stars that come twice: copies are refused, and what may be visits of one star is said.

Statistics take stars as independent. A copy adds nothing, but four of each halve every interval; a star that trains and
tests is no test.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.spectra.dataset import STAR_ID, Stars

log = logging.getLogger(__name__)

ID_NAME = re.compile(r"(id|name)|(star|obj|object|source|target|gaia|gaiasource|tic|kic|epic|apogee|tmass)(id|name)")
"""Names, in small letters and without other signs, of columns that may say which star a row shows."""


def check_distinct(splits: Mapping[str, Stars], star_id: str | None) -> None:
    """Refuse splits that hold a star twice, within one or in two of them, be it in a copy of a file.

    Parameters
    ----------
    splits : mapping of option name to Stars
    star_id : str or None
        Column that says which star a row shows, if one does.

    Raises
    ------
    InputError
        Saying which splits, how many stars, and where first.
    """
    copies = [*_copies_within(splits), *_copies_across(splits)]
    if copies:
        raise InputError(
            Code.REPEATED_STARS,
            f"{'; '.join(copies)}: flux, error and labels are the same. Name files that do not overlap, and remove "
            f"repeated stars.",
        )
    shared = [*_stars_across(splits)] if star_id else []
    if shared:
        raise InputError(
            Code.VISITS_ACROSS_SPLITS,
            f"{'; '.join(shared)}, by data.star_id={star_id}. Keep the visits of a star in the files of one split.",
        )


def _copies_within(splits: Mapping[str, Stars]) -> Iterator[str]:
    for option, stars in splits.items():
        repeated = pd.Series(stars.checksums).duplicated().to_numpy()
        if repeated.any():
            first = stars.files.locate(stars.rows[np.argmax(repeated)])
            yield f"{repeated.sum()} star(s) of {option} are copies of others of them (first: {first})"


def _copies_across(splits: Mapping[str, Stars]) -> Iterator[str]:
    for (one, first), (other, second) in combinations(splits.items(), 2):
        shared = np.intersect1d(first.checksums, second.checksums)
        if len(shared):
            yield f"{len(shared)} star(s) of {one} are also among those of {other}"


def _stars_across(splits: Mapping[str, Stars]) -> Iterator[str]:
    for (one, first), (other, second) in combinations(splits.items(), 2):
        shared = np.intersect1d(first.star_ids.astype(str), second.star_ids.astype(str))
        if len(shared):
            yield f"{len(shared)} star(s) of {one} were also seen in {other} (first: {shared[0]})"


def warn_of_repeats(splits: Mapping[str, Stars], star_id: str | None) -> None:
    """Say where different stars have one id or the same three labels: they may be visits of one."""
    labels = pd.concat([stars.labels.assign(split=option) for option, stars in splits.items()], ignore_index=True)
    labels["star"] = labels[STAR_ID] if star_id else labels.index
    columns = [str(name) for name in labels if name != STAR_ID]
    named = [name for name in columns if ID_NAME.fullmatch(re.sub("[^a-z]", "", name.lower()))]
    for shared in (*([name] for name in named), ["teff", "logg", "m_h"]):
        stars = labels.drop_duplicates(["star", *shared])
        repeated = stars[stars.duplicated(shared, keep=False)]
        if len(repeated):
            across = repeated.drop_duplicates(["split", *shared]).duplicated(shared, keep=False).sum()
            log.warning(
                tagged(
                    Code.POSSIBLE_VISITS,
                    "%d of %d stars share %s with others%s. If these are visits of one star, name the column of its "
                    "ids as data.star_id: all then stay in one split and are resampled together.",
                ),
                *(len(repeated), labels["star"].nunique(), ", ".join(shared), ", also across splits" if across else ""),
            )

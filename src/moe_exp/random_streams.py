"""Independent random streams, one for each stage or star.

A stream is named, so that drawing more in one stage cannot move the numbers of another.
"""

import zlib

import numpy as np


def random_stream(seed: int, stage: str, index: int = 0) -> np.random.Generator:
    """Return the generator of one stage, or of one star within it.

    Parameters
    ----------
    seed : int
        `data.seed` for stars and their noise, `seed` for everything that is trained.
    stage : str
        Name of the stage, for example ``"noise"``; each name has a stream of its own.
    index : int, default 0
        Which star (or member) of the stage.
    """
    return np.random.default_rng([seed, zlib.crc32(stage.encode()), index])

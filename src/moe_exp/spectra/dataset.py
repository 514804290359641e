"""The stars of one experiment: three disjoint splits that hand out labels and noisy flux."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from moe_exp.spectra.files import STAR_INDEX
from moe_exp.spectra.label import LOG_G, Label
from moe_exp.spectra.medium import Medium
from moe_exp.spectra.noise import GAUSSIAN, Noise, add_noise, digest_noise
from moe_exp.spectra.preprocessing import NoPreprocessing, Preprocessing, Transform
from moe_exp.spectra.star_files import StarFiles
from moe_exp.spectra.star_ids import number_stars
from moe_exp.spectra.used_pixels import UsedPixels

BLOCK_STARS = 1024
STAR_ID = "star_id"
"""The label that says which star a row shows."""


@dataclass(frozen=True)
class Stars:
    """One split: labels of its stars, and their noisy flux on demand.

    Attributes
    ----------
    files : StarFiles
    handed_out : array of shape (n_stars,)
        Rows of `files`, a star's index, in the order in which the split got them.
    noise_stage : str
        Name of the noise stream.
    noise_level : float
    seed : int
        `data.seed`.
    flux_unit : float
        Flux is divided by this.
    used : UsedPixels
        Which pixels are used, and what fills the masked ones.
    noise : Noise
        What draws the noise.
    preprocessing : Preprocessing
        What is done to the noisy flux after that.
    label : Label
        What is predicted.
    n_left_out : int
        Stars that were handed out, but had too many pixels masked.
    medium : ``air``, ``vacuum`` or None
        What the wavelengths of the files are in; None if nothing tells it.
    """

    files: StarFiles
    handed_out: np.ndarray
    noise_stage: str
    noise_level: float
    seed: int
    flux_unit: float
    used: UsedPixels
    noise: Noise = GAUSSIAN
    preprocessing: Preprocessing = NoPreprocessing()
    label: Label = LOG_G
    n_left_out: int = 0
    medium: Medium | None = None

    def __len__(self) -> int:
        return len(self.handed_out)

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of `files` in the order in which they are read, increasing."""
        return np.sort(self.handed_out)

    def first(self, number: int) -> np.ndarray:
        """Return the positions of the first `number` stars handed out, which more stars would not move."""
        return np.sort(np.searchsorted(self.rows, self.handed_out[:number]))

    @property
    def labels(self) -> pd.DataFrame:
        """Labels, n_stars rows with `star_index` and `star_id` as the first columns."""
        labels = self.files.labels.iloc[self.rows].reset_index(drop=True).drop(columns=STAR_ID, errors="ignore")
        labels.insert(0, STAR_INDEX, self.rows)
        labels.insert(1, STAR_ID, self.star_ids)
        return labels

    @property
    def target(self) -> np.ndarray:
        """The label that is predicted, (n_stars,), in its unit."""
        return self.files.labels[self.label.column].to_numpy(float)[self.rows]

    @property
    def star_ids(self) -> np.ndarray:
        """Which star each row shows, (n_stars,)."""
        return self.files.star_ids[self.rows]

    @property
    def star(self) -> np.ndarray:
        """The same as numbers from 0, in the order in which stars first appear, (n_stars,)."""
        return number_stars(self.star_ids)

    @property
    def checksums(self) -> np.ndarray:
        """Digest of each star's flux, error and labels, (n_stars,) uint64."""
        return self.files.checksums[self.rows]

    @cached_property
    def n_filled(self) -> np.ndarray:
        """Masked pixels of each star that are filled, (n_stars,)."""
        return self.files.masks.count_pixels(self.rows, self.used.pixels)

    @property
    def digest(self) -> str:
        """Hash of which stars these are, which are visits of one, and what their spectra and labels hold."""
        content = self.checksums.tobytes() + self.rows.astype("<i8").tobytes() + self.star.astype("<i8").tobytes()
        content += b"" if self.label.always_there else self.target.astype("<f8").tobytes()
        return hashlib.sha256(content + self.files.grid.wavelength.tobytes()).hexdigest()[:32]

    @property
    def noise_draw(self) -> str:
        """Which random numbers are the noise of these stars; the same at every noise level."""
        digest = digest_noise(seed=self.seed, stage=self.noise_stage, star_index=self.rows, noise=self.noise)
        return f"data.seed={self.seed} {self.noise_stage} {digest}"

    @property
    def identity(self) -> dict[str, str | int | float]:
        """All that noisy flux and label depend on, but what draws the noise and preprocesses, as plain values."""
        return {
            "digest": self.digest,
            "noise": f"{self.noise_level:.17g} {self.seed} {self.noise_stage}",
            "flux_unit": self.flux_unit,
            "design": self.used.digest,
            "label": self.label.option,
        }

    def noisy_flux(self, members: np.ndarray) -> np.ndarray:
        """Return the noisy flux of some stars, (len(members), n_pixels) float32 in units of `flux_unit`, preprocessed.

        The noise is added to the flux as the files have it, and goes through the preprocessing with it.
        """
        return self.preprocess(self.observe(members) / np.float32(self.flux_unit))

    def observe(self, members: np.ndarray) -> np.ndarray:
        """Return flux as it would be observed, (len(members), n_pixels) float32: with noise, in the files' own unit.

        Parameters
        ----------
        members : array of int
            Positions within this split, increasing.
        """
        rows = self.rows[members]
        flux, error = self.files.read(rows)
        noisy = add_noise(
            flux,
            error,
            noise_level=self.noise_level,
            seed=self.seed,
            stage=self.noise_stage,
            star_index=rows,
            noise=self.noise,
        )
        return self.used.apply(noisy, self.files.masks.hold(rows))

    @cached_property
    def preprocess(self) -> Transform:
        """What is done to noisy flux in units of `flux_unit`, (n_stars, n_pixels)."""
        grid = self.files.grid
        return self.preprocessing.on_grid(grid.wavelength[self.used.pixels], self.medium)

    def blocks(self, members: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (positions, noisy flux) of the given stars, by default of all, a block at a time."""
        members = np.arange(len(self)) if members is None else members
        for start in range(0, len(members), BLOCK_STARS):
            block = members[start : start + BLOCK_STARS]
            yield block, self.noisy_flux(block)


@dataclass(frozen=True)
class Dataset:
    """The stars of one experiment.

    Attributes
    ----------
    name : str
        What the data set is called in a list of runs.
    source : str
        Where it was read.
    wavelength : array of shape (n_pixels,), Å
        Of the pixels that are used.
    n_left_out : int
        Pixels of the files that are not, as most training stars have them masked.
    medium_source : str
        What tells the medium.
    train, gate, test : Stars
        The experts' stars, the gate's own, and those that scores are computed on.
    """

    name: str
    source: str
    wavelength: np.ndarray
    n_left_out: int
    medium_source: str
    train: Stars
    gate: Stars
    test: Stars

    @property
    def medium(self) -> Medium | None:
        """What the wavelength is in, the same for all stars: ``air``, ``vacuum``, or None if nothing tells it."""
        return self.train.medium

    def observed(self, noise: Noise, preprocessing: Preprocessing) -> "Dataset":
        """Return the same stars with noise of this kind, whose noisy flux is preprocessed."""
        splits = (self.train, self.gate, self.test)
        train, gate, test = (replace(stars, noise=noise, preprocessing=preprocessing) for stars in splits)
        return replace(self, train=train, gate=gate, test=test)

    @property
    def digest(self) -> str:
        """Hash of all three splits."""
        return hashlib.sha256("".join(s.digest for s in (self.train, self.gate, self.test)).encode()).hexdigest()[:32]

"""What every model predicts for every test star, in the form that is scored, stored and compared later."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.label import LOG_G, Label

MODELS = ("soft", "hard", "oracle", "classify", "global_ridge")
"""The models every run scores: its gate with soft, hard and oracle routing, and its two references."""

ROUNDING = 1e-5
"""By how much the weights of one star may miss one in sum."""

STAR_COLUMNS = ("star_index", "star_id", "teff", "logg", "m_h", "bin_index")
KEPT_COLUMNS = ("mag", "snr")
"""Columns that are kept where they are known: magnitude, and signal to noise in a pixel."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """Predictions of the test stars by the run's gate and by its references, all from the same experts.

    Attributes
    ----------
    stars : DataFrame of n_stars rows
        star_index (which row of the files), star_id (which star; rows of one are resampled together), teff [K], logg
        [dex], m_h [dex] and bin_index (-1 outside every bin); `KEPT_COLUMNS`; the label that is predicted.
    bin_names : tuple of str
        Name of each bin, for example ``"Cool Metal-poor"``.
    gate : str
        Name of the run's gate.
    clip : bool
        Whether clipped predictions are those the run was configured for.
    clipped, unclipped : mappings of str to array of shape (n_stars,)
        The label with and without the experts' predictions limited to their training labels' range. ``"soft"``,
        ``"hard"`` and ``"oracle"`` are the run's gate; ``"classify"`` is the classify reference with soft routing;
        ``"global_ridge"`` is one Ridge, which also stands in for the others on uncovered stars.
    gate_weights, classify_weights : arrays of shape (n_stars, n_bins)
        Weights of the run's gate and of the classify reference.
    has_gate : bool
        False for predictions that were made elsewhere: there is ``"soft"`` alone, and weights have no columns.
    label : Label
        What is predicted.

    Raises
    ------
    InputError
        If a model is missing, a shape does not fit, or a prediction is not finite.
    """

    stars: pd.DataFrame
    bin_names: tuple[str, ...]
    gate: str
    clip: bool
    clipped: Mapping[str, np.ndarray]
    unclipped: Mapping[str, np.ndarray]
    gate_weights: np.ndarray
    classify_weights: np.ndarray
    has_gate: bool = True
    label: Label = LOG_G

    def __post_init__(self) -> None:
        missing = [name for name in (*STAR_COLUMNS, self.label.column) if name not in self.stars]
        missing += [name for name in self.own_models if name not in self.clipped or name not in self.unclipped]
        if missing or set(self.clipped) != set(self.unclipped):
            raise InputError(
                Code.PREDICTIONS_UNFIT, f"Predictions lack {', '.join(missing) or 'a clipped or unclipped variant'}."
            )
        for variant, values in (("clipped", self.clipped), ("unclipped", self.unclipped)):
            for model, predicted in values.items():
                _check(predicted, (len(self.stars),), f"{variant} predictions of {model}")
        weighed = ((self.gate_weights, self.gate), (self.classify_weights, "classify reference"))
        for weights, of in weighed if self.has_gate else ():
            _check(weights, (len(self.stars), len(self.bin_names)), f"gate weights of {of}")
            wrong = (weights < 0).any(axis=1) | (np.abs(weights.sum(axis=1) - 1) > ROUNDING)
            if wrong.any():
                raise InputError(
                    Code.PREDICTIONS_UNFIT,
                    f"gate weights of {of}: below 0, or their sum is not 1, for {wrong.sum()} of {len(wrong)} test "
                    f"stars (first: row {int(np.argmax(wrong))}).",
                )
        if not self.bin_index.max(initial=-1) < len(self.bin_names):
            raise InputError(
                Code.PREDICTIONS_UNFIT,
                f"bin_index reaches {self.bin_index.max()}, but there are {len(self.bin_names)} bins.",
            )

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def own_models(self) -> tuple[str, ...]:
        """Names of the models that every run has, or of the only one that was made elsewhere."""
        return MODELS if self.has_gate else ("soft",)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all models, this run's gate first."""
        return self.own_models + tuple(name for name in self.clipped if name not in MODELS)

    @property
    def y(self) -> np.ndarray:
        """The true label, (n_stars,), in its unit."""
        return self.stars[self.label.column].to_numpy(float)

    @property
    def star(self) -> np.ndarray:
        """Number of the star that each row shows, (n_stars,), from 0 in the order in which stars first appear."""
        return pd.factorize(self.stars["star_id"])[0]

    @property
    def bin_index(self) -> np.ndarray:
        """True bin, (n_stars,); -1 outside every bin."""
        return self.stars["bin_index"].to_numpy(int)

    @property
    def covered(self) -> np.ndarray:
        """Whether a star lies in a bin, (n_stars,); models are compared on these stars only."""
        return self.bin_index >= 0

    @property
    def configured(self) -> Mapping[str, np.ndarray]:
        """Predictions with clipping as configured."""
        return self.clipped if self.clip else self.unclipped

    def to_frame(self) -> pd.DataFrame:
        """Return one row per star; bin names, gate, clipping and label are in ``attrs``, which Parquet keeps."""
        frame = self.stars.reset_index(drop=True)
        columns = {"covered": self.covered, "prediction": self.configured["soft"]}
        for model in self.models:
            columns[f"{model}_clipped"] = self.clipped[model]
            columns[f"{model}_unclipped"] = self.unclipped[model]
        columns |= {f"weight_{index}": column for index, column in enumerate(self.gate_weights.T)}
        columns |= {f"classify_weight_{index}": column for index, column in enumerate(self.classify_weights.T)}
        frame = pd.concat([frame, pd.DataFrame(columns)], axis=1)
        frame.attrs = {"bin_names": list(self.bin_names), "gate": self.gate, "clip": self.clip}
        frame.attrs |= {} if self.has_gate else {"has_gate": False}
        frame.attrs["label"] = self.label.option
        return frame

    def write(self, path: Path) -> str:
        """Write all as Parquet and return the file's digest, without which `read` does not trust it."""
        self.to_frame().to_parquet(path)
        return digest_file(path)

    @classmethod
    def read(cls, path: Path, digest: str) -> "Predictions":
        """Return what was written.

        Raises
        ------
        InputError
            If the file is not the one that was written, or another version wrote it.
        """
        if digest_file(path) != digest:
            raise InputError(Code.PREDICTIONS_UNFIT, f"{path.name} was changed or is damaged.")
        return cls.from_frame(pd.read_parquet(path))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "Predictions":
        """Return what `to_frame` was called on.

        Raises
        ------
        InputError
            If the frame has lost its ``attrs`` or a column.
        """
        lost = [name for name in ("bin_names", "gate", "clip", "label") if name not in frame.attrs]
        if lost:
            raise InputError(
                Code.PREDICTIONS_UNFIT,
                f"The table of predictions has no {', '.join(lost)} in its attrs; read it from Parquet.",
            )
        models = [name.removesuffix("_unclipped") for name in map(str, frame.columns) if name.endswith("_unclipped")]
        has_gate = frame.attrs.get("has_gate", True)
        bins = range(len(frame.attrs["bin_names"]) if has_gate else 0)
        try:
            label = Label(frame.attrs["label"])
            kept = [name for name in (*KEPT_COLUMNS, label.column) if name in frame]
            stars = frame[[*dict.fromkeys((*STAR_COLUMNS, *kept))]].copy()
            stars.attrs = {}
            return cls(
                stars=stars,
                bin_names=tuple(frame.attrs["bin_names"]),
                gate=frame.attrs["gate"],
                clip=frame.attrs["clip"],
                clipped={model: frame[f"{model}_clipped"].to_numpy() for model in models},
                unclipped={model: frame[f"{model}_unclipped"].to_numpy() for model in models},
                gate_weights=frame[[f"weight_{index}" for index in bins]].to_numpy(),
                classify_weights=frame[[f"classify_weight_{index}" for index in bins]].to_numpy(),
                has_gate=has_gate,
                label=label,
            )
        except KeyError as error:
            raise InputError(Code.PREDICTIONS_UNFIT, f"The table of predictions lacks a column: {error}.") from error


def digest_file(path: Path) -> str:
    """Return a short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _check(values: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    if values.shape != shape:
        raise InputError(Code.PREDICTIONS_UNFIT, f"{what}: shape {values.shape}, but {shape} is needed.")
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        raise InputError(
            Code.PREDICTIONS_UNFIT,
            f"{what}: NaN or infinite for {bad.sum()} of {len(bad)} test stars (first: row {int(np.argmax(bad))}).",
        )

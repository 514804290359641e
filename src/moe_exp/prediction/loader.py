"""What MLflow calls to load a model: `mlflow.pyfunc.load_model` and `mlflow models serve` need no more."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.prediction.mixture import Mixture


class ServedMixture:
    """A mixture with the call that MLflow expects of a Python function.

    Parameters
    ----------
    mixture : Mixture
    """

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    def predict(self, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict log g of noisy flux (n_stars, n_pixels), as `Mixture.predict`; there are no parameters."""
        return self.mixture.predict(model_input)


def _load_pyfunc(path: str) -> ServedMixture:
    """Load a model from the folder of its data; MLflow knows the function by this name."""
    return ServedMixture(Mixture.load(Path(path)))

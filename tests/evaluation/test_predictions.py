from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from tests.evaluation.synthetic import make_predictions

PREDICTIONS = make_predictions(60)


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    read = Predictions.read(path, PREDICTIONS.write(path))
    assert (read.bin_names, read.gate, read.clip) == (PREDICTIONS.bin_names, "mlp", True)
    assert read.models == PREDICTIONS.models
    pd.testing.assert_frame_equal(read.stars, PREDICTIONS.stars)
    np.testing.assert_array_equal(read.gate_weights, PREDICTIONS.gate_weights)
    np.testing.assert_array_equal(read.classify_weights, PREDICTIONS.classify_weights)
    for model in read.models:
        np.testing.assert_array_equal(read.clipped[model], PREDICTIONS.clipped[model])
        np.testing.assert_array_equal(read.unclipped[model], PREDICTIONS.unclipped[model])


def test_a_file_that_is_not_what_was_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    digest = PREDICTIONS.write(path)
    pd.read_parquet(path).assign(classify_clipped=PREDICTIONS.y).to_parquet(path)
    with pytest.raises(InputError, match="predictions.parquet was changed or is damaged"):
        Predictions.read(path, digest)


def test_weights_that_mix_nothing_or_too_much_are_refused() -> None:
    weights = PREDICTIONS.gate_weights.copy()
    weights[[3, 8]] *= 2
    with pytest.raises(InputError, match=r"gate weights of mlp: below 0, or their sum is not 1, for 2 of 60 .*row 3"):
        replace(PREDICTIONS, gate_weights=weights)
    weights = PREDICTIONS.classify_weights.copy()
    weights[7, :2] += [-2, 2]
    with pytest.raises(InputError, match=r"gate weights of classify reference: .* for 1 of 60"):
        replace(PREDICTIONS, classify_weights=weights)


def test_frame_names_what_was_configured() -> None:
    frame = replace(PREDICTIONS, clip=False).to_frame()
    assert (frame["prediction"] == frame["soft_unclipped"]).all()
    assert (frame["covered"] == (frame["bin_index"] >= 0)).all()
    assert not (frame["soft_clipped"] == frame["soft_unclipped"]).all()


def test_frame_without_attrs_is_refused() -> None:
    frame = PREDICTIONS.to_frame()
    frame.attrs = {}
    with pytest.raises(InputError, match="no bin_names, gate, clip, label in its attrs"):
        Predictions.from_frame(frame)


def test_nan_in_any_prediction_is_refused() -> None:
    broken = PREDICTIONS.unclipped["hard"].copy()
    broken[[5, 9]] = np.nan
    with pytest.raises(InputError, match=r"unclipped predictions of hard: NaN or infinite for 2 of 60 .*first: row 5"):
        replace(PREDICTIONS, unclipped={**PREDICTIONS.unclipped, "hard": broken})


def test_wrong_shapes_missing_models_and_bins_are_refused() -> None:
    with pytest.raises(InputError, match=r"gate weights of mlp: shape \(60, 8\), but \(60, 9\) is needed"):
        replace(PREDICTIONS, gate_weights=PREDICTIONS.gate_weights[:, :8])
    with pytest.raises(InputError, match="Predictions lack oracle"):
        replace(PREDICTIONS, clipped={k: v for k, v in PREDICTIONS.clipped.items() if k != "oracle"})
    with pytest.raises(InputError, match="bin_index reaches 9, but there are 9 bins"):
        replace(PREDICTIONS, stars=PREDICTIONS.stars.assign(bin_index=9))


def test_a_further_model_is_kept_last() -> None:
    more = {"boosted": PREDICTIONS.y}
    further = replace(PREDICTIONS, clipped={**more, **PREDICTIONS.clipped}, unclipped={**more, **PREDICTIONS.unclipped})
    assert further.models == (*PREDICTIONS.models, "boosted")
    assert Predictions.from_frame(further.to_frame()).models == further.models

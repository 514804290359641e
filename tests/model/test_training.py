import itertools
import logging
import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from moe_exp.errors import InputError
from moe_exp.machine import one_torch_thread
from moe_exp.model.gates import GateStars, LinearGate, MlpGate, Training
from moe_exp.model.gates.epochs import _batch_edges, _split
from moe_exp.model.gates.softmax import bin_cross_entropy, mixed_squared_error
from tests.model.gate_stars import draw_stars


@pytest.fixture(autouse=True)
def one_thread():
    with one_torch_thread():
        yield


def as_tensors(stars, star=None):
    arrays = (values.astype(np.float32) for values in stars[:3])
    star = np.arange(len(stars.y)) if star is None else star
    return GateStars(*(torch.from_numpy(values) for values in (*arrays, stars.bin_index, star)))


@pytest.fixture(autouse=True)
def same_start():
    """Let networks start from the same weights in every run of a test: from some the last epoch is the best."""
    torch.manual_seed(0)


def test_losses_equal_their_definitions():
    stars = draw_stars(50)
    logits = np.random.default_rng(0).normal(size=(50, 9))
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tensors = as_tensors(stars)
    mixed = mixed_squared_error(torch.from_numpy(logits), tensors)
    assert float(mixed) == pytest.approx(stars.mixed_squared_error(weights), rel=1e-5)
    entropy = bin_cross_entropy(torch.from_numpy(logits), tensors)
    assert float(entropy) == pytest.approx(-np.mean(np.log(weights[np.arange(50), stars.bin_index])), rel=1e-6)


def test_the_best_weights_are_kept():
    stars = as_tensors(draw_stars(400))
    seen = []

    def loss(logits, batch):
        value = mixed_squared_error(logits, batch)
        if not torch.is_grad_enabled():
            seen.append(float(value))
        return value

    network = nn.Linear(13, 9)
    training = Training(learning_rate=1.0, max_epochs=25, n_lr_drops=0)
    record = training.train(network, loss, stars, np.random.default_rng(0))
    holdout = torch.from_numpy(np.random.default_rng(0).permutation(400)[:40])
    with torch.no_grad():
        kept = float(mixed_squared_error(network(stars.X[holdout]), stars.take(holdout)))
    assert kept == min(seen) < seen[-1]
    assert record.curve["holdout_loss"].tolist() == seen[1:]
    assert record.curve["epoch"].tolist() == list(range(1, len(record.curve) + 1))


def test_patience_and_drops_count_the_epochs_of_a_loss_that_cannot_fall():
    def flat_loss(logits, batch):
        return logits.sum() * 0 + 1.0

    training = Training(patience=7, n_lr_drops=2, max_epochs=1000)
    record = training.train(nn.Linear(13, 9), flat_loss, as_tensors(draw_stars(100)), np.random.default_rng(0))
    assert len(record.curve) == 7 * 3
    assert record.obstacle == "never improved on its start"


def train_linear(loss, **recipe):
    training = Training(**{"max_epochs": 60, "patience": 5} | recipe)
    return training.train(nn.Linear(13, 9), loss, as_tensors(draw_stars(300)), np.random.default_rng(0))


def test_a_loss_that_is_nan_throughout_ends_soon_and_has_not_converged():
    record = train_linear(lambda logits, batch: logits.sum() * float("nan"), n_lr_drops=3)
    assert len(record.curve) == 4  # one epoch a learning rate
    assert not record.converged
    assert record.obstacle == ("never improved on its start, its hold-out loss was NaN or infinite after 4 of 4 epochs")


def test_a_gate_that_never_leaves_its_start_has_not_converged(caplog):
    stars = draw_stars(300)
    gate = stars.fit(LinearGate(training=Training(learning_rate=1e4, patience=3, n_lr_drops=1)))
    assert not gate.converged_
    assert "LinearGate has not converged: never improved on its start" in caplog.text


def test_a_start_whose_loss_is_nan_is_left_for_the_first_finite_one():
    evaluations = itertools.count()

    def loss(logits, batch):
        value = mixed_squared_error(logits, batch)
        at_start = not torch.is_grad_enabled() and next(evaluations) == 0
        return value * float("nan") if at_start else value

    assert train_linear(loss, n_lr_drops=4, max_epochs=1000).converged


def test_a_last_learning_rate_that_diverges_is_no_convergence():
    epochs = itertools.count()

    def loss(logits, batch):
        value = mixed_squared_error(logits, batch)
        held_out = not torch.is_grad_enabled()
        return value * float("nan") if held_out and next(epochs) > 3 else value

    record = train_linear(loss, n_lr_drops=0)
    assert not record.converged
    assert record.obstacle == "its hold-out loss was NaN or infinite after 1 of 4 epochs"


def test_batches_train_the_network_and_the_hold_out_only_measures_it():
    network = nn.Sequential(nn.Linear(13, 9), nn.BatchNorm1d(9))
    modes = []

    def loss(logits, batch):
        modes.append((network.training, torch.is_grad_enabled()))
        return mixed_squared_error(logits, batch)

    training = Training(max_epochs=3, batch_size=90)
    training.train(network, loss, as_tensors(draw_stars(100)), np.random.default_rng(0))
    assert modes == [(False, False), *[(True, True), (False, False)] * 3]
    assert not network.training


@pytest.mark.parametrize(
    ("n_stars", "batch_size", "edges"),
    [(10, 4, [0, 4, 8, 10]), (9, 4, [0, 4, 9]), (1, 4, [0, 1]), (3, 1, [0, 1, 2, 3])],
)
def test_every_star_is_in_one_batch_and_none_is_alone(n_stars, batch_size, edges):
    assert _batch_edges(n_stars, batch_size) == edges


def test_max_epochs_stops_and_is_reported(caplog):
    stars = draw_stars(300)
    with caplog.at_level(logging.INFO):
        gate = stars.fit(LinearGate(training=Training(max_epochs=4)))
    assert (gate.n_epochs_, gate.converged_, len(gate.curve_)) == (4, False, 4)
    assert "LinearGate has not converged: stopped by training.max_epochs=4" in caplog.text


def test_convergence_is_reported(caplog):
    with caplog.at_level(logging.INFO):
        gate = draw_stars(300).fit(LinearGate())
    assert gate.converged_
    assert f"LinearGate converged after {gate.n_epochs_} epochs" in caplog.text


def test_a_step_length_that_diverges_leaves_finite_weights():
    stars = draw_stars(300)
    gate = stars.fit(MlpGate(training=Training(learning_rate=1e30, max_epochs=20, patience=3)))
    assert np.all(np.isfinite(gate.predict_weights(stars.X)))


def test_threads_are_given_back_even_after_an_error():
    torch.set_num_threads(2)
    n_threads = torch.get_num_threads()

    def fail():
        with one_torch_thread():
            assert torch.get_num_threads() == 1
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert torch.get_num_threads() == n_threads


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("lr_factor", 1.0),
        ("n_lr_drops", -1),
        ("batch_size", 0),
        ("max_epochs", 0),
        ("patience", 0),
        ("min_improvement", -0.1),
        ("holdout_fraction", 1.0),
    ],
)
def test_wrong_values_are_refused_by_name(option, value):
    with pytest.raises(InputError, match=re.escape(f"training.{option} is {value}; it must be")):
        Training(**{option: value}).check()


def test_too_few_stars_to_hold_some_out_are_refused():
    with pytest.raises(InputError, match=re.escape("holds out 0 of the gate's 4 covered stars")):
        draw_stars(4).fit(LinearGate())
    with pytest.raises(InputError, match="The gate's 40 covered spectra show one star only"):
        draw_stars(40).fit(LinearGate(), star=np.full(40, 7))


@pytest.mark.parametrize("seed", range(5))
def test_a_star_is_held_out_with_all_of_its_visits(seed):
    n_visits = np.random.default_rng(3).integers(1, 6, 130)
    star = np.repeat(np.arange(130), n_visits)[np.argsort(np.tile(np.arange(65), 9)[: n_visits.sum()], kind="stable")]
    stars = as_tensors(draw_stars(len(star)), pd.factorize(star)[0])
    holdout, fitted = _split(stars, round(0.1 * len(star)), np.random.default_rng(seed))
    assert not set(holdout.star.tolist()) & set(fitted.star.tolist())
    assert len(holdout.y) + len(fitted.y) == len(star)
    assert abs(len(holdout.y) - 0.1 * len(star)) <= 3
    assert set(torch.cat([holdout.y, fitted.y]).tolist()) == set(stars.y.tolist())

import copy
import logging
import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from moe_exp.errors import InputError
from moe_exp.model.gates import ClassifyGate, Gate, LinearGate, MlpClassifyGate, MlpGate, SoftmaxGate, Training
from tests.model.gate_stars import Stars, draw_stars

EAGER = Training(learning_rate=0.1, max_epochs=100)
SHORT = Training(max_epochs=30, patience=5, n_lr_drops=1)
PUBLISHED = Training(
    learning_rate=1e-3, n_lr_drops=0, batch_size=1024, max_epochs=100, patience=10, min_improvement=0.0
)


@dataclass
class NeighbourGate(Gate):
    """A user's gate without torch: the shares of the bins among the nearest gate stars."""

    n_neighbors: int = 30

    def fit_standardised(self, X, y, *, expert_predictions, bin_index, star, seed):
        self.model_ = KNeighborsClassifier(self.n_neighbors).fit(X, bin_index)

    def weigh_standardised(self, X):
        gate_weights = np.zeros((len(X), self.n_experts_))
        gate_weights[:, self.model_.classes_] = self.model_.predict_proba(X)
        return gate_weights


@dataclass
class DeepGate(SoftmaxGate):
    """A user's gate with a network of their own."""

    hidden: int = 16

    def network(self, n_features, n_experts):
        layers = (nn.Linear(n_features, self.hidden), nn.Tanh(), nn.Linear(self.hidden, self.hidden), nn.Tanh())
        return nn.Sequential(*layers, nn.Linear(self.hidden, n_experts))


@dataclass
class DropoutGate(SoftmaxGate):
    """A user's gate that draws random numbers as it trains."""

    def network(self, n_features, n_experts):
        return nn.Sequential(nn.Linear(n_features, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, n_experts))


@dataclass
class BatchNormGate(SoftmaxGate):
    """A user's gate whose layers keep means and scatters of the batches."""

    def network(self, n_features, n_experts):
        layers = (nn.Linear(n_features, 32), nn.BatchNorm1d(32), nn.ReLU())
        return nn.Sequential(*layers, nn.Linear(32, n_experts))


TORCH_GATES = [LinearGate, MlpGate, MlpClassifyGate, DeepGate, DropoutGate, BatchNormGate]


def check_gate(gate):
    """Put a gate through the whole contract."""
    stars, n_experts = draw_stars(700), 9
    before = copy.deepcopy(stars)
    torch_state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    params = {name: copy.deepcopy(value) for name, value in gate.get_params().items()}

    with pytest.raises(NotFittedError):
        gate.predict_weights(stars.X)
    assert stars.fit(gate) is gate
    gate_weights = gate.predict_weights(stars.X)

    assert gate_weights.shape == (700, n_experts)
    assert gate_weights.dtype == np.float64
    assert np.all(gate_weights >= 0)
    np.testing.assert_allclose(gate_weights.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(gate.predict_weights(stars.X[::-1])[::-1], gate_weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(gate.predict_weights(stars.X[:3]), gate_weights[:3], rtol=1e-9, atol=1e-12)

    for given, kept in zip(stars, before, strict=True):
        np.testing.assert_array_equal(given, kept)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.get_num_threads() == n_threads
    assert gate.get_params() == params

    copied = clone(gate)
    assert copied.get_params() == params
    assert not hasattr(copied, "n_experts_")
    np.testing.assert_array_equal(stars.fit(copied).predict_weights(stars.X), gate_weights)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(gate)).predict_weights(stars.X), gate_weights)

    scaled = stars._replace(X=stars.X * np.geomspace(1e-3, 1e3, 13) + 5)
    np.testing.assert_allclose(scaled.fit(clone(gate)).predict_weights(scaled.X), gate_weights, atol=0.02)
    constant = stars._replace(X=np.column_stack([stars.X, np.full(700, 3.0)]))
    assert np.all(np.isfinite(constant.fit(clone(gate)).predict_weights(constant.X)))

    assert list(gate.curve_.columns) == ["epoch", "train_loss", "holdout_loss"]
    assert isinstance(gate.converged_, bool)
    assert len(gate.curve_) in (0, gate.n_epochs_)
    for wrong in (stars._replace(bin_index=stars.bin_index - 1), stars._replace(bin_index=stars.bin_index + 1)):
        with pytest.raises(ValueError, match="gate stars have no expert"):
            wrong.fit(clone(gate))
    with pytest.raises(ValueError, match="one row for each star"):
        stars._replace(y=stars.y[1:]).fit(clone(gate))
    with pytest.raises(ValueError, match="X holds 1 NaN"):
        stars._replace(X=np.where(np.arange(700 * 13).reshape(700, 13) == 5, np.nan, stars.X)).fit(clone(gate))


@pytest.mark.parametrize("gate_class", [*TORCH_GATES, ClassifyGate, NeighbourGate])
def test_every_gate_keeps_the_contract(gate_class):
    check_gate(gate_class(training=SHORT))


@pytest.mark.parametrize("gate_class", TORCH_GATES)
def test_another_seed_gives_other_weights_in_a_torch_gate(gate_class):
    stars = draw_stars(500)
    first, second = (stars.fit(gate_class(training=SHORT), seed=seed).predict_weights(stars.X) for seed in (0, 1))
    assert np.abs(first - second).max() > 1e-4


def test_what_the_rest_of_the_program_draws_does_not_move_a_gate():
    stars = draw_stars(500)
    torch.manual_seed(1)
    first = stars.fit(DropoutGate(training=SHORT)).predict_weights(stars.X)
    torch.manual_seed(2)
    second = stars.fit(DropoutGate(training=SHORT)).predict_weights(stars.X)
    np.testing.assert_array_equal(first, second)


def test_a_last_star_alone_is_no_batch_of_its_own():
    stars = draw_stars(500)  # 450 to train on
    gate = stars.fit(BatchNormGate(training=Training(max_epochs=3, batch_size=449)))
    assert np.all(np.isfinite(gate.predict_weights(stars.X)))


@pytest.mark.parametrize("gate_class", [LinearGate, MlpGate])
def test_a_perfect_expert_gets_the_weight(gate_class):
    stars = draw_stars(1000)
    predictions = stars.y[:, None] + np.random.default_rng(1).normal(0, 1, size=(1000, 9))
    predictions[:, 4] = stars.y
    gate_weights = (
        stars._replace(expert_predictions=predictions).fit(gate_class(training=EAGER)).predict_weights(stars.X)
    )
    assert gate_weights[:, 4].mean() > 0.97
    assert np.mean(np.argmax(gate_weights, axis=1) == 4) > 0.999


@pytest.mark.parametrize("gate_class", [LinearGate, MlpGate])
def test_which_expert_is_perfect_may_depend_on_the_star(gate_class):
    stars = draw_stars(1000)
    first = stars.X[:, 0] > 0
    predictions = np.column_stack([stars.y + 1.0 * ~first, stars.y + 1.0 * first])
    gate = Stars(stars.X, stars.y, predictions, first * 1).fit(gate_class(training=EAGER))
    best = np.argmax(gate.predict_weights(stars.X), axis=1)
    assert np.mean(best == np.where(first, 0, 1)) > 0.98


@pytest.mark.parametrize("gate_class", [*TORCH_GATES, ClassifyGate])
def test_equal_experts_leave_the_prediction_unchanged(gate_class):
    stars = draw_stars(500)
    predictions = np.repeat(stars.y[:, None] + 0.3, 9, axis=1)
    gate_weights = (
        stars._replace(expert_predictions=predictions).fit(gate_class(training=SHORT)).predict_weights(stars.X)
    )
    np.testing.assert_allclose(np.sum(gate_weights * predictions, axis=1), stars.y + 0.3, rtol=1e-12)


@pytest.mark.parametrize("gate_class", [ClassifyGate, MlpClassifyGate])
def test_classifying_gates_tell_separable_bins_without_error(gate_class):
    rng = np.random.default_rng(0)
    bin_index = rng.integers(4, size=800)
    X = np.array([[4.0, 4.0], [4.0, -4.0], [-4.0, 4.0], [-4.0, -4.0]])[bin_index] + rng.uniform(-1, 1, size=(800, 2))
    gate = Stars(X, np.zeros(800), np.zeros((800, 4)), bin_index).fit(gate_class())
    assert np.all(np.argmax(gate.predict_weights(X), axis=1) == bin_index)


@pytest.mark.parametrize("gate_class", [ClassifyGate, MlpClassifyGate])
def test_classifying_gates_do_not_look_at_the_experts(gate_class):
    stars = draw_stars(500)
    other = stars._replace(expert_predictions=stars.expert_predictions[::-1], y=stars.y[::-1])
    weights = [data.fit(gate_class(training=SHORT)).predict_weights(stars.X) for data in (stars, other)]
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("gate_class", [LinearGate, MlpGate])
def test_mixing_gates_do_not_look_at_the_bins(gate_class):
    stars = draw_stars(500)
    other = stars._replace(bin_index=stars.bin_index[::-1])
    weights = [data.fit(gate_class(training=SHORT)).predict_weights(stars.X) for data in (stars, other)]
    np.testing.assert_array_equal(*weights)


def solve_linear_gate(stars):
    """Return the squared error that L-BFGS reaches for a linear gate on all stars, its gradient written by hand."""
    Z = np.column_stack([(stars.X - stars.X.mean(axis=0)) / stars.X.std(axis=0), np.ones(len(stars.y))])
    errors = stars.expert_predictions - stars.y[:, None]

    def loss(flat):
        weights = softmax(Z @ flat.reshape(Z.shape[1], 9), axis=1)
        mixed = np.sum(weights * errors, axis=1, keepdims=True)
        by_logit = 2 * mixed * weights * (errors - mixed) / len(Z)
        return np.mean(mixed**2), (Z.T @ by_logit).ravel()

    start = np.random.default_rng(0).normal(0, 0.2, size=9 * Z.shape[1])
    with threadpool_limits(1):
        return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 250, "maxfun": 400}).fun


@pytest.fixture(scope="module")
def many_stars():
    return draw_stars(10_000)


@pytest.fixture(scope="module")
def least_error(many_stars):
    return solve_linear_gate(many_stars)


def test_the_default_recipe_comes_close_to_what_l_bfgs_reaches(many_stars, least_error):
    # The gate does not fit its hold-out, and a hold-out of 1,000 stars tells no smaller differences apart.
    gate = many_stars.fit(LinearGate())
    assert gate.converged_
    assert many_stars.mixed_squared_error(gate.predict_weights(many_stars.X)) < 1.06 * least_error


def test_the_published_recipe_leaves_a_linear_gate_untrained(many_stars, least_error):
    gate = many_stars.fit(LinearGate(training=PUBLISHED))
    assert not gate.converged_
    assert many_stars.mixed_squared_error(gate.predict_weights(many_stars.X)) > 1.15 * least_error


def test_a_gate_that_mixes_beats_one_that_classifies_and_a_hidden_layer_beats_none():
    stars, others = draw_stars(3000), draw_stars(5000, seed=1)
    loss = {
        gate_class: others.mixed_squared_error(stars.fit(gate_class()).predict_weights(others.X))
        for gate_class in (ClassifyGate, LinearGate, MlpGate)
    }
    assert loss[MlpGate] < loss[LinearGate] < loss[ClassifyGate]


def test_a_bin_without_gate_stars_gets_no_weight():
    stars = draw_stars(500)
    kept = stars.bin_index != 6
    gate = Stars(*(values[kept] for values in stars)).fit(ClassifyGate())
    assert np.all(gate.predict_weights(stars.X)[:, 6] == 0)
    alone = stars.bin_index == 2
    gate = Stars(*(values[alone] for values in stars)).fit(ClassifyGate())
    assert np.all(gate.predict_weights(stars.X) == np.eye(9)[2])


def test_classify_says_when_it_is_stopped(caplog):
    with caplog.at_level(logging.WARNING):
        gate = draw_stars(500).fit(ClassifyGate(max_iter=3))
    assert not gate.converged_
    assert gate.n_epochs_ == 3
    assert "ClassifyGate has not converged with gate.max_iter=3: lbfgs failed to converge" in caplog.text


def test_the_training_recipe_does_not_touch_classify():
    stars = draw_stars(500)
    first, second = (stars.fit(ClassifyGate(training=training)) for training in (SHORT, PUBLISHED))
    np.testing.assert_array_equal(first.predict_weights(stars.X), second.predict_weights(stars.X))


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (MlpGate(hidden=0), "gate.hidden is 0"),
        (ClassifyGate(C=-1.0), "gate.C is -1.0"),
        (LinearGate(training=Training(batch_size=0)), "training.batch_size is 0"),
    ],
)
def test_wrong_options_are_refused_by_name(gate, message):
    with pytest.raises(InputError, match=re.escape(message)):
        gate.check()
    with pytest.raises(InputError, match=re.escape(message)):
        draw_stars(100).fit(gate)


@pytest.mark.parametrize("gate", [ClassifyGate(), LinearGate(), MlpGate(hidden=4), DeepGate(), DropoutGate()])
@pytest.mark.parametrize("n_bins", [9, 1])
def test_a_gate_is_made_again_of_what_it_learnt(gate, n_bins):
    stars = draw_stars(300)
    stars = stars._replace(bin_index=stars.bin_index % n_bins)
    fitted = stars.fit(gate.set_params(training=SHORT))
    learned = fitted.learned()
    assert {values.dtype.kind for values in learned.values()} <= set("biufU")
    before = torch.random.get_rng_state()
    again = clone(fitted)
    again.recall(learned)
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(again.predict_weights(stars.X), fitted.predict_weights(stars.X))
    assert (again.converged_, again.n_epochs_) == (fitted.converged_, fitted.n_epochs_)


def test_a_network_that_torch_computes_has_the_weights_that_were_trained():
    stars = draw_stars(300)
    fitted = stars.fit(DeepGate(training=SHORT))
    network = fitted.network(stars.X.shape[1], 9).double()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in fitted.weights_.items()})
    X = (stars.X - stars.X.mean(axis=0)) / stars.X.std(axis=0)
    with torch.no_grad():
        expected = network(torch.from_numpy(X)).softmax(dim=1).numpy()
    np.testing.assert_allclose(fitted.predict_weights(stars.X), expected, rtol=0, atol=1e-12)


def test_a_gate_that_learns_no_numbers_says_how_it_can_be_kept():
    fitted = draw_stars(300).fit(NeighbourGate())
    with pytest.raises(InputError, match="NeighbourGate learnt model_, neither numbers nor text"):
        fitted.learned()

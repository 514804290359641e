"""Networks of linear layers and ReLU, computed without torch."""

import numpy as np
import pytest
import torch
from torch import nn

from moe_exp.model.gates.layers import describe_layers, evaluate_layers

PLAIN = [
    (nn.Linear(5, 3), ("Linear",)),
    (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)), ("Linear", "ReLU", "Linear")),
    (nn.Sequential(nn.ReLU(), nn.Linear(5, 3)), ("ReLU", "Linear")),
]


class Doubled(nn.Linear):
    """A linear layer that is none."""

    def forward(self, values):
        return 2 * super().forward(values)


def hooked():
    layer = nn.Linear(5, 3)
    layer.register_forward_hook(lambda layer, values, found: 2 * found)
    return layer


@pytest.mark.parametrize(("network", "layers"), PLAIN)
def test_plain_networks_give_what_torch_gives(network, layers):
    network.to(torch.float64)
    X = np.random.default_rng(0).normal(size=(50, 5))
    assert describe_layers(network) == layers
    weights = {name: values.numpy() for name, values in network.state_dict().items()}
    with torch.no_grad():
        expected = network(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(evaluate_layers(layers, weights, X), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(5, 3), nn.Tanh()),
        nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.5)),
        nn.Sequential(nn.Sequential(nn.Linear(5, 3))),
        nn.Linear(5, 3, bias=False),
        Doubled(5, 3),
        nn.Sequential(Doubled(5, 3), nn.ReLU()),
        hooked(),
        nn.Sequential(hooked(), nn.ReLU()),
    ],
)
def test_any_other_network_is_left_to_torch(network):
    assert describe_layers(network) == ()

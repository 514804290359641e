"""Gates: from a star's features to a weight for each expert.

`Gate` is the contract, `SoftmaxGate` its torch half. A new gate is a dataclass derived from one of them and a YAML file
in conf/gate that names it.
"""

from moe_exp.model.gates.base import Gate
from moe_exp.model.gates.classify import ClassifyGate
from moe_exp.model.gates.softmax import LinearGate, MlpClassifyGate, MlpGate, SoftmaxGate
from moe_exp.model.gates.training import GateStars, Training

__all__ = [
    "ClassifyGate",
    "Gate",
    "GateStars",
    "LinearGate",
    "MlpClassifyGate",
    "MlpGate",
    "SoftmaxGate",
    "Training",
]

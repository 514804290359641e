"""Gates as users write them, outside the package."""

from dataclasses import dataclass

from moe_exp.model.gates import ClassifyGate


@dataclass
class OwnGate(ClassifyGate):
    """Nothing but a name of its own."""


@dataclass
class SecretiveGate(ClassifyGate):
    """Learns what no file of numbers holds."""

    def fit_standardised(self, X, y, **others):
        super().fit_standardised(X, y, **others)
        self.secret_ = {"of": object()}

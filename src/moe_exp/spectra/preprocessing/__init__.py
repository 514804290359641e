"""What is done to every spectrum before anything learns from it or predicts it: one choice, the group `preprocessing`.

Noise is added to the flux as it was observed, and the noisy spectrum is then preprocessed, as that of a real star has
to be. So errors need no way of their own through a continuum or a kernel: the noise goes it with the flux.
"""

from moe_exp.spectra.preprocessing.base import NativeWidth, NoPreprocessing, Preprocessing, Transform
from moe_exp.spectra.preprocessing.chain import ResolutionAndContinuum
from moe_exp.spectra.preprocessing.continuum import Continuum
from moe_exp.spectra.preprocessing.resolution import Resolution

__all__ = [
    "Continuum",
    "NativeWidth",
    "NoPreprocessing",
    "Preprocessing",
    "Resolution",
    "ResolutionAndContinuum",
    "Transform",
]

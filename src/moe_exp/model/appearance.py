"""What a spectrum looks like beside what is regressed from it: how noisy it is, and how unlike the training stars."""

import numpy as np

from moe_exp.model.features_base import Features

MEDIAN_TO_SIGMA = 1.482602
"""Standard deviation of Gaussian noise over its median absolute value."""

STEP = 3
"""Every how many pixels a difference is taken: enough of them for 5 % at 1,000 pixels, in a third of the time."""


def estimate_noise(flux: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the noise in a pixel over the mean absolute flux, (n_stars,).

    From the median of the absolute differences 2 f(i) - f(i-2) - f(i+2), in which what is smooth cancels (Stoehr et al.
    2008, ASP Conf. Ser. 394, 505); where neighbouring pixels are correlated it is too small for all alike.

    Parameters
    ----------
    flux : array of shape (n_stars, n_pixels)
        Finite, at least five pixels.
    """
    differences = 2 * flux[:, 2:-2:STEP] - flux[:, :-4:STEP] - flux[:, 4::STEP]
    sigma = MEDIAN_TO_SIGMA / np.sqrt(6) * np.median(np.abs(differences), axis=1)
    return (sigma / np.abs(flux).mean(axis=1)).astype(float)


def measure_misfit(flux: np.ndarray, features: Features, measured: np.ndarray) -> np.ndarray:
    """Return the root mean square of what the principal components leave of a spectrum, over its mean absolute flux.

    Parameters
    ----------
    flux : array of shape (n_stars, n_pixels)
    features : Features
        Fitted.
    measured : array of shape (n_stars, n_features)
        What they are of these stars; the last ones are the projections on the components.
    """
    projections = measured[:, measured.shape[1] - len(features.components_) :]
    squares = np.sum((flux - features.mean_.astype(flux.dtype)) ** 2, axis=1) - np.sum(projections**2, axis=1)
    return np.sqrt(np.maximum(squares, 0) / flux.shape[1]) / np.abs(flux).mean(axis=1)

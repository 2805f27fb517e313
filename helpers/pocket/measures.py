"""Measures of pictures without a network: how crisp, how far apart, how well a hole's filling meets what is around."""

from __future__ import annotations

import numpy as np


def sharpness(pictures: np.ndarray) -> float:
    """The mean absolute Laplacian of the luminance of pictures uint8 (N, S, S, 3), in 0…255 levels."""
    light = pictures.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    inner = light[:, 1:-1, 1:-1]
    around = light[:, :-2, 1:-1] + light[:, 2:, 1:-1] + light[:, 1:-1, :-2] + light[:, 1:-1, 2:]
    return float(np.abs(around - 4 * inner).mean())


def mean_distance(pictures: np.ndarray) -> float:
    """The mean over all pairs of pictures uint8 (N, H, W, 3) of their root mean square difference, in 0…255."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    pairs = [np.sqrt(np.mean((flat[i] - flat[j]) ** 2)) for i in range(len(flat)) for j in range(i)]
    return float(np.mean(pairs))


def seam(picture: np.ndarray, mask: np.ndarray) -> float:
    """The mean difference, in 0…255, of two neighbouring pixels of which the mask keeps one.

    picture: uint8 (H, W, 3); mask: (H, W), 1 keeps and 0 repaints, with some of both.
    """
    differences = []
    for axis in (0, 1):
        across = np.diff(mask.astype(int), axis=axis) != 0
        differences.append(np.abs(np.diff(picture.astype(float), axis=axis)).mean(axis=2)[across])
    return float(np.concatenate(differences).mean())


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between two sets of features (N, D), taken as Gaussians (1706.08500, formula 6)."""
    covariances = [np.cov(each, rowvar=False) for each in (a, b)]
    # the trace of the product's root, from its eigenvalues
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1])
    mean = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    return float(mean + sum(map(np.trace, covariances)) - 2 * np.sum(np.sqrt(np.maximum(eigenvalues.real, 0))))

"""A Gaussian process at prediction time: a small network, a Matern-5/2 kernel and a sparse posterior, in numpy.

Training happens elsewhere (`foretune.paper.deep_kernel`, gpytorch). It leaves a handful of arrays, from which a
prediction is three matrix products: `ask` needs no torch, and a thousand candidates take a few milliseconds.

Symbols (an array's shape is in brackets):

    X        (n, D) rows, phi(X) (n, d) their features: outputs of the network over the kernel's lengthscales
    y        (n,) targets
    Z        (m, d) inducing features, a sample of phi(X)
    k, s2    Matern kernel with outputscale s2; K_ZN = k(Z, phi(X))
    n2       noise variance
    c        constant mean
    w, F     (m,) and (m, m) the posterior given (X, y), see below

The posterior is that of Titsias (2009), "Variational learning of inducing variables":

    A       = K_ZZ + K_ZN K_NZ / n2
    mean(x) = c + k_xZ w,                           w     = A^-1 K_ZN (y - c) / n2
    var(x)  = s2 - k_xZ F F^T k_Zx + n2,            F F^T = K_ZZ^-1 - A^-1

It equals the exact posterior where Z holds all of phi(X). The noise is included: what is predicted are scores, not a
mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_JITTER = 1e-6
_CHUNK = 4096


@dataclass(frozen=True)
class Network:
    """phi: a perceptron with tanh units between layers and linear outputs.

    Attributes:
        weights: one (inputs, outputs) matrix a layer; the lengthscales have gone into the last.
        biases: one (outputs,) vector a layer.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __call__(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n d"]:
        """The features phi(rows)."""
        hidden = rows
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.tanh(hidden @ weight + bias)
        return hidden @ self.weights[-1] + self.biases[-1]


def matern(
    left: Float[np.ndarray, "n d"], right: Float[np.ndarray, "m d"], outputscale: float
) -> Float[np.ndarray, "n m"]:
    """s2 (1 + r + r^2 / 3) exp(-r) with r = sqrt(5) |left - right|."""
    squared = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
    r = np.sqrt(np.maximum(5.0 * squared, 0.0))
    return outputscale * (1.0 + r + r**2 / 3.0) * np.exp(-r)


@dataclass(frozen=True)
class SparsePosterior:
    """A Gaussian process conditioned on data.

    Attributes:
        inducing: (m, d) Z.
        mean_weights: (m,) w.
        explained: (m, m) F, in single precision, which halves its time and size.
        constant: c.
        outputscale: s2.
        noise: n2.
    """

    inducing: np.ndarray
    mean_weights: np.ndarray
    explained: np.ndarray
    constant: float
    outputscale: float
    noise: float

    def predict(self, features: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Mean and variance (noise included) of each row."""
        cross = matern(features, self.inducing, self.outputscale)  # k_xZ
        explained = ((cross.astype(np.float32) @ self.explained) ** 2).sum(1, dtype=np.float64)
        return self.constant + cross @ self.mean_weights, np.maximum(self.outputscale - explained, 0.0) + self.noise


def condition(
    features: Float[np.ndarray, "n d"],
    targets: Float[np.ndarray, " n"],
    inducing: Float[np.ndarray, "m d"],
    *,
    constant: float,
    outputscale: float,
    noise: float,
) -> SparsePosterior:
    """The posterior given (features, targets)."""
    gram, projected = np.zeros((len(inducing), len(inducing))), np.zeros(len(inducing))
    for start in range(0, len(features), _CHUNK):
        cross = matern(inducing, features[start : start + _CHUNK], outputscale)
        gram += cross @ cross.T  # K_ZN K_NZ
        projected += cross @ (targets[start : start + _CHUNK] - constant)  # K_ZN (y - c)
    prior = matern(inducing, inducing, outputscale)
    prior = prior + _JITTER * float(np.diag(prior).mean()) * np.eye(len(prior))
    # With L L^T = K_ZZ and B = I + L^-1 gram L^-T / n2: A^-1 = L^-T B^-1 L^-1, better conditioned than A itself.
    lower = np.linalg.cholesky(prior)
    whitened = np.linalg.solve(lower, np.linalg.solve(lower, gram / noise).T)
    # B = V (I + diag(values)) V^T, so that B^-1 and I - B^-1 are both diagonal between L^-T V and its transpose.
    values, vectors = np.linalg.eigh((whitened + whitened.T) / 2.0)
    values = np.maximum(values, 0.0)
    basis = np.linalg.solve(lower.T, vectors)
    weights = basis @ ((basis.T @ (projected / noise)) / (1.0 + values))
    explained = basis * np.sqrt(values / (1.0 + values))
    return SparsePosterior(inducing, weights, explained.astype(np.float32), constant, outputscale, noise)

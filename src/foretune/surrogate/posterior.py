"""The Gaussian process at prediction time: a small network, a Matern-5/2 kernel and a sparse posterior, in numpy.

Training happens elsewhere (`foretune.surrogate.deep_kernel`, gpytorch); what is learned there is a handful of arrays,
and predicting from them is three matrix products. So `ask` needs no torch, and a thousand candidates take a few
milliseconds.

Symbols: X (N, D) inputs, phi(X) (N, d) features, y (N,) targets, Z (M, d) inducing features, k the kernel with
outputscale s2, noise variance n2, constant mean c. The posterior is that of Titsias (2009) ("Variational learning of
inducing variables"):

    A = K_ZZ + K_ZN K_NZ / n2
    mean(x) = c + k_xZ A^-1 K_ZN (y - c) / n2
    var(x)  = s2 - k_xZ (K_ZZ^-1 - A^-1) k_Zx + n2

It equals the exact posterior where Z holds all of phi(X). The noise is included: what is predicted are scores, not a
mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

JITTER = 1e-6
_CHUNK = 4096


@dataclass(frozen=True)
class Network:
    """A perceptron with tanh units between layers and linear outputs, divided by the kernel's lengthscales.

    Attributes:
        weights: one (inputs, outputs) matrix a layer.
        biases: one (outputs,) vector a layer.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __call__(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n d"]:
        """The features phi(rows)."""
        hidden = rows
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < last:
                hidden = np.tanh(hidden)
        return hidden


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
        inducing: (M, d) features Z.
        mean_weights: (M,) A^-1 K_ZN (y - c) / n2.
        explained: (M, M) factor F with F F^T = K_ZZ^-1 - A^-1, in single precision, which halves its time and size.
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
        cross = matern(features, self.inducing, self.outputscale)
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
    gram = np.zeros((len(inducing), len(inducing)))
    projected = np.zeros(len(inducing))
    for start in range(0, len(features), _CHUNK):
        cross = matern(inducing, features[start : start + _CHUNK], outputscale)
        gram += cross @ cross.T
        projected += cross @ (targets[start : start + _CHUNK] - constant)
    weights, explained = condense(matern(inducing, inducing, outputscale), gram / noise, projected / noise)
    return SparsePosterior(inducing, weights, explained.astype(np.float32), constant, outputscale, noise)


def condense(
    prior: Float[np.ndarray, "m m"], gram: Float[np.ndarray, "m m"], projected: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m m"]]:
    """What data leave at inducing points, for any kernel and noise.

    Args:
        prior: K_ZZ.
        gram: K_ZN C^-1 K_NZ with the covariance C of the noise.
        projected: K_ZN C^-1 (y - c).

    Returns:
        A^-1 K_ZN C^-1 (y - c), and F with F F^T = K_ZZ^-1 - A^-1.
    """
    prior = prior + JITTER * float(np.diag(prior).mean()) * np.eye(len(prior))
    # With L L^T = K_ZZ and B = I + L^-1 gram L^-T: A^-1 = L^-T B^-1 L^-1, better conditioned than A itself.
    lower = np.linalg.cholesky(prior)
    whitened = np.linalg.solve(lower, np.linalg.solve(lower, gram).T)
    values, vectors = np.linalg.eigh((whitened + whitened.T) / 2.0)
    values = np.maximum(values, 0.0)
    basis = np.linalg.solve(lower.T, vectors)
    explained = basis * np.sqrt(values / (1.0 + values))
    return basis @ ((basis.T @ projected) / (1.0 + values)), explained

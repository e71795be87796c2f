from __future__ import annotations

import gpytorch
import numpy as np
import pytest
import torch

from foretune.paper.posterior import Network, condition, matern

NUMBERS = {"constant": 0.3, "outputscale": 1.7, "noise": 0.05}


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    targets = np.sin(features[:, 0]) + 0.2 * rng.standard_normal(60)
    return features, targets, rng.normal(size=(20, 3))


class ExactModel(gpytorch.models.ExactGP):
    def __init__(self, rows: torch.Tensor, targets: torch.Tensor, likelihood: gpytorch.likelihoods.GaussianLikelihood):
        super().__init__(rows, targets, likelihood)
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(nu=2.5))

    def forward(self, rows: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean_module(rows), self.covar_module(rows))


def gpytorch_prediction(features, targets, asked):
    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    model = ExactModel(torch.from_numpy(features), torch.from_numpy(targets), likelihood).double()
    model.mean_module.constant.data.fill_(NUMBERS["constant"])
    model.covar_module.outputscale = NUMBERS["outputscale"]
    model.covar_module.base_kernel.lengthscale = 1.0
    likelihood.noise = NUMBERS["noise"]
    model.eval()
    likelihood.eval()
    with torch.no_grad():
        prediction = likelihood(model(torch.from_numpy(asked)))
    return prediction.mean.numpy(), prediction.variance.numpy()


def test_with_all_points_inducing_it_is_the_exact_posterior_of_gpytorch(data):
    features, targets, asked = data
    mean, variance = condition(features, targets, features, **NUMBERS).predict(asked)
    expected_mean, expected_variance = gpytorch_prediction(features, targets, asked)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-4)
    np.testing.assert_allclose(variance, expected_variance, atol=1e-4)


def test_fewer_inducing_points_come_close_and_are_less_sure(data):
    features, targets, asked = data
    exact_mean, exact_variance = condition(features, targets, features, **NUMBERS).predict(asked)
    mean, variance = condition(features, targets, features[:40], **NUMBERS).predict(asked)
    assert np.abs(mean - exact_mean).mean() < 0.1
    assert variance.mean() > exact_variance.mean()


def test_far_from_all_data_the_prior_returns(data):
    features, targets, _ = data
    mean, variance = condition(features, targets, features[:30], **NUMBERS).predict(np.full((1, 3), 100.0))
    assert mean[0] == pytest.approx(0.3)
    assert variance[0] == pytest.approx(1.75)


def test_matern_of_a_point_with_itself_is_the_outputscale():
    points = np.random.default_rng(1).normal(size=(4, 2))
    np.testing.assert_allclose(np.diag(matern(points, points, 1.7)), 1.7, atol=1e-6)


def test_network_applies_tanh_between_layers_only():
    network = Network((np.array([[2.0]]), np.array([[3.0]])), (np.array([0.5]), np.array([-1.0])))
    np.testing.assert_allclose(network(np.array([[1.0]])), [[3.0 * np.tanh(2.5) - 1.0]])

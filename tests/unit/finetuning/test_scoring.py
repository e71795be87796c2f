"""Scoring a finetuned model changes nothing of it, and says what plain PEFT says of the saved adapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    OPTConfig,
    PhiConfig,
    PretrainedConfig,
    Qwen2Config,
)

from foretune.finetuning import fast_layers
from foretune.finetuning.adapters import Adapted, adapt, save_adapter
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.fast_layers import use_fast_layers
from foretune.finetuning.model import load_model
from foretune.finetuning.train import finetune
from foretune.types import Status, Trial

SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
WITH_BIASES: dict[str, PretrainedConfig] = {
    "gpt2": GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_inner=64, n_positions=64),
    "opt": OPTConfig(**SMALL, ffn_dim=64, word_embed_proj_dim=32, max_position_embeddings=64),
    "gpt-neox": GPTNeoXConfig(**SMALL, intermediate_size=64),
    "qwen2": Qwen2Config(**SMALL, intermediate_size=64, num_key_value_heads=2),
    "phi": PhiConfig(**SMALL, intermediate_size=64),
}
METHODS = ("lora", "rslora", "dora", "pissa", "loraplus", "ia3")

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module", params=list(WITH_BIASES))
def biased(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose biases are not zero."""
    folder = tmp_path_factory.mktemp(request.param)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(WITH_BIASES[request.param])
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.3 if name.endswith("bias") else 0.1)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: request.param)
    return request.param


def trained(folder: Path, configuration) -> Adapted:
    """An adapter as after some steps."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        adapted = adapt(load_model(folder), configuration, name=str(folder))
        with torch.no_grad():
            for parameter in adapted.trained.values():
                parameter.add_(0.1 * torch.randn_like(parameter))
    use_fast_layers(adapted.model)
    return adapted


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_those_of_plain_peft_and_leave_every_tensor_as_it_was(
    biased, instructions, method, tiny_data, configuration, tmp_path
) -> None:
    adapted = trained(biased, configuration(method))
    before = {name: tensor.clone() for name, tensor in adapted.model.state_dict().items()}
    reported = evaluate(adapted.model, tiny_data.train)
    assert evaluate(adapted.model, tiny_data.train) == reported
    assert all(torch.equal(tensor, before[name]) for name, tensor in adapted.model.state_dict().items())
    save_adapter(adapted, tmp_path)
    untouched = load_model(biased)
    base = evaluate(untouched, tiny_data.train)
    plain = evaluate(PeftModel.from_pretrained(untouched, str(tmp_path)).eval(), tiny_data.train)
    assert abs(plain.nll - base.nll) > 4e-3  # the adapter does something
    assert reported.nll == pytest.approx(plain.nll, abs=2e-3)


def test_inputs_of_the_last_layer_are_scaled_and_outputs_of_the_others(biased, configuration) -> None:
    sizes = {tuple(p.shape) for p in trained(biased, configuration("ia3", target_modules="mlp")).trained.values()}
    assert (1, 64) in sizes  # a feed-forward module, whose bias is not scaled
    assert (64, 1) in sizes


def test_a_run_of_ia3_on_biases_resumes_bit_for_bit(biased, instructions, tiny_data, configuration, tmp_path) -> None:
    chosen, data = configuration("ia3", learning_rate=0.1), replace(tiny_data, test=tiny_data.validation)
    whole = finetune(Trial(0, chosen, 3), data, str(biased), tmp_path / "whole")
    assert whole.status is Status.OK, whole.message
    finetune(Trial(0, chosen, 1), data, str(biased), tmp_path / "parts")
    resumed = finetune(Trial(0, chosen, 3, 1), data, str(biased), tmp_path / "parts")
    assert resumed.curve.scores.tolist() == whole.curve.scores.tolist()
    assert whole.curve.scores[2] != whole.curve.scores[0]

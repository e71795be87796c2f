import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from tiny_architectures import tiny_config
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

from foretune.finetuning.adapters import LORA_METHODS, adapt, save_adapter
from foretune.finetuning.average import SUMMED, sum_adapters
from foretune.finetuning.base import fresh_model
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_model
from foretune.finetuning.weights_file import WEIGHTS, header, in_four_bits

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

IDS = torch.arange(5, 25)[None]


@pytest.fixture
def saved(configuration, tmp_path):
    """Saves an adapter that was moved away from its beginning, as training does."""

    def save(model, method, *, seed=0, **changes):
        folder = tmp_path / f"{method}-{seed}"
        folder.mkdir()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            base = fresh_model(model, device="cpu", dtype=torch.float32)
            adapted = adapt(base, configuration(method, **changes), name=str(model))
            with torch.no_grad():
                for parameter in adapted.trained.values():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        save_adapter(adapted, folder)
        return folder

    return save


def merged(model, folder):
    return PeftModel.from_pretrained(load_model(model), str(folder)).merge_and_unload().state_dict()


def averaged_model(model, folders, weights):
    """The base model with the weighted average of the merged weights, computed the long way."""
    states = [merged(model, folder) for folder in folders]
    whole = load_model(model)
    whole.load_state_dict(
        {name: sum(w * state[name] for w, state in zip(weights, states, strict=True)) for name in states[0]}
    )
    return whole.eval()


def test_all_of_low_rank_can_be_summed():
    assert LORA_METHODS - {"dora"} == SUMMED


KINDS = [
    ("lora", {"rank": 4, "target_modules": "all"}),
    ("rslora", {"rank": 8, "alpha_over_rank": 1.0, "target_modules": "attention"}),
    ("pissa", {"rank": 48, "alpha_over_rank": 0.5}),  # above the shorter side of most layers
    ("loraplus", {"rank": 2, "alpha_over_rank": 4.0, "target_modules": "mlp"}),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0), (1, 3), (2, 2, 0)], ids=str)
def test_the_sum_is_the_average_of_merged_weights(tiny_model, tiny_data, saved, tmp_path, order):
    folders = [saved(tiny_model, KINDS[kind][0], seed=seed, **KINDS[kind][1]) for seed, kind in enumerate(order)]
    weights = [2 / (len(order) + 1), *([1 / (len(order) + 1)] * (len(order) - 1))]
    target = tmp_path / "average"
    target.mkdir()
    sum_adapters(folders, weights, target)
    loaded, expected = AutoPeftModelForCausalLM.from_pretrained(target), averaged_model(tiny_model, folders, weights)
    with torch.inference_mode():
        logits = expected(IDS).logits
        for folder in folders:
            alone = AutoPeftModelForCausalLM.from_pretrained(folder)
            assert not torch.allclose(alone(IDS).logits, logits, atol=1e-2)
        torch.testing.assert_close(loaded(IDS).logits, logits, atol=1e-4, rtol=1e-4)
    losses = [evaluate(model, tiny_data.validation).nll for model in (loaded, expected)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    assert loaded.peft_config["default"].base_model_name_or_path == str(tiny_model)


@pytest.mark.parametrize("four_bits", [True, False])
def test_a_sum_belongs_on_the_base_model_of_its_members(tiny_model, saved, tmp_path, four_bits):
    folders = [saved(tiny_model, "lora", seed=seed) for seed in range(2)]
    for folder in folders:
        save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, metadata=header(four_bits=four_bits))
    sum_adapters(folders, [0.5, 0.5], tmp_path)
    assert in_four_bits(tmp_path) is four_bits


def test_layers_that_only_some_adapt_have_a_rank_of_their_own(tiny_model, saved, tmp_path):
    folders = [saved(tiny_model, "lora", seed=0), saved(tiny_model, "rslora", seed=1, target_modules="attention")]
    sum_adapters(folders, [0.5, 0.5], tmp_path)
    loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path)
    ranks = {
        name.split(".lora_A")[0].split(".")[-1]: len(p) for name, p in loaded.named_parameters() if "lora_A" in name
    }
    assert ranks == {"qkv_proj": 8, "o_proj": 8, "gate_up_proj": 4, "down_proj": 4}
    assert {one.scaling["default"] for one in loaded.modules() if isinstance(one, LoraLayer)} == {1.0}


def test_weights_stored_the_other_way_round_are_averaged_too(saved, configuration, tmp_path):
    model = tmp_path / "gpt2"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(tiny_config("gpt2")).save_pretrained(model)
    folders = [saved(model, "lora", seed=0), saved(model, "rslora", seed=1, target_modules="attention")]
    sum_adapters(folders, [0.5, 0.5], tmp_path)
    with torch.inference_mode():
        expected = averaged_model(model, folders, [0.5, 0.5])(IDS).logits
        assert not torch.allclose(AutoModelForCausalLM.from_pretrained(model)(IDS).logits, expected, atol=1e-3)
        torch.testing.assert_close(
            AutoPeftModelForCausalLM.from_pretrained(tmp_path)(IDS).logits, expected, atol=1e-4, rtol=1e-4
        )


def test_a_sum_of_too_high_a_rank_is_cut_to_the_nearest(tiny_model, saved, tmp_path):
    folders = [saved(tiny_model, "lora", seed=seed, rank=8) for seed in range(2)]
    exact, cut, same = (tmp_path / name for name in ("exact", "cut", "same"))
    for target, rank in ((exact, None), (cut, 5), (same, 16)):
        target.mkdir()
        sum_adapters(folders, [0.5, 0.5], target, max_rank=rank)
    differences = {}
    base = load_model(tiny_model).state_dict()
    for target in (exact, cut, same):
        state = merged(tiny_model, target)
        differences[target.name] = (
            state["model.layers.1.mlp.down_proj.weight"] - base["model.layers.1.mlp.down_proj.weight"]
        )
    torch.testing.assert_close(differences["same"], differences["exact"])
    values = torch.linalg.svdvals(differences["exact"])
    assert torch.linalg.matrix_rank(differences["cut"], rtol=1e-4) == 5
    left_out = torch.linalg.norm(differences["exact"] - differences["cut"])
    torch.testing.assert_close(left_out, values[5:].square().sum().sqrt(), atol=1e-4, rtol=1e-3)

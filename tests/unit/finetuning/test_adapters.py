import pytest
import torch
from peft import AutoPeftModelForCausalLM
from safetensors import safe_open

from foretune.errors import ConfigurationError
from foretune.finetuning.adapters import adapt, load_adapter, method_of, save_adapter
from foretune.finetuning.base import fresh_model
from foretune.finetuning.model import load_model
from foretune.finetuning.train import finetune
from foretune.finetuning.weights_file import in_four_bits
from foretune.types import Trial

IDS = torch.arange(5, 25)[None]


def test_unknown_methods_and_missing_values_are_named(tiny_model, configuration) -> None:
    with pytest.raises(ConfigurationError, match="unknown method 'prefix'; choose one of dora, full, ia3, lora"):
        method_of(configuration("prefix"))
    incomplete = type(configuration("lora"))({"method": "lora", "target_modules": "all"})
    with pytest.raises(ConfigurationError, match="configuration lacks 'rank', which lora needs; "):
        adapt(load_model(tiny_model), incomplete, name="tiny")


def test_ia3_scales_the_input_of_the_last_feed_forward_layer(tiny_model, configuration) -> None:
    adapted = adapt(load_model(tiny_model), configuration("ia3"), name="tiny")
    sizes = {name.split(".")[-3]: tuple(p.shape) for name, p in adapted.trained.items()}
    assert sizes == {"qkv_proj": (96, 1), "o_proj": (32, 1), "gate_up_proj": (128, 1), "down_proj": (1, 64)}
    assert adapted.parameters_trained == 2 * (96 + 32 + 128 + 64)


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "pissa", "loraplus", "ia3"])
@torch.inference_mode()
def test_a_new_adapter_changes_nothing(tiny_model, configuration, method) -> None:
    model = load_model(tiny_model)
    before = model(IDS).logits
    adapted = adapt(model, configuration(method, **({"rank": 64} if method == "pissa" else {})), name="tiny")
    adapted.model.eval()
    torch.testing.assert_close(adapted.model(IDS).logits, before, atol=1e-4, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("lora", {}),
        ("rslora", {}),
        ("dora", {"target_modules": "attention"}),
        ("pissa", {}),
        ("pissa", {"rank": 48, "alpha_over_rank": 0.5}),  # above the shorter side of most layers
        ("loraplus", {}),
        ("ia3", {}),
    ],
)
def test_saved_adapters_give_the_same_logits_on_the_original_base(
    tiny_model, tiny_data, configuration, tmp_path, method, changes
) -> None:
    chosen = configuration(method, **changes)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        adapted = adapt(fresh_model(tiny_model, device="cpu", dtype=torch.float32), chosen, name=str(tiny_model))
        with torch.no_grad():
            for p in adapted.trained.values():
                p.add_(0.1 * torch.randn_like(p))
    adapted.model.eval()
    save_adapter(adapted, tmp_path)
    loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path)
    base = load_model(tiny_model)
    with torch.inference_mode():
        expected = adapted.model(IDS).logits
        assert not torch.allclose(base(IDS).logits, expected, atol=1e-2)
        torch.testing.assert_close(loaded(IDS).logits, expected, atol=1e-4, rtol=1e-3)
    assert loaded.peft_config["default"].base_model_name_or_path == str(tiny_model)


@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "pissa", "loraplus", "ia3"])
def test_an_adapter_begins_with_the_values_of_a_saved_one(tiny_model, configuration, tmp_path, method) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        trained = adapt(load_model(tiny_model), configuration(method), name="tiny")
        with torch.no_grad():
            for p in trained.trained.values():
                p.add_(0.1 * torch.randn_like(p))
        save_adapter(trained, tmp_path)
        fresh = adapt(load_model(tiny_model), configuration(method), name="tiny")
    assert not all(torch.equal(value, fresh.trained[name]) for name, value in trained.trained.items())
    load_adapter(fresh, tmp_path)
    for name, value in trained.trained.items():
        torch.testing.assert_close(fresh.trained[name], value)
    trained.model.eval()
    fresh.model.eval()
    with torch.inference_mode():
        torch.testing.assert_close(fresh.model(IDS).logits, trained.model(IDS).logits)


@pytest.mark.parametrize("four_bits", [True, False])
def test_an_adapter_says_whether_its_base_model_was_in_4_bits(tiny_model, configuration, tmp_path, four_bits) -> None:
    adapted = adapt(load_model(tiny_model), configuration("lora"), name=str(tiny_model))
    if four_bits:
        adapted.model.get_base_model().is_loaded_in_4bit = True  # as transformers marks it
    save_adapter(adapted, tmp_path)
    with safe_open(tmp_path / "adapter_model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"} | ({"base": "nf4"} if four_bits else {})
    assert in_four_bits(tmp_path) is four_bits
    assert not in_four_bits(tiny_model)
    with torch.inference_mode():
        found = AutoPeftModelForCausalLM.from_pretrained(tmp_path)(IDS).logits
        torch.testing.assert_close(found, load_model(tiny_model)(IDS).logits)  # untrained, it changes nothing


def test_an_adapter_of_another_shape_or_beginning_is_refused(tiny_model, configuration, tmp_path) -> None:
    for method in ("lora", "pissa"):
        (tmp_path / method).mkdir()
        save_adapter(adapt(load_model(tiny_model), configuration(method), name="tiny"), tmp_path / method)

    def begin(method, folder, **changes):
        load_adapter(adapt(load_model(tiny_model), configuration(method, **changes), name="tiny"), tmp_path / folder)

    begin("rslora", "lora")
    begin("pissa", "pissa")
    for changes in ({"rank": 8}, {"target_modules": "attention"}):
        with pytest.raises(ConfigurationError, match="has other layers or ranks than the run that continues it"):
            begin("lora", "lora", **changes)
    with pytest.raises(ConfigurationError, match="began with other factors of the base model"):
        begin("pissa", "lora", rank=2)
    with pytest.raises(ConfigurationError, match="holds no adapter to go on from; train that run again"):
        begin("lora", "none")


def test_full_finetuning_leaves_a_whole_model(tiny_model, tiny_data, configuration, tmp_path) -> None:
    report = finetune(Trial(0, configuration("full"), 1), tiny_data, str(tiny_model), tmp_path, test=False)
    assert report.message == ""
    trained, base = load_model(tmp_path / "best"), load_model(tiny_model)
    moved = [not torch.equal(p, q) for p, q in zip(trained.parameters(), base.parameters(), strict=True)]
    assert all(moved)

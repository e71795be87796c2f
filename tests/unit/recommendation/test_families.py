"""Families by the names that people type, and by config.json."""

from __future__ import annotations

import pytest

from foretune.recommendation.families import families, family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("mistralai/Mistral-7B-v0.3", "Mistral"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "Mistral"),
        ("teknium/OpenHermes-2.5-Mistral-7B", "Mistral"),
        ("HuggingFaceH4/zephyr-7b-beta", "Mistral"),
        ("google/gemma-2-9b-it", "Gemma"),
        ("google/gemma-3n-E4B-it", "Gemma"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "Llama-3"),
        ("meta-llama/Llama-3.2-1B", "Llama-3"),
        ("unsloth/llama-3-8b-bnb-4bit", "Llama-3"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "Llama-3"),
        ("nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", "Llama-3"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "Llama-3"),
        ("meta-llama/Llama-2-7b-hf", "Llama-2"),
        ("codellama/CodeLlama-7b-hf", "Llama-2"),
        ("TinyLlama/TinyLlama_v1.1", "Llama-2"),
        ("lmsys/vicuna-7b-v1.5", "Llama-2"),
        ("meta-llama/Llama-4-Scout-17B-16E", "Llama-4"),
        ("huggyllama/llama-7b", "Llama"),
        ("Qwen/Qwen2.5-7B", "Qwen2"),
        ("Qwen/QwQ-32B", "Qwen2"),
        ("Qwen/Qwen3-8B-Base", "Qwen3"),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", "Qwen3"),
        ("unsloth/qwen3-14b-unsloth-bnb-4bit", "Qwen3"),
        ("Qwen/Qwen3.5-9B", "Qwen3.5"),
        ("Qwen/Qwen3.6-27B", "Qwen3.6"),
        ("Qwen/Qwen1.5-7B", "Qwen"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "Qwen"),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "Qwen3"),
        ("deepseek-ai/DeepSeek-V3.1-Base", "DeepSeek"),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "Nemotron"),
        ("openai/gpt-oss-20b", "gpt-oss"),
        ("microsoft/phi-4", "Phi"),
        ("microsoft/Phi-3-mini-128k-instruct", "Phi"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM"),
        ("/models/my Mistral_7B", "Mistral"),
    ],
)
def test_families_by_name(name, family):
    found = family_of(name)
    assert found is not None
    assert found.name == family


@pytest.mark.parametrize(
    ("name", "model_type", "family"),
    [
        ("/home/me/base", "mistral", "Mistral"),
        ("/home/me/base", "gemma2", "Gemma"),
        ("/home/me/base", "qwen2", "Qwen2"),
        ("/home/me/base", "qwen3_moe", "Qwen3"),
        ("/home/me/base", "phi3", "Phi"),
        ("/home/me/base", "llama", "Llama"),
        ("HuggingFaceTB/SmolLM2-135M", "llama", "SmolLM"),  # the name says more
    ],
)
def test_a_name_that_says_nothing_leaves_the_config(name, model_type, family):
    assert family_of(name, model_type).name == family


@pytest.mark.parametrize(("name", "model_type"), [("someone/wonder", None), ("gpt2", "gpt2"), ("dolphin-7b", None)])
def test_models_of_no_known_family(name, model_type):
    assert family_of(name, model_type) is None


def test_mistral_and_gemma_want_less_than_llama_and_qwen():
    by_name = {one.name: one for one in families()}
    assert by_name["Mistral"].full_rate < by_name["Gemma"].full_rate < by_name["Llama-3"].full_rate
    assert by_name["Llama-3"].full_rate < by_name["Qwen3"].full_rate < by_name["Llama-2"].full_rate
    # the geometric mean of 1/6 and of the ratio to Llama 3 in full finetuning
    for name in ("Mistral", "Gemma"):
        expected = (by_name[name].full_rate / by_name["Llama-3"].full_rate / 6) ** 0.5
        assert by_name[name].lora_share == pytest.approx(expected, abs=0.01)
    assert by_name["Phi"].lora_share is None

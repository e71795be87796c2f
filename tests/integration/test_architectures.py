"""Every causal architecture that transformers can build is finetuned, saved and read back, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from tiny_architectures import VOCABULARY, tiny_config
from transformers import AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from foretune.errors import ModelError
from foretune.finetuning import fast_layers
from foretune.finetuning.check import check_causal
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.evaluate import evaluate
from foretune.finetuning.model import load_model
from foretune.finetuning.shape import read_shape, shape_of
from foretune.finetuning.targets import available_targets
from foretune.finetuning.train import finetune
from foretune.types import Configuration, Status, Trial

pytestmark = pytest.mark.filterwarnings("ignore")  # of architectures about themselves

LOOKS_AHEAD = [
    "bert",
    "bert-generation",
    "big_bird",
    "camembert",
    "cpmant",
    "data2vec-text",
    "electra",
    "ernie",
    "megatron-bert",
    "prophetnet",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "roc_bert",
    "roformer",
    "xlm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xlnet",
]
REFUSED = {
    **dict.fromkeys(LOOKS_AHEAD, "is not causal: its predictions change with later tokens"),
    # Saved as the configuration of their text part, which transformers has no causal model for.
    **dict.fromkeys(("emu3", "mllama"), "cannot load .* as a causal language model: Unrecognized configuration class"),
}
"""What the refusal says."""
EXCEPTIONS = {
    "blt": "the sizes of its parts are tied to each other, and it is no small model by default",
    "dots3_note": "its part for sound has a size of its own; what writes text is dots3_note_text",
    "gemma3n": "its part for images needs timm; what writes text is gemma3n_text",
    "gemma4_assistant": "a draft for another model, whose states it reads",
    "gemma4_unified_assistant": "a draft for another model, whose states it reads",
    "musicgen": "its default configuration is that of three models, and builds no causal one",
    "musicgen_melody": "its default configuration is that of three models, and builds no causal one",
    "reformer": "its reversible layers pass no gradient to adapters where the embedding is frozen: every trial fails",
}
"""What cannot be built small, or not be trained."""
WITH_A_SWITCH = ("bert", "electra", "roberta")
"""Architectures that look ahead unless their configuration says `is_decoder`."""

CONFIGURATION = Configuration(
    {
        "method": "lora",
        "rank": 2,
        "alpha_over_rank": 2.0,
        "dropout": 0.0,
        "target_modules": "all",
        "learning_rate": 0.01,
        "batch_size": 4,
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "optimizer": "adamw",
        "epochs": 1,
    }
)


def rows(count: int) -> Tokens:
    rng = np.random.default_rng(count)
    ids = tuple(rng.integers(5, VOCABULARY - 4, size=7 + number % 5).astype(np.int32) for number in range(count))
    return Tokens(ids, np.full(count, 4))


DATA = TokenizedSplits("random", rows(8), rows(6), rows(5))


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """No products in bfloat16."""
    monkeypatch.setattr(fast_layers, "has_bfloat16_instructions", lambda: False)


def build(model_type: str, folder: Path, **changes: bool) -> Path:
    """A folder with a tiny model of this architecture and random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(tiny_config(model_type, **changes)).save_pretrained(folder)
    return folder


def finetuned(base: Path, run: Path) -> None:
    """Prepare, train, save and read back, comparing what can be said in two ways."""
    model = load_model(base)
    check_causal(model)
    shape = shape_of(model)
    assert shape == read_shape(base)
    assert (shape.vocabulary, shape.width) == (VOCABULARY, 32)
    assert "all" in available_targets(model)
    # Rows padded on the right, without a mask, score as each alone.
    alone = [evaluate(model, Tokens((row,), np.array([4]))).nll * (len(row) - 4) for row in DATA.test.input_ids]
    together = evaluate(model, DATA.test).nll * DATA.test.completion_lengths.sum()
    assert together == pytest.approx(sum(alone), rel=1e-4)
    report = finetune(Trial(0, CONFIGURATION, 1), DATA, str(base), run, test=False)
    assert (report.status, report.message) == (Status.OK, "")
    reported, before = -report.curve.scores[0], evaluate(model, DATA.validation).nll
    assert reported != before
    plain = PeftModel.from_pretrained(model, str(run / "best")).eval()
    assert reported == pytest.approx(evaluate(plain, DATA.validation).nll, rel=1e-4)


@pytest.mark.parametrize("model_type", [name for name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if name not in EXCEPTIONS])
def test_every_architecture_is_finetuned_or_refused(model_type, tmp_path) -> None:
    base = build(model_type, tmp_path / "base")
    if model_type not in REFUSED:
        finetuned(base, tmp_path / "run")
        return
    with pytest.raises(ModelError, match=REFUSED[model_type]) as told:
        check_causal(load_model(base))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("model_type", WITH_A_SWITCH)
def test_an_encoder_that_is_told_to_be_a_decoder_is_finetuned(model_type, tmp_path) -> None:
    finetuned(build(model_type, tmp_path / "base", is_decoder=True), tmp_path / "run")


def test_the_lists_name_architectures_that_there_are() -> None:
    assert {*REFUSED, *EXCEPTIONS} <= set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert not REFUSED.keys() & EXCEPTIONS.keys()

import re
from pathlib import Path

import pytest
import yaml

from foretune.finetuning.model import load_tokenizer
from foretune.report.final_scores import Measurement, Member, ModelScores
from foretune.session.adapter_folder import complete_adapter_folder, snippet, write_card

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def folder(tmp_path, tiny_model):
    """A completed folder, as if with a LoRA."""
    made = tmp_path / "run" / "adapter"
    made.mkdir(parents=True)
    (made / "adapter_config.json").write_text("{}")
    complete_adapter_folder(made, load_tokenizer(tiny_model), (4, 0), 100)
    return made


def card(folder, model, **known):
    write_card(folder, model=model, dataset="facts", runs=[{"method": "lora"}], stops=["<|end|>"], **known)
    text = (folder / "README.md").read_text()
    header, body = re.fullmatch(r"---\n(.*?)---\n(.*)", text, re.DOTALL).groups()
    return yaml.safe_load(header), body


def test_the_documentation_shows_the_lines_of_the_card(folder):
    lines = snippet(folder, "run/adapter")
    for page in (DOCS / "getting-started.md", DOCS.parent / "README.md"):
        assert f"```python\n{lines}```" in page.read_text(encoding="utf-8")
    assert f"```python\n{lines}```" in card(folder, "foretune-tiny")[1]


def test_stops_and_length_are_what_generate_takes(folder):
    from transformers import GenerationConfig

    settings = GenerationConfig.from_pretrained(folder)
    assert (settings.eos_token_id, settings.max_new_tokens, settings.do_sample) == ([4, 0], 100, False)
    assert settings.pad_token_id == 0


def test_a_card_names_a_base_model_of_the_hub(folder):
    header, body = card(folder, "some-org/some-model")
    assert header["base_model"] == "some-org/some-model"
    assert "base_model_name_or_path" not in body


def test_a_card_says_how_another_base_model_is_found_elsewhere(folder, tiny_model):
    header, body = card(folder, "foretune-tiny")
    assert "base_model" not in header
    assert "comes with foretune: elsewhere, install that" in body
    header, body = card(folder, str(tiny_model))
    assert "base_model" not in header
    assert "# tiny, finetuned on facts" in body
    assert str(tiny_model.parent) not in body
    assert "elsewhere, write there where your copy of it is" in body


def test_a_card_has_the_scores_that_are_known(folder):
    scores = ModelScores("best", Measurement(0.5, 0.9, 0.8), Measurement(0.25, 0.75, 0.5), {"method": "lora"}, 3)
    assert "| best | 0.2500 | 75.0% | 50.0% | lora |" in card(folder, "foretune-tiny", scores=[scores])[1]
    assert "Scores" not in card(folder, "foretune-tiny")[1]


def test_the_card_of_an_average_lists_what_it_is_made_of(folder):
    members = [Member("k", {"method": "rslora", "rank": rank}, 8, 0.5) for rank in (8, 4)]
    body = card(folder, "foretune-tiny", members=members)[1]
    assert (
        "a weighted average of the adapters of 2 runs, in one adapter:\n\n- 0.5 x rslora r8\n- 0.5 x rslora r4\n"
        in body
    )


def test_a_card_says_that_qlora_wants_its_base_in_four_bits(folder):
    said = '`BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)`'
    assert said not in card(folder, "foretune-tiny")[1]
    header, body = card(folder, "foretune-tiny", members=[Member("k", {"method": "qlora"}, 8, 1.0)])
    assert header["tags"] == ["foretune", "qlora"]
    assert said in body


def test_a_whole_model_needs_no_peft(folder):
    (folder / "adapter_config.json").unlink()
    assert "peft" not in snippet(folder, "x")
    assert "from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig\n" in snippet(folder, "x")
    header, body = card(folder, "foretune-tiny")
    assert header["library_name"] == "transformers"
    assert "elsewhere" not in body

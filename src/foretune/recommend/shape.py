"""The shape of a language model: what of its `config.json` decides the seconds and the memory of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foretune.errors import ModelError

_ASPECT = 128
"""Width over layers that a model is taken to have whose configuration is not there: GPT-3 has 12,288 / 96, Llama-3.1-8B
4,096 / 32."""
_VOCABULARY = 150_000
"""Between those of Llama 3 (128,256) and of Qwen 3 (151,936)."""
_ACTIVE = re.compile(r"-[aA](\d+(?:\.\d+)?)[bB](?![a-zA-Z])")


@dataclass(frozen=True)
class ModelShape:
    """A gated decoder.

    Attributes:
        layers: how many.
        width: the hidden size.
        inner: width of the feed-forward block; of a mixture, of all experts together that a token passes.
        queries: heads times their size.
        pairs: key-value heads times their size.
        vocabulary: its size.
        embeddings: parameters of the input embedding and, where that is another matrix, of the output head.
        parameters: all of them, which have to be in memory.
    """

    layers: int
    width: int
    inner: int
    queries: int
    pairs: int
    vocabulary: int
    embeddings: float
    parameters: float

    @property
    def layer_parameters(self) -> int:
        """Of the matrices of a layer that a token is multiplied with."""
        return self.width * (2 * self.queries + 2 * self.pairs + 3 * self.inner)

    def modules(self, targets: str) -> dict[str, tuple[int, int]]:
        """Input and output size of the matrices of a layer that are adapted.

        Args:
            targets: `all`, `attention`, `mlp`, or names joined by `+`, as in `q_proj+v_proj`.
        """
        attention = {
            "q_proj": (self.width, self.queries),
            "k_proj": (self.width, self.pairs),
            "v_proj": (self.width, self.pairs),
            "o_proj": (self.queries, self.width),
        }
        feed_forward = {
            "gate_proj": (self.width, self.inner),
            "up_proj": (self.width, self.inner),
            "down_proj": (self.inner, self.width),
        }
        every = {**attention, **feed_forward}
        shares = {"all": every, "attention": attention, "mlp": feed_forward}
        return shares.get(targets) or {name: every[name] for name in targets.split("+") if name in every}


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    """The shape that a `config.json` states; of a model of text and images, that of the part that writes text.

    Raises:
        ModelError: if it lacks something.
    """
    text = config.get("text_config") or config
    width, layers, heads = (_needed(text, *names) for names in _NAMES)
    size = int(text.get("head_dim") or width // heads)
    queries, pairs = heads * size, int(text.get("num_key_value_heads") or heads) * size
    inner, every = _inner(text, width)
    vocabulary = _needed(text, "vocab_size")
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings", True))
    embeddings = vocabulary * width * (1 if tied else 2)
    parameters = layers * width * (2 * queries + 2 * pairs + 3 * every) + embeddings
    return ModelShape(layers, width, inner, queries, pairs, vocabulary, float(embeddings), float(parameters))


_NAMES = (("hidden_size", "n_embd", "d_model"), ("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head"))


def _needed(config: Mapping[str, Any], *names: str) -> int:
    found = next((int(config[name]) for name in names if config.get(name)), None)
    if found is None:
        raise ModelError(f"the model's config.json has none of {', '.join(names)}; give a causal language model")
    return found


def _inner(config: Mapping[str, Any], width: int) -> tuple[int, int]:
    """Widths of the feed-forward blocks that a token passes, and of all there are."""
    one = int(config.get("intermediate_size") or config.get("n_inner") or 4 * width)
    counts = (config.get(name) for name in ("num_experts", "num_local_experts", "n_routed_experts"))
    experts = next((int(count) for count in counts if count), 0)
    if not experts:
        return one, one
    expert = int(config.get("moe_intermediate_size") or one)
    shared = int(config.get("shared_expert_intermediate_size") or 0)
    shared += int(config.get("n_shared_experts") or 0) * expert
    return int(config.get("num_experts_per_tok") or 1) * expert + shared, experts * expert + shared


def shape_of_size(name: str, billions: float) -> ModelShape:
    """A typical shape where only the size is known: 12 L h^2 parameters (Kaplan et al., 2020) and L = h / 128 layers.

    Queries are as wide as the model, keys and values a quarter of that; of a mixture such as `Qwen3-30B-A3B` the active
    parameters decide the shape, and all of them are held in memory.

    Args:
        name: of the model.
        billions: of all parameters.
    """
    active = _ACTIVE.search(name)
    width = (1e9 * (float(active[1]) if active else billions) * _ASPECT / 12) ** (1 / 3)
    inner = (12 - 2 - 0.5) / 3 * width
    whole = round(width)
    return ModelShape(
        layers=max(round(width / _ASPECT), 1),
        width=whole,
        inner=round(inner),
        queries=whole,
        pairs=whole // 4,
        vocabulary=_VOCABULARY,
        embeddings=float(_VOCABULARY * whole),
        parameters=1e9 * billions,
    )

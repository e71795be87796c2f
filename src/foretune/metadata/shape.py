"""The shape of a causal language model: all that its meta-features and the cost of a run depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelShape:
    """A base model as a gated decoder with as many parameters; `foretune.finetuning.shape` reads it off a model.

    Attributes:
        layers: how many.
        width: the hidden size.
        inner: width of the feed-forward block; of a mixture, of all experts together that a token passes. Where blocks
            have other than three matrices, that of three with as many entries.
        queries: heads times their size; the output of attention, or of the layer in its place.
        pairs: key-value heads times their size.
        vocabulary: tokens that the output head chooses from.
        embeddings: parameters of the input embedding and, where that is another matrix, of the output head.
        parameters: all of them, which have to be in memory.
        positions: tokens that a row may have; None where nothing says.
    """

    layers: int
    width: int
    inner: float
    queries: int
    pairs: float
    vocabulary: int
    embeddings: float
    parameters: float
    positions: int | None = None

    @property
    def layer_parameters(self) -> float:
        """Entries of the matrices of a layer that a token is multiplied with."""
        return self.width * (2 * self.queries + 2 * self.pairs + 3 * self.inner)

    @property
    def matrices(self) -> float:
        """Entries of those of all layers; embeddings and output head left out."""
        return self.layers * self.layer_parameters

    def modules(self, targets: str) -> dict[str, tuple[float, float]]:
        """Input and output size of the matrices of a layer that are adapted.

        Args:
            targets: `all`, `attention`, `mlp`, or names joined by `+`, as in `q_proj+v_proj`.
        """
        attention: dict[str, tuple[float, float]] = {
            "q_proj": (self.width, self.queries),
            "k_proj": (self.width, self.pairs),
            "v_proj": (self.width, self.pairs),
            "o_proj": (self.queries, self.width),
        }
        feed_forward: dict[str, tuple[float, float]] = {
            "gate_proj": (self.width, self.inner),
            "up_proj": (self.width, self.inner),
            "down_proj": (self.inner, self.width),
        }
        every = {**attention, **feed_forward}
        shares = {"all": every, "attention": attention, "mlp": feed_forward}
        return shares.get(targets) or {name: every[name] for name in targets.split("+") if name in every}

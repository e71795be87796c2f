"""A model of this machine as teacher: transformers, in this process, one request at a time."""

from __future__ import annotations

from threading import Lock

from transformers import LogitsProcessor

from foretune.finetuning.data import Message
from foretune.finetuning.ending import find_ending
from foretune.finetuning.generate import answer
from foretune.finetuning.model import choose_device, load_model, load_tokenizer, vocabulary_size
from foretune.teacher.protocol import Failure, Reply, Request
from foretune.teacher.shaped import Shapes

_MOST_TOKENS = 1024
"""Of an answer: a small model that never stops takes a minute for so many on a CPU."""

_TEMPLATE_TOKENS = 32
"""That a chat template adds to a prompt, about."""


class LocalModel:
    """A chat model in the memory of this process; its answers keep to the schema of a request.

    They are drawn at the temperature of the request, the same for the same request. Without a schema they
    are greedy.
    """

    concurrency = 1

    def __init__(self, model: str, *, device: str = "auto") -> None:
        """Load it.

        Args:
            model: see `foretune.finetuning.model.resolve_model`.
            device: `auto`, `cpu`, `cuda`, ...

        Raises:
            ModelError: there is none.
        """
        self.name = model
        self._model = load_model(model, device=choose_device(device))
        self._tokenizer = load_tokenizer(model)
        self._stops = find_ending(self._model, self._tokenizer).stops
        self._positions = getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or 2**31
        self._shapes = Shapes(self._tokenizer, self._stops, vocabulary_size(self._model))
        self._lock = Lock()

    def ask(self, request: Request) -> Reply | Failure:
        """Answer a request, see `foretune.teacher.protocol.Teacher`."""
        sent = self._count(request.system) + self._count(request.prompt) + _TEMPLATE_TOKENS
        limit = min(request.max_tokens, _MOST_TOKENS, self._positions // 4)
        if sent + limit > self._positions:
            return Failure(f"{self.name} reads {self._positions:,} tokens, and the prompt alone has {sent:,}")
        messages = [Message("system", request.system), Message("user", request.prompt)]
        shape = self._shape(request) if request.schema else None
        with self._lock:
            (text,) = answer(self._model, self._tokenizer, [messages], limit, stops=self._stops, processor=shape)
        return Reply(text, sent, self._count(text))

    def _shape(self, request: Request) -> LogitsProcessor:
        return self._shapes.processor(request.schema, request.temperature, int(request.key(self.name)[:15], 16))

    def _count(self, text: str) -> int:
        return len(self._tokenizer.tokenize(text))

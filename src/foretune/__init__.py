"""foretune: finetune LLMs with knowledge transferred from earlier finetuning runs."""

from importlib.metadata import version

__version__ = version("foretune")

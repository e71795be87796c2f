"""What to train next: optimizers, and the table of them (`foretune.optimizer.registry`)."""

from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.registry import OPTIMIZERS, Search, find_optimizer, make_optimizer, needs_surrogates

__all__ = ["OPTIMIZERS", "Optimizer", "Search", "find_optimizer", "make_optimizer", "needs_surrogates"]

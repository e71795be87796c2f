"""Models meta-learned from recorded runs: what score a configuration will reach, and what the next slice will cost.

Predicting and loading need numpy only, so that `ask` stays cheap.
"""

from foretune.surrogate.protocol import CostSurrogate, PerformanceSurrogate, Surrogates
from foretune.surrogate.store import load_surrogates, save_surrogates

__all__ = ["CostSurrogate", "PerformanceSurrogate", "Surrogates", "load_surrogates", "save_surrogates"]

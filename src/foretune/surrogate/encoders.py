"""Which encoder suits the configurations of a table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from foretune.errors import ConfigurationError
from foretune.metadata import MetaDataset
from foretune.space import Encoder, SearchSpace, load_space, observed_encoder

MAIN_SPACE = "peft"


def encoder_sha256(encoder: Encoder) -> str:
    """Tells encoders apart."""
    return hashlib.sha256(encoder.to_json().encode()).hexdigest()


def encoder_for(meta_datasets: Sequence[MetaDataset], space: SearchSpace | None = None) -> Encoder:
    """That of the space; without one, of the shipped main space where all configurations are of it, else of what they
    span."""
    if space:
        return Encoder.of(space)
    configurations = list(dict.fromkeys(one for table in meta_datasets for one in table.configurations.values()))
    main = Encoder.of(load_space(MAIN_SPACE))
    try:
        main.encode(configurations)
    except ConfigurationError:
        return observed_encoder(configurations)
    return main

"""Knowledge of earlier finetuning: tables of runs (schema, read, write) and meta-features of datasets and models.

No torch here: a meta-dataset can be read where no model can be trained.
"""

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.read import read_meta_dataset
from foretune.metadata.write import write_meta_dataset

__all__ = ["MetaDataset", "read_meta_dataset", "write_meta_dataset"]

"""Data sets by name: published files from a local folder, and real data that needs no download."""

from .dataset import Dataset, Split
from .registry import DATA, DataFileError, load_data

__all__ = ["DATA", "DataFileError", "Dataset", "Split", "load_data"]

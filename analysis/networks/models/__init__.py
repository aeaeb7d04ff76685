"""Models of the papers by name, from their descriptions and at their sizes."""

from .registry import MODELS, build_model, parameter_count

__all__ = ["MODELS", "build_model", "parameter_count"]

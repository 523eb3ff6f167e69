"""YAML files as the values that Python makes: `pipeline.yaml` and `config.yaml`.

Nothing is loaded by a YAML library: values keep the text that was written, and every problem
names its line and column.
"""

from __future__ import annotations

from buildorch.yaml.config import find_config, load_config, parse_config
from buildorch.yaml.pipeline import load_pipeline, parse_pipeline

__all__ = ["find_config", "load_config", "load_pipeline", "parse_config", "parse_pipeline"]

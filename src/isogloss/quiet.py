"""Keeps the chatter of transformers off the user's terminal."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager

import huggingface_hub.utils as hub
from transformers import logging as transformers_logging


@contextmanager
def quiet_transformers() -> Generator[None]:
    """Keep the progress bars, advice and warnings of transformers off the user's terminal."""
    verbosity = transformers_logging.get_verbosity()
    hub_verbosity = hub.logging.get_verbosity()
    had_bars = transformers_logging.is_progress_bar_enabled()
    had_hub_bars = not hub.are_progress_bars_disabled()
    transformers_logging.set_verbosity_error()
    hub.logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    hub.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        hub.logging.set_verbosity(hub_verbosity)
        if had_bars:
            transformers_logging.enable_progress_bar()
        if had_hub_bars:
            hub.enable_progress_bars()

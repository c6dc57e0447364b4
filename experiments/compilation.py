"""Compiled programs, kept from one process to the next."""

import jax

from rnnx.data import cache_directory


def keep() -> None:
    """Look for compiled programs in rnnx's cache, and leave new ones there; of this process, from now on."""
    jax.config.update("jax_compilation_cache_dir", str(cache_directory() / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)

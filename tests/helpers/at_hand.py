"""What a test may use without fetching anything."""

import functools
import os
from unittest import mock

import rnnx
from rnnx.data import DataError
from rnnx.types import Task

_NO_WAY_OUT = {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "PIP_NO_INDEX": "1"}


@functools.cache
def task(name: str) -> Task | None:
    """The task, in its default variant; `None` if it stands on data that is not on this machine."""
    with mock.patch.dict(os.environ, _NO_WAY_OUT):
        try:
            return rnnx.tasks.get(name)()
        except DataError:
            return None

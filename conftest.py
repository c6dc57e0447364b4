"""What holds for every test, the examples in rnnx's docstrings included (hence at the root and not in tests/)."""

from collections.abc import Iterator

import hypothesis
import jax
import pytest

# float32 + float64 raises instead of quietly deciding on one of them.
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile(
    "rnnx",
    derandomize=True,  # the same examples in every run
    database=None,
    deadline=None,  # the first example compiles, the others do not
    max_examples=25,
    # `float64` is set for all the examples of a test together, which is what is wanted.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("rnnx")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All laws of one cell in one process (`--dist loadgroup`), which so compiles its programs once."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        if parameters is not None and "variant" in parameters.params:
            item.add_marker(pytest.mark.xdist_group(parameters.params["variant"]))


@pytest.fixture
def float64() -> Iterator[None]:
    """Compute in double precision within the test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)

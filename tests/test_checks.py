import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import checks


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(2)])
def test_sizes_are_whole_numbers_of_any_kind(value):
    assert checks.size("n", value) == value
    assert type(checks.size("n", value)) is int


@pytest.mark.parametrize("value", [0, -3, 1.0, np.float32(2), "1", None, True, np.bool_(True), [1]])
def test_other_sizes_are_refused_in_one_line(value):
    with pytest.raises(ValueError, match=r"^n must be a whole number of at least 1, not .*\.$"):
        checks.size("n", value)


def test_a_size_may_have_another_least():
    assert checks.size("n", 0, least=0) == 0
    with pytest.raises(ValueError, match=r"^n must be a whole number of at least 2, not 1\.$"):
        checks.size("n", 1, least=2)


def test_a_size_fits_into_32_bits():
    """A larger one is an OverflowError of JAX's, once training begins."""
    assert checks.size("n", 2**31 - 1) == 2**31 - 1
    with pytest.raises(ValueError, match=r"^n must be a whole number below 2147483648, not 2147483648\.$"):
        checks.size("n", 2**31)
    assert checks.size("n", 2**32 - 1, below=2**32) == 2**32 - 1


@pytest.mark.parametrize("value", [0, 1.5, -2, np.float32(0.5), np.int64(3)])
def test_numbers_are_real_and_finite(value):
    assert checks.number("x", value) == value
    assert type(checks.number("x", value)) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.inf, "1", None, True, 1j, [1.0]])
def test_other_numbers_are_refused_in_one_line(value):
    with pytest.raises(ValueError, match=r"^x must be a finite number, not .*\.$"):
        checks.number("x", value)


@pytest.mark.parametrize("value", [0, -1.0])
def test_the_limit_itself_is_not_above_it(value):
    assert checks.number("x", 1e-300, above=0) == 1e-300
    with pytest.raises(ValueError, match=rf"^x must be a finite number above 0, not {value!r}\.$"):
        checks.number("x", value, above=0)


def test_a_choice_is_returned_or_the_nearest_is_named():
    assert checks.choice("loss", "mse", ["mse", "mae"]) == "mse"
    with pytest.raises(ValueError, match=r"^no loss named 'mes'; did you mean 'mse'\? Known: mae, mse\.$"):
        checks.choice("loss", "mes", iter(["mse", "mae"]))


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("made_by", [np.array, jnp.array])
def test_whole_numbers_of_any_type_are_int32(float64, kind, made_by):
    found = jax.jit(lambda n: checks.whole_numbers("n", n, (2,)))(made_by([3, 100], kind))
    assert found.dtype == jnp.int32
    assert found.tolist() == [3, 100]
    largest = made_by([np.iinfo(kind).max] * 2, kind)
    assert checks.whole_numbers("n", largest, [2]).tolist() == [min(np.iinfo(kind).max, 2**31 - 1)] * 2


@pytest.mark.parametrize("value", [[1.0, 2.0], [True, False], [1, 2, 3], 1])
def test_other_whole_numbers_are_refused_in_one_line(value):
    with pytest.raises(ValueError, match=r"^n must be whole numbers of shape \[2\], not \w+\[.*\]\.$"):
        checks.whole_numbers("n", value, (2,))

"""Curves over lag: values at step `last - k` of each example, and what a curve says in one number."""

import jax.numpy as jnp

from rnnx.types import Array, GradientFlow


def step_at(T: int, last: Array) -> Array:
    """t = last - k of each lag and example, `[T, B]`; negative where there is no such step."""
    return last[None, :] - jnp.arange(T, dtype=last.dtype)[:, None]


def by_lag(values: Array, last: Array) -> tuple[Array, Array]:
    """Reorder `values [T, B]` by lag k = last - t, `[T, B]`, and tell which lags an example has, `[T, B]`."""
    t = step_at(len(values), last)
    return jnp.take_along_axis(values, jnp.maximum(t, 0), axis=0), t >= 0


def curves(flow: GradientFlow, log10_norms: Array) -> tuple[Array, Array]:
    """log10 norms of all steps, `[T, B]`, by lag, and which lags an example has.

    The nodes of a tree that lie equally far below the root have one lag: their root mean square is taken.
    """
    if flow.children is None:
        return by_lag(log10_norms, flow.last)
    T, B = flow.lag.shape
    at = jnp.where(flow.lag < 0, T, flow.lag), jnp.arange(B)  # T: nowhere
    count = jnp.zeros((T, B), log10_norms.dtype).at[at].add(1, mode="drop")
    largest = jnp.full((T, B), -jnp.inf, log10_norms.dtype).at[at].max(log10_norms, mode="drop")
    scale = jnp.where(jnp.isneginf(largest), 0, largest)
    squares = 10 ** (2 * (log10_norms - scale[jnp.minimum(at[0], T - 1), at[1]]))
    total = jnp.zeros((T, B), log10_norms.dtype).at[at].add(squares, mode="drop")
    return scale + 0.5 * jnp.log10(total / jnp.maximum(count, 1)), count > 0


def quartiles(curves: Array, there: Array) -> tuple[Array, Array, Array]:
    """Lower quartile, median and upper quartile over the examples that have a lag, each `[T]`; NaN if none has it.

    A NaN in an example that has the lag gives NaN: it is a fault to be seen, not a value to be skipped. The nearest
    example's value is taken, since interpolation next to -inf (a gradient of exactly zero) would give NaN.
    """
    known = jnp.where(there, curves, jnp.nan)
    q = jnp.nanquantile(known, jnp.array([0.25, 0.5, 0.75], curves.dtype), axis=1, method="nearest")
    low, middle, high = jnp.where(jnp.any(there & jnp.isnan(curves), axis=1), jnp.nan, q)
    return low, middle, high


def curves_of_quartiles(tag: str, curves: Array, there: Array) -> dict[str, Array]:
    """The median under `tag`, and the quartiles under `…_q25` and `…_q75`."""
    low, middle, high = quartiles(curves, there)
    return {tag: middle, f"{tag}_q25": low, f"{tag}_q75": high}


def decay_rate(log10_curve: Array, there: Array) -> Array:
    """Slope of ln ‖δ‖ against lag by least squares over the lags `there [T]`, in nats per step; negative: it vanishes.

    Lags whose gradient is exactly zero have no logarithm and are left out. NaN if fewer than two lags are left, or if
    the curve holds a NaN.
    """
    dtype = log10_curve.dtype
    k = jnp.arange(log10_curve.shape[0], dtype=dtype)
    used = there & ~jnp.isneginf(log10_curve)
    w = used.astype(dtype)
    y = jnp.where(used, log10_curve, jnp.zeros((), dtype)) * jnp.log(jnp.array(10, dtype))
    count = jnp.sum(w)
    k_centred = k - jnp.sum(w * k) / count
    y_centred = y - jnp.sum(w * y) / count
    return jnp.sum(w * k_centred * y_centred) / jnp.sum(w * jnp.square(k_centred))


def reach(log10_curve: Array, there: Array, share: float) -> Array:
    """The largest lag k with ‖δ_{T-k}‖ ≥ share · ‖δ_T‖, in steps; with a share of 1/e it is called the horizon.

    Where δ_T is zero because y_T does not read this part of the state (the c of an LSTM), the first lag that has a
    gradient takes the place of T. NaN if there is no gradient at all, or if the curve holds a NaN.
    """
    k = jnp.arange(log10_curve.shape[0], dtype=log10_curve.dtype)
    known = there & ~jnp.isneginf(log10_curve)
    reference = log10_curve[jnp.argmax(known)]
    reached = known & (log10_curve >= reference + jnp.log10(jnp.asarray(share, k.dtype)))
    furthest = jnp.max(jnp.where(reached, k, jnp.zeros((), k.dtype)))
    return jnp.where(jnp.any(known) & ~jnp.any(there & jnp.isnan(log10_curve)), furthest, jnp.nan)


def exploding(log10_curves: Array, there: Array) -> Array:
    """The share of the examples whose ‖δ_{T-k}‖ is above e ‖δ_T‖ at some lag, from `[T, B]`; the mirror of the horizon.

    Where δ_T is zero, each example's first lag that has a gradient takes the place of T, and an example without any
    gradient is not counted. NaN if none is left, or if a curve holds a NaN.
    """
    known = there & ~jnp.isneginf(log10_curves)
    reference = jnp.take_along_axis(log10_curves, jnp.argmax(known, axis=0)[None], axis=0)
    above = log10_curves > reference + jnp.log10(jnp.exp(jnp.ones((), log10_curves.dtype)))
    share = jnp.mean(jnp.any(known & above, axis=0).astype(log10_curves.dtype), where=jnp.any(known, axis=0))
    return jnp.where(jnp.any(there & jnp.isnan(log10_curves)), jnp.nan, share)

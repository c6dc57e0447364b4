"""What gradient clipping did to a stretch of training."""

import numpy as np
from numpy.typing import ArrayLike

_QUANTILES = (5, 25, 75, 95)


def clipping(norms: ArrayLike, limit: float | None) -> dict[str, float]:
    """Share of the steps whose gradient was clipped, and quantiles of its norm before clipping (Pascanu et al. 2013).

    Args:
      norms: global norms of the gradient `[steps]`, before clipping, at least one.
      limit: what they were clipped to; `None` for no clipping.

    Returns:
      `clipped`, 0 … 1, and `gradient_norm_q05`, `…_q25`, `…_q75`, `…_q95`. A NaN among the norms makes all of them NaN.

    Raises:
      ValueError: no norms.

    Cost: a sort.

    >>> found = clipping([0.5, 0.9, 1.5, 4.0, 0.1], limit=1.0)
    >>> found["clipped"], found["gradient_norm_q25"]
    (0.4, 0.5)
    """
    norms = np.asarray(norms, float)
    if norms.size == 0:
        raise ValueError("norms must hold the norm of at least one step.")
    with np.errstate(invalid="ignore"):  # between infinities
        quantiles = np.percentile(norms, _QUANTILES)
    clipped = np.where(np.isnan(norms), np.nan, norms > (np.inf if limit is None else limit)).mean()
    values = {f"gradient_norm_q{q:02d}": float(value) for q, value in zip(_QUANTILES, quantiles, strict=True)}
    return {"clipped": float(clipped), **values}

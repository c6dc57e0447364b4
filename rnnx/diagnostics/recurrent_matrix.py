"""The recurrent matrix: its spectral radius, its largest singular value, and how far it is from normal."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics._tags import Tag
from rnnx.norm import power_of_two
from rnnx.types import Array, Dense, Diagonal, GradientFlow

TAGS = (
    Tag(
        "recurrent_matrix/<block>/spectral_radius",
        "",
        "of each gate's recurrent matrix, 0, 1, … in the order of the cell's file, the largest eigenvalue in size",
        headline=True,
    ),
    Tag("recurrent_matrix/<block>/largest_singular_value", "", "largest singular value of such a matrix"),
    Tag("recurrent_matrix/<block>/departure_from_normality", "0 … 1", "how far it is from being normal (Henrici)"),
    Tag(
        "recurrent_matrix/<gate>/eigenvalues_real",
        "",
        "the real parts of all its eigenvalues, in no order; `<gate>` is what the cell calls the block, or its number "
        "where it has no name",
    ),
    Tag("recurrent_matrix/<gate>/eigenvalues_imaginary", "", "their imaginary parts, in the same order"),
)


def recurrent_matrix(flow: GradientFlow) -> dict[str, Array]:
    """Eigenvalues and singular values of each square block of the recurrent matrix `[H, G]`; nothing without one.

    Tags, for the blocks 0, 1, … in the order of the cell's file (one for each gate):

    - `recurrent_matrix/<block>/spectral_radius`: ρ = max |λ_i|, which decides over growth in the long run of a linear
      network, and over nothing else;
    - `recurrent_matrix/<block>/largest_singular_value`: σ₁ ≥ ρ, the most that one step can amplify. σ₁ < 1/γ, with γ
      the largest slope of the activation, is sufficient for gradients to vanish (Pascanu, Mikolov & Bengio 2013);
    - `recurrent_matrix/<block>/departure_from_normality`: √(‖W‖_F² - Σ|λ_i|²) / ‖W‖_F, 0 for a normal matrix and at
      most 1 (Henrici 1962). Rounding leaves about the square root of the number format's resolution of zero;
    - `recurrent_matrix/<gate>/eigenvalues_real`, `…_imaginary`: λ_i, `[H]` each, in no order, under what the cell calls
      the block, or its number where it has no name.

    The coefficients of a linear recurrence that do not depend on its inputs, as those of `rnnx.lru`, are a diagonal
    matrix, block 0.

    Cost: an eigenvalue and a singular value decomposition of each block, H³, on the host where the accelerator has no
    eigenvalues of its own. JAX has them on CPU and GPU, not on TPU.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)  # orthogonal
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jax.numpy.ones((5, 4, 3)), lambda ys: ys[-1].sum())
    >>> flow = jax.jit(run)(params)
    >>> measured = recurrent_matrix(flow)
    >>> {tag: round(float(value), 2) for tag, value in measured.items() if value.ndim == 0}
    {'recurrent_matrix/0/spectral_radius': 1.0,
     'recurrent_matrix/0/largest_singular_value': 1.0,
     'recurrent_matrix/0/departure_from_normality': 0.0}
    """
    form = flow.cell.form
    if isinstance(form, Diagonal):
        return _of_coefficients(flow, form)
    if not isinstance(form, Dense):
        return {}
    W = form.recurrent(flow.params)
    H, G = W.shape
    measured: dict[str, Array] = {}
    for block in range(G // H):
        matrix = W[:, block * H : (block + 1) * H]
        eigenvalues = jnp.linalg.eigvals(matrix)
        singular = jnp.linalg.svdvals(matrix)
        unit = power_of_two(singular[0])
        squares = jnp.sum(jnp.square(singular / unit))
        departure = jnp.maximum(squares - jnp.sum(jnp.square(jnp.abs(eigenvalues) / unit)), 0)
        tag = f"recurrent_matrix/{block}"
        measured[f"{tag}/spectral_radius"] = jnp.max(jnp.abs(eigenvalues))
        measured[f"{tag}/largest_singular_value"] = singular[0]
        measured[f"{tag}/departure_from_normality"] = jnp.sqrt(jnp.where(squares == 0, 0, departure / squares))
        measured |= _all(str(form.blocks[block] if form.blocks else block), eigenvalues)
    return measured


def _of_coefficients(flow: GradientFlow, form: Diagonal) -> dict[str, Array]:
    """Of those that are the same at every step, `[H]`."""
    coefficients = jax.tree.leaves(form.coefficients(flow.params, flow.inputs)[0])
    if any(a.ndim > 1 for a in coefficients):
        return {}
    eigenvalues = jnp.concatenate(coefficients)
    radius = jnp.max(jnp.abs(eigenvalues))
    measured = {"spectral_radius": radius, "largest_singular_value": radius, "departure_from_normality": 0 * radius}
    return {f"recurrent_matrix/0/{name}": value for name, value in measured.items()} | _all("0", eigenvalues)


def _all(block: str, eigenvalues: Array) -> dict[str, Array]:
    return {
        f"recurrent_matrix/{block}/eigenvalues_real": jnp.real(eigenvalues),
        f"recurrent_matrix/{block}/eigenvalues_imaginary": jnp.imag(eigenvalues),
    }

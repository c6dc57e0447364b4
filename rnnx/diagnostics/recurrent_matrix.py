"""The recurrent matrix: its spectral radius, its largest singular value, and how far it is from normal."""

import jax.numpy as jnp

from rnnx.diagnostics._tags import Tag
from rnnx.norm import power_of_two
from rnnx.types import Array, Dense, GradientFlow

TAGS = (
    Tag(
        "recurrent_matrix/<block>/spectral_radius",
        "",
        "of each gate's recurrent matrix, 0, 1, … in the order of the cell's file, the largest eigenvalue in size",
    ),
    Tag("recurrent_matrix/<block>/largest_singular_value", "", "its largest singular value"),
    Tag("recurrent_matrix/<block>/departure_from_normality", "0 … 1", "how far it is from being normal (Henrici)"),
)


def recurrent_matrix(flow: GradientFlow) -> dict[str, Array]:
    """Eigenvalues and singular values of each square block of the recurrent matrix `[H, G]`; nothing for other forms.

    Tags, for the blocks 0, 1, … in the order of the cell's file (one for each gate):

    - `recurrent_matrix/<block>/spectral_radius`: ρ = max |λ_i|, which decides over growth in the long run of a linear
      network, and over nothing else;
    - `recurrent_matrix/<block>/largest_singular_value`: σ₁ ≥ ρ, the most that one step can amplify. σ₁ < 1/γ, with γ
      the largest slope of the activation, is sufficient for gradients to vanish (Pascanu, Mikolov & Bengio 2013);
    - `recurrent_matrix/<block>/departure_from_normality`: √(‖W‖_F² - Σ|λ_i|²) / ‖W‖_F, 0 for a normal matrix and at
      most 1 (Henrici 1962). Rounding leaves about the square root of the number format's resolution of zero.

    Cost: an eigenvalue and a singular value decomposition of each block, H³, on the host where the accelerator has no
    eigenvalues of its own. JAX has them on CPU and GPU, not on TPU.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)  # orthogonal
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jax.numpy.ones((5, 4, 3)), lambda ys: ys[-1].sum())
    >>> flow = jax.jit(run)(params)
    >>> measured = recurrent_matrix(flow)
    >>> {tag: round(float(value), 2) for tag, value in measured.items()}
    {'recurrent_matrix/0/spectral_radius': 1.0,
     'recurrent_matrix/0/largest_singular_value': 1.0,
     'recurrent_matrix/0/departure_from_normality': 0.0}
    """
    form = flow.cell.form
    if not isinstance(form, Dense):
        return {}
    W = form.recurrent(flow.params)
    H, G = W.shape
    measured = {}
    for block in range(G // H):
        matrix = W[:, block * H : (block + 1) * H]
        eigenvalues = jnp.abs(jnp.linalg.eigvals(matrix))
        singular = jnp.linalg.svdvals(matrix)
        unit = power_of_two(singular[0])
        squares = jnp.sum(jnp.square(singular / unit))
        departure = jnp.maximum(squares - jnp.sum(jnp.square(eigenvalues / unit)), 0)
        tag = f"recurrent_matrix/{block}"
        measured[f"{tag}/spectral_radius"] = jnp.max(eigenvalues)
        measured[f"{tag}/largest_singular_value"] = singular[0]
        measured[f"{tag}/departure_from_normality"] = jnp.sqrt(jnp.where(squares == 0, 0, departure / squares))
    return measured

"""Policies for kernels and biases: known answers, and what people write in configs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import initializers

H, GATES = 16, 3

# A square kernel by every policy. A new one is to be written here, with its numbers.
POLICIES = (
    "gaussian(1.5)",
    "glorot_uniform",
    "identity(0.5)",
    "lecun_normal",
    "normal(0.1)",
    "orthogonal",
    "orthogonal_fused(2)",
    "sparse(3, 0.95)",
    "spectral_radius(0.95)",
    "uniform",
)
DRAWN = [policy for policy in POLICIES if policy != "identity(0.5)"]
FOR_ANY_SHAPE = [policy for policy in DRAWN if policy.partition("(")[0] not in ("sparse", "spectral_radius")]
BIAS_POLICIES = ("chrono(50)", "forget(1.5)", "uniform", "zeros")
CELLS = {"rnn": (0,), "lstm": (-1, 1, 0, 0), "gru": (0, 1, 0, 0)}  # with what their biases do to memory


def blocks(policy, rows=H, columns=H, gates=GATES, seed=0):
    kernel = initializers.get(policy)(jax.random.key(seed), rows, columns, gates)
    assert kernel.shape == (rows, gates * columns)
    return np.split(np.asarray(kernel), gates, axis=1)


def test_all_that_have_a_name_are_tested():
    assert tuple(policy.partition("(")[0] for policy in POLICIES) == initializers.names()
    assert tuple(policy.partition("(")[0] for policy in BIAS_POLICIES) == initializers.bias_names()


@pytest.mark.parametrize("policy", DRAWN)
def test_every_gate_and_every_key_is_a_new_draw(policy):
    kernel, again, other = (blocks(policy, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(kernel, again)
    drawn = [*kernel, *other]
    assert all(block.dtype == np.float32 for block in drawn)
    assert all(np.abs(block).max() > 0 for block in drawn)
    assert len({block.tobytes() for block in drawn}) == 2 * GATES


@pytest.mark.parametrize("policy", FOR_ANY_SHAPE)
def test_an_input_kernel_too(policy):
    assert all(np.isfinite(block).all() and np.abs(block).max() > 0 for block in blocks(policy, rows=2))


@pytest.mark.parametrize("policy", ["identity", "orthogonal", "sparse(3, 0.95)"])
def test_under_jit_and_vmap_over_keys(policy):
    """Many seeds at once are the seeds one by one."""
    init = initializers.get(policy)
    keys = jax.random.split(jax.random.key(0), 3)
    at_once = jax.jit(jax.vmap(lambda key: init(key, H, H, GATES)))(keys)
    for key, kernel in zip(keys, at_once, strict=True):
        # QR and eigenvalues in float32 in another order of operations: some hundred roundings of 6e-8.
        np.testing.assert_allclose(kernel, init(key, H, H, GATES), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", POLICIES)
def test_precision_is_the_one_computed_in(float64, policy):
    assert blocks(policy)[0].dtype == np.float64


@pytest.mark.parametrize("policy", BIAS_POLICIES)
def test_precision_of_biases_is_the_one_computed_in(float64, policy):
    bias = rnnx.lstm(H, bias_initializer=policy).init(jax.random.key(0), 2).bias
    assert bias.dtype == jnp.float64
    assert not bias.weak_type


@pytest.mark.parametrize(("policy", "gain"), [("orthogonal", 1), ("orthogonal(0.5)", 0.5)])
def test_orthogonal_blocks(float64, policy, gain):
    for U in blocks(policy):
        # Sums of 16 products, each rounded at 1e-16.
        np.testing.assert_allclose(U.T @ U, gain**2 * np.eye(H), rtol=0, atol=1e-14)


def test_a_fused_kernel_has_orthonormal_rows_and_blocks_of_half_the_size(float64):
    """[H, 4H] with U Uᵀ = gain² I: the squared singular values of its 4 blocks are gain² / 4 in the mean."""
    gates, gain = 4, 3.0
    U = np.concatenate(blocks("orthogonal_fused(3)", gates=gates), axis=1)
    np.testing.assert_allclose(U @ U.T, gain**2 * np.eye(H), rtol=0, atol=1e-13)  # rounding of 64 products of order 1
    np.testing.assert_allclose(np.mean(U**2) * H, gain**2 / gates, rtol=1e-12)


def test_glorot_limits_are_those_of_one_gate():
    """U(-a, a) with a² = 6 / (rows + columns): with all gates taken together the limit would be smaller."""
    rows, columns = 50, 100
    limit = np.sqrt(6 / (rows + columns))
    largest = np.abs(blocks("glorot_uniform", rows, columns, 4)).max()
    assert largest <= limit
    assert largest > 0.999 * limit  # of 20,000 draws; the other limit is 0.55 of this one


@pytest.mark.parametrize("rows", [50, 200])
def test_the_uniform_limit_is_that_of_the_units(rows):
    """U(-1/√H, 1/√H), whatever the number of inputs."""
    columns = 100
    largest = np.abs(blocks("uniform", rows, columns, 4)).max()
    assert largest <= 0.1
    assert largest > 0.999 * 0.1  # of 20,000 draws or more


@pytest.mark.parametrize(
    ("policy", "std"),
    [("lecun_normal", 50**-0.5), ("normal(0.1)", 0.1), ("gaussian(1.5)", 1.5 * 50**-0.5)],
)
def test_normal_numbers_have_their_variance(policy, std):
    """Of a kernel with 50 rows: 1 / rows, std² and gain² / rows."""
    kernel = np.stack(blocks(policy, 50, 100, 4))
    # The variance of n = 20,000 normal draws has a relative standard error of √(2/n) = 1 %: four of them. The mean has
    # one of std / √n.
    np.testing.assert_allclose(kernel.var(), std**2, rtol=0.04)
    np.testing.assert_allclose(kernel.mean(), 0, atol=4 * std / np.sqrt(kernel.size))


def test_identity(float64):
    for U in blocks("identity(0.5)"):
        np.testing.assert_array_equal(np.linalg.eigvals(U), np.full(H, 0.5))
    np.testing.assert_array_equal(blocks("identity")[2], np.eye(H))


@pytest.mark.parametrize("policy", ["spectral_radius(0.95)", "sparse(3, 0.95)", "sparse(1, 0.95)", "sparse(16, 0.95)"])
def test_the_spectral_radius_is_as_asked(float64, policy):
    for U in blocks(policy):
        # Eigenvalues of a matrix that is not normal: rounding at 1e-16 times their condition, here below 1e3.
        np.testing.assert_allclose(np.abs(np.linalg.eigvals(U)).max(), 0.95, rtol=1e-12)
        assert np.linalg.norm(U, 2) > 0.95 * (1 - 1e-12), "σ₁ is never below ρ"


@pytest.mark.parametrize("connections", [1, 3, 15, H])
def test_sparse_gives_each_unit_its_connections(connections):
    """x W: what comes into a unit is its column. Which they are is drawn anew for each unit."""
    kernel = np.concatenate(blocks(f"sparse({connections}, 0.95)"), axis=1) != 0
    np.testing.assert_array_equal(kernel.sum(axis=0), np.full(GATES * H, connections))
    if connections < H:
        assert len(np.unique(kernel, axis=1).T) > H // 2  # of at least H possible ones
    # Places are uniform: each row holds a share k/H of GATES · H columns, ± 5 standard deviations.
    share = connections / H
    spread = 5 * np.sqrt(GATES * H * share * (1 - share))
    np.testing.assert_allclose(kernel.sum(axis=1), GATES * connections, atol=spread)


@pytest.mark.parametrize("policy", ["identity", "spectral_radius(0.95)", "sparse(15, 0.95)"])
@pytest.mark.parametrize("cell", CELLS)
def test_square_policies_are_refused_for_an_input_kernel(policy, cell):
    name = policy.partition("(")[0]
    message = rf"^{name} is for square blocks, such as those of a recurrent kernel, not \[2, 16\]; .*glorot_uniform\.$"
    with pytest.raises(ValueError, match=message):
        rnnx.cells.get(cell)(16, input_initializer=policy).init(jax.random.key(0), 2)


def test_more_connections_than_units_are_refused():
    message = r"^sparse: 15 connections into each unit need as many units, not 8\.$"
    with pytest.raises(ValueError, match=message):
        blocks("sparse(15, 0.95)", rows=8, columns=8)


# Biases.


def policies(*three):
    """The arguments of a cell that decide its initial values: for W, U and b."""
    return dict(zip(("input_initializer", "recurrent_initializer", "bias_initializer"), three, strict=True))


def no_kernel(key, rows, columns, gates):
    """With thousands of units, for the statistics of their biases, a kernel would take gigabytes."""
    return None


def biases(cell, policy, size=H, seed=0, **options):
    """Those of a cell, [gates, H], a GRU's d last."""
    params = rnnx.cells.get(cell)(size, **policies(no_kernel, no_kernel, policy), **options).init(
        jax.random.key(seed), 2
    )
    rows = np.asarray(params.bias).reshape(-1, size)
    return rows if cell != "gru" else np.concatenate([rows, np.asarray(params.recurrent_bias)[None]])


@pytest.mark.parametrize("cell", CELLS)
def test_the_default_is_zero_but_for_the_forget_bias(cell):
    expected = np.zeros((len(CELLS[cell]), H))
    if cell == "lstm":
        expected[1] = 1
    np.testing.assert_array_equal(biases(cell, "zeros"), expected)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_forget_sets_the_gate_that_keeps_the_old_state(cell):
    """f of an LSTM, z of a GRU: their value starts at σ(b)."""
    expected = np.zeros((len(CELLS[cell]), H))
    expected[1] = 1.5
    np.testing.assert_array_equal(biases(cell, "forget(1.5)"), expected)
    module = rnnx.cells.get(cell)(H, bias_initializer="forget(1.5)")
    params = module.init(jax.random.key(0), 2)
    gates = module.gates(params, module.initial_state(params, ()), jnp.zeros(2))
    kept = gates["forget" if cell == "lstm" else "update"]
    np.testing.assert_allclose(kept, 1 / (1 + np.exp(-1.5)), rtol=1e-6)  # float32 rounds at 6e-8


def test_forget_takes_the_place_of_the_forget_bias_and_the_sum_is_not_taken():
    np.testing.assert_array_equal(biases("lstm", "forget(2)"), biases("lstm", "zeros", forget_bias=2.0))


@pytest.mark.parametrize("cell", CELLS)
def test_uniform_biases_are_added_to_what_the_cell_starts_from(cell):
    size = 10_000
    drawn = biases(cell, "uniform", size) - (np.array(CELLS[cell])[:, None] == 1) * (cell == "lstm")
    # To b_f = 1 + u float32 rounds at 6e-8, and u is at most 0.01.
    assert np.abs(drawn).max() <= 0.01 + 1e-7
    assert (np.abs(drawn).max(axis=1) > 0.999 * 0.01).all()
    # n draws of variance a²/3: their mean has a standard error of a/√(3n), here four of them.
    np.testing.assert_allclose(drawn.mean(axis=1), 0, atol=4 * 0.01 / np.sqrt(3 * size))
    assert len({row.tobytes() for row in drawn}) == len(drawn)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_chrono(cell):
    """exp(b_f) is uniform on [1, T_max - 1], b_i = -b_f exactly, and all other biases stay as they are."""
    size, longest = 10_000, 750
    drawn = biases(cell, f"chrono({longest})", size)
    kept = drawn[1].astype(float)
    assert kept.min() >= 0
    assert kept.max() <= np.log(longest - 1) * (1 + 1e-6)  # float32 rounds at 6e-8
    u = np.sort((np.exp(kept) - 1) / (longest - 2))
    # Kolmogorov & Smirnov: the largest distance from the uniform distribution is above 1.95/√n with p = 0.001.
    assert np.abs(u - np.arange(size) / size).max() < 1.95 / np.sqrt(size)
    if cell == "lstm":
        np.testing.assert_array_equal(drawn[0], -drawn[1])
        np.testing.assert_array_equal(drawn[2:], 0)
    else:
        np.testing.assert_array_equal(drawn[[0, 2, 3]], 0)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_chrono_keeps_what_it_says(float64, cell):
    """At rest a unit with u = exp(b) keeps u / (u + 1) of its state: it forgets 1 in u + 1 steps."""
    u = np.exp(biases(cell, "chrono(100)", seed=1))[1]
    module = rnnx.cells.get(cell)(H, bias_initializer="chrono(100)")
    params = module.init(jax.random.key(1), 2)
    gates = module.gates(params, module.initial_state(params, ()), jnp.zeros(2))
    np.testing.assert_allclose(gates["forget" if cell == "lstm" else "update"], u / (u + 1), rtol=1e-12)
    if cell == "lstm":
        np.testing.assert_allclose(gates["input"], 1 / (u + 1), rtol=1e-12)


@pytest.mark.parametrize("policy", ["uniform", "chrono(50)"])
def test_biases_depend_on_the_key_and_not_on_what_the_kernels_drew(policy):
    one, same, other = (biases("lstm", policy, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    cells = [rnnx.lstm(H, bias_initializer=b, input_initializer="uniform") for b in (policy, "zeros")]
    kernels = [cell.init(jax.random.key(0), 2).input_kernel for cell in cells]
    np.testing.assert_array_equal(*kernels)


@pytest.mark.parametrize("cell", CELLS)
def test_each_policy_is_given_a_key_of_its_own(cell):
    """With one key for two of them the draws would hang together, which no look at either one shows."""
    keys = []

    def kernel(key, rows, columns, gates):
        keys.append(key)

    def bias(key, biases, memory):
        keys.append(key)
        return biases

    made = rnnx.cells.get(cell)(H, **policies(kernel, kernel, bias))
    keys.clear()  # the policy for biases was tried when the cell was made
    made.init(jax.random.key(0), 2)
    assert len({np.asarray(jax.random.key_data(key)).tobytes() for key in keys}) == 3


@pytest.mark.parametrize("policy", ["chrono(50)", "forget(1)"])
def test_memory_is_refused_for_a_cell_without_gates_when_it_is_made(policy):
    message = rf"^the bias initializer '{policy[:-1]}\)': {policy.partition('(')[0]} is for .* this cell has none\.$"
    with pytest.raises(ValueError, match=message.replace("(50", r"\(50").replace("(1", r"\(1")):
        rnnx.rnn(H, bias_initializer=policy)


# One policy for every cell, by name or as functions.


@pytest.mark.parametrize("cell", CELLS)
def test_one_set_of_policies_serves_every_cell(cell):
    policy = policies("normal(0.01)", "spectral_radius(0.9)", "uniform")
    params = rnnx.cells.get(cell)(H, **policy).init(jax.random.key(0), 2)
    assert 0 < np.abs(params.input_kernel).max() < 0.06  # six standard deviations
    for U in np.split(np.asarray(params.recurrent_kernel), params.recurrent_kernel.shape[1] // H, axis=1):
        np.testing.assert_allclose(np.abs(np.linalg.eigvals(U)).max(), 0.9, rtol=1e-4)  # float32, condition below 1e3
    assert np.abs(params.bias).min() > 0


@pytest.mark.parametrize("cell", CELLS)
def test_the_defaults_are_the_same_for_every_cell(cell):
    default = policies("glorot_uniform", "orthogonal", "zeros")
    one, other = (rnnx.cells.get(cell)(H, **given).init(jax.random.key(0), 2) for given in ({}, default))
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_functions_are_policies():
    def kernel(key, rows, columns, gates):
        return jnp.full((rows, gates * columns), 2.0)

    def bias(key, biases, memory):
        return biases + 10 * jnp.array(memory, biases.dtype)[:, None]

    assert initializers.get(kernel) is kernel
    assert initializers.get_bias(bias, (0, 1)) is bias
    drawn = biases("lstm", bias)
    assert drawn[:, 0].tolist() == [-10, 11, 0, 0]


# What people write.


@pytest.mark.parametrize("name", ["glorot", "Orthogonal", "", 3, None])
def test_an_unknown_policy_is_refused_in_one_line(name):
    with pytest.raises(ValueError, match=rf"^no initializer named {name!r}[;.].* Known: .*orthogonal_fused.*\.$"):
        initializers.get(name)
    with pytest.raises(ValueError, match=rf"^no bias initializer named {name!r}[;.].* Known: chrono, .*zeros\.$"):
        initializers.get_bias(name, (0,))


@pytest.mark.parametrize("text", ["sparse(3,0.95)", "sparse(3, 0.95)", " sparse ( 3 , 0.95 ) ", "sparse(+3, 95e-2)"])
def test_spaces_and_ways_to_write_a_number_do_not_matter(text):
    np.testing.assert_array_equal(blocks(text), blocks("sparse(3, 0.95)"))


def test_brackets_may_be_empty_where_no_number_is_needed():
    np.testing.assert_array_equal(blocks("orthogonal()"), blocks("orthogonal"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spectral_radus(0.95)", r"no initializer named 'spectral_radus'; did you mean 'spectral_radius'\? Known: .*"),
        ("sparse", r"the initializer 'sparse' is not of the form sparse\(connections, radius\)\."),
        ("sparse(15)", r"the initializer 'sparse\(15\)' is not of the form sparse\(connections, radius\)\."),
        ("sparse(15, 0.95", r"the initializer 'sparse\(15, 0.95' is not of the form .*"),
        ("sparse(15, x)", r"the initializer 'sparse\(15, x\)' is not of the form .*"),
        ("sparse(15,)", r"the initializer 'sparse\(15,\)' is not of the form .*"),
        ("sparse(15, 0.95)(1)", r"the initializer .* is not of the form .*"),
        ("sparse(15, 0.95) x", r"the initializer .* is not of the form .*"),
        ("normal(__import__('os'))", r"the initializer .* is not of the form normal\(std\)\."),
        ("orthogonal(1, 2)", r"the initializer .* is not of the form orthogonal or orthogonal\(gain\)\."),
        ("uniform(1)", r"the initializer 'uniform\(1\)' is not of the form uniform\."),
        ("sparse(1.5, 0.95)", r"the initializer .*: connections must be a whole number of at least 1, not 1\.5\."),
        ("spectral_radius(0)", r"the initializer .*: radius must be a finite number above 0, not 0\."),
        ("normal(nan)", r"the initializer .*: std must be a finite number above 0, not nan\."),
        ("gaussian(-1)", r"the initializer .*: gain must be a finite number above 0, not -1\."),
    ],
)
def test_a_mistake_is_answered_by_one_line(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        initializers.get(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crono(750)", r"no bias initializer named 'crono'; did you mean 'chrono'\? Known: .*"),
        ("chrono", r"the bias initializer 'chrono' is not of the form chrono\(longest\)\."),
        ("chrono(2)", r"the bias initializer .*: longest must be a whole number of at least 3, not 2\."),
        ("chrono(75.5)", r"the bias initializer .*: longest must be a whole number of at least 3, not 75\.5\."),
        ("forget(inf)", r"the bias initializer .*: bias must be a finite number, not inf\."),
    ],
)
def test_a_mistake_about_biases_is_answered_by_one_line(text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        rnnx.lstm(H, bias_initializer=text)

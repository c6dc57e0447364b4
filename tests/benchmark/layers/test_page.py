from scripts.benchmark.layers.page import page
from tests.benchmark import records


def rows(text, section):
    """The cells of the table under a heading, without its head."""
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_summary():
    found = rows(page(records.small()), "Summary: forward + backward")
    # Columns: cell, flax, haiku, torch, best on JAX.
    assert found[0] == [
        "lstm",
        "×3.00; ×3.00 (lstm H256 B8 L1 T100)",
        "×2.00; ×2.00 (lstm H256 B8 L1 T100)",
        "×2.00; ×2.00 (lstm H256 B8 L1 T100)",
        "×2.00; ×2.00 (lstm H256 B8 L1 T100)",
    ]
    assert found[2][0] == "all"
    assert found[2][3] == "×1.00; ×0.50 (gru H32 B8 L1 T100)"


def test_losing_points_stay_worst_first():
    found = rows(page(records.small()), "Where rnnx is slower")
    assert found == [
        ["gru H32 B8 L1 T100", "forward + backward", "torch", "×0.50"],
        ["gru H32 B8 L1 T100", "forward", "torch", "×0.50"],
    ]
    assert "2 of 14 comparisons" not in page(records.small())
    assert "2 of 10 comparisons" in page(records.small())


def test_points_with_times_steps_shares_and_marks():
    text = page(records.small())
    (lstm,) = rows(text, "lstm, forward")
    # 2·100·8·(256 + 256)·1024 products and sums in 10 ms are 83.9 GFLOP/s, of 100 measured; 10 ms are 100 steps.
    assert lstm[:7] == ["1", "100", "256", "8", "10.0 ± 1.0", "100", "84%"]
    assert lstm[9] == "20.0 ± 2.0; ×2.00"
    (gru,) = rows(text, "gru, forward")
    assert gru[7:] == ["–", "12.0 ± 1.2†; ×1.20", "5.00 ± 0.50; **×0.50**"]


def test_shares_count_backward_three_times():
    found = {name: values for name, *values in rows(page(records.small()), "Share of the product rate, H ≥ 256")}
    # Three times the operations in twice the time.
    assert found["rnnx"] == ["84% (84% to 84%)", "126% (126% to 126%)"]


def test_failures_are_told():
    assert "- gru H32 B8 L1 T100, flax: RuntimeError: no room" in page(records.small())


def test_circumstances_are_told():
    text = page(records.small())
    assert "2026-01-02, 2 cores of A CPU (avx2), Linux, 100 GFLOP/s in the product. Flags: none." in text
    assert "Half the distance between the quartiles is 10% of the median, at most 10%." in text
    assert "| torch | torch 1.0; Python 3.12.1 | [T, B, I] | lstm: an lstm; gru: a gru |" in text


def test_contestants_without_an_entry_are_left_out():
    record = records.small()
    record["contestants"]["keras"] = records.about()
    assert "keras" not in page(record)


def test_every_table_is_rectangular():
    widths = [line.count("|") for line in page(records.small()).splitlines()]
    blocks = "".join("\n" if width == 0 else chr(width) for width in widths).split("\n")
    assert all(len(set(block)) <= 1 for block in blocks)


def test_a_record_without_points_has_a_page():
    assert "0 points" in page(records.small() | {"points": []})

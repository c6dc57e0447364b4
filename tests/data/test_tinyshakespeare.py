from rnnx import data


def test_the_real_text(real_data):
    assert data.available("tinyshakespeare")
    text = data.get("tinyshakespeare")()
    assert text.name == "tinyshakespeare"
    assert len(text.text) == 1_115_394
    assert len(set(text.text)) == 65
    assert text.text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")

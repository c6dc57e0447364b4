from rnnx import data


def test_the_real_text(real_data):
    """The novel, without what Project Gutenberg says before and after it."""
    assert data.available("war_and_peace")
    text = data.get("war_and_peace")()
    assert text.name == "war_and_peace"
    assert len(text.text) == 3_208_237
    assert len(set(text.text)) == 104
    assert "“Well, Prince, so Genoa and Lucca are now just family estates of the\nBuonapartes." in text.text
    assert text.text.startswith("WAR AND PEACE\n\n\nBy Leo Tolstoy")
    assert "Gutenberg" not in text.text
    assert text.text.endswith("dependence of which we are not\nconscious.\n")

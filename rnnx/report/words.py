"""Networks, lengths and lists as sentences have them."""

import re
from collections.abc import Iterable, Mapping

CALLED = {
    "rnn": "RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "mingru": "minGRU",
    "minlstm": "minLSTM",
    "lru": "LRU",
    "rntn": "RNTN",
    "mv_rnn": "MV-RNN",
    "tree_lstm": "Tree-LSTM",
    "da_rnn": "DA-RNN",
    "dsanet": "DSANet",
    "lstnet": "LSTNet",
    "tpa_lstm": "TPA-LSTM",
    "ngram": "n-gram model",
    "bag_of_words": "bag of words",
}
"""What cells and models are called in print."""


def network(variant: str) -> str:
    """A variant as a sentence calls it.

    >>> network("lstm (forget bias 0, part layer0)"), network("my_cells:mgu")
    ('the LSTM with forget bias 0 and part layer0', 'my_cells:mgu')
    """
    name, _, settings = variant.partition(" (")
    with_settings = f" with {listed(settings.removesuffix(')').split(', '))}" if settings else ""
    return (f"the {CALLED[name]}" if name in CALLED else name) + with_settings


def without_part(variant: str) -> str:
    """The name of a network, of which a variant is one part.

    >>> without_part("gru (part encoder)"), without_part("lstm (forget bias 1, part encoder)")
    ('gru', 'lstm (forget bias 1)')
    """
    return re.sub(r" \(\)$", "", re.sub(r"(, )?part [^,)]*", "", variant))


def networks(variants: Iterable[str]) -> str:
    """Several of them, each once.

    >>> networks(["rnn", "gru", "rnn"])
    'the RNN and the GRU'
    """
    return listed(network(variant) for variant in dict.fromkeys(variants))


def listed(names: Iterable[str]) -> str:
    """A list in words.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    *names, last = names if (names := list(names)) else [""]
    return f"{', '.join(names)} and {last}" if names else last


def lengths(some: Iterable[int], of: Iterable[int], remarks: Mapping[int, str] | None = None) -> str:
    """Some of the lengths of a study, with remarks on single ones in brackets.

    >>> lengths([64, 128], [16, 64, 128]), lengths([16, 128], [16, 64, 128]), lengths([8], [8])
    ('from T = 64 on', 'at T = 16 and 128', 'at T = 8')
    >>> lengths([16, 64], [16, 64]), lengths([16], [16, 64]), lengths([16, 64], [16, 64], {64: "1 of 2 seeds"})
    ('at every length', 'at T = 16', 'at T = 16 and 64 (1 of 2 seeds)')
    """
    some, of, remarks = sorted(set(some)), sorted(set(of)), remarks or {}
    if set(some).isdisjoint(remarks):
        if len(of) > 1 and some == of:
            return "at every length"
        if len(some) > 1 and some == of[-len(some) :]:
            return f"from T = {some[0]} on"
    return f"at T = {listed(f'{length} ({remarks[length]})' if length in remarks else str(length) for length in some)}"


def sentence(text: str) -> str:
    """With a capital letter at its start; a name of anyone's own stays as it is.

    >>> sentence("the GRU learns"), sentence("my_cells:mgu learns")
    ('The GRU learns', 'my_cells:mgu learns')
    """
    return text if _is_name(text) else text[:1].upper() + text[1:]


def one_sentence(several: Iterable[str]) -> str:
    """Sentences as one, whose parts they are.

    >>> one_sentence(["The GRU keeps it.", "Nothing explodes.", "RNNs lose it."])
    'The GRU keeps it; nothing explodes; RNNs lose it.'
    """
    first, *others = (text.removesuffix(".") for text in several)
    small = (text if _is_name(text) else text[:1].lower() + text[1:] for text in others)
    return f"{'; '.join([first, *small])}."


def _is_name(text: str) -> bool:
    """Whether it begins with a name, whose letters are as they are."""
    return bool({"_", ":"} & set(text.partition(" ")[0].rstrip(":"))) or text[1:2].isupper()

"""Writing in PyTorch: `python -m scripts.benchmark.language.torch_writing --checkpoint=writer.pt`.

The checkpoint has a state dict and the characters. Each character is shown when it is drawn, at temperature 1. A step
is one of `nn.LSTM`, or of `nn.LSTMCell` with the same parameters.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from scripts.benchmark.language.torch_training import Model, State
from scripts.benchmark.parser import Parser

Step = Callable[[Tensor, State | None], tuple[Tensor, State]]
"""(token [1], state) -> logits [1, V] of the next one, and the state after the token."""


def layer_step(model: Model) -> Step:
    """By `nn.LSTM`, on a sequence of one."""

    def step(token: Tensor, state: State | None) -> tuple[Tensor, State]:
        logits, state = model(token[None], state)
        return logits[0], state

    return step


def cell_step(model: Model) -> Step:
    """By `nn.LSTMCell`."""
    cell = nn.LSTMCell(model.lstm.input_size, model.lstm.hidden_size)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(cell, name, getattr(model.lstm, f"{name}_l0"))

    def step(token: Tensor, state: State | None) -> tuple[Tensor, State]:
        h, c = cell(model.embedding(token), state)
        return model.readout(h), (h, c)

    return step


STEPS = {"LSTM": layer_step, "LSTMCell": cell_step}


def drawn(step: Step, token: int, length: int) -> Iterator[int]:
    """Tokens that follow on a first one, which is not among them."""
    last, state = torch.tensor([token]), None
    for _ in range(length):
        logits, state = step(last, state)
        last = torch.multinomial(logits[0].softmax(dim=-1), 1)
        yield last.item()


def main() -> None:
    """Write a text, from the start of a line."""
    parser = Parser("Writing in PyTorch.")
    parser.add_argument("--checkpoint", type=Path, required=True, help="a state dict, and the characters")
    parser.add_argument("--length", type=int, default=5_000, help="characters: %(default)s")
    parser.add_argument("--step", choices=STEPS, default="LSTM", help="which of PyTorch's steps: %(default)s")
    parser.add_argument("--threads", type=int, help="of PyTorch, which takes one a core by itself")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    saved = torch.load(given.checkpoint)
    characters, weights = saved["characters"], saved["model"]
    model = Model(*weights["embedding.weight"].shape)
    model.load_state_dict(weights)
    model.eval()
    with torch.inference_mode():
        for token in drawn(STEPS[given.step](model), characters.index("\n"), given.length):
            sys.stdout.write(characters[token])
            sys.stdout.flush()


if __name__ == "__main__":
    main()

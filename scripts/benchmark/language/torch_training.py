"""The language model in PyTorch: `python -m scripts.benchmark.language.torch_training --text=text.txt`.

Eager, on the CPU, with as many threads as PyTorch takes by itself.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scripts.benchmark.language.spec import CHUNK, CLIP_NORM, LEARNING_RATE, of_script, read, report_training

State = tuple[Tensor, Tensor]


class Model(nn.Module):
    """An embedding, an LSTM and a linear readout."""

    def __init__(self, vocab_size: int, hidden: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden)
        self.lstm = nn.LSTM(hidden, hidden)
        self.readout = nn.Linear(hidden, vocab_size)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [T, B, V] after each of the tokens [T, B], and the state after the last."""
        ys, state = self.lstm(self.embedding(tokens), state)
        return self.readout(ys), state

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of targets [T, B] after inputs [T, B]."""
        logits, _ = self(inputs)
        return cross_entropy(logits.flatten(0, 1), targets.flatten())


def windows(text: Tensor, length: int, batch: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets [T, B] at random places of a text [N]."""
    starts = torch.randint(len(text) - length, (batch,))
    window = text[torch.arange(length + 1)[:, None] + starts]
    return window[:-1], window[1:]


def main() -> None:
    """Train, and print the rate."""
    training, path = of_script("The language model in PyTorch.")
    characters, numbers = read(path)
    text = torch.tensor(numbers)
    torch.manual_seed(0)
    model = Model(len(characters), training.hidden)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)

    def chunk() -> float:
        for _ in range(CHUNK):
            optimizer.zero_grad()
            loss = model.loss(*windows(text, training.length, training.batch))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            optimizer.step()
        return loss.item()

    report_training(chunk, training)


if __name__ == "__main__":
    main()

"""The gradient study in PyTorch: `python -m scripts.benchmark.study.torch_study --workdir=runs/torch`.

Eager, on the CPU. Training runs `nn.RNN`, `nn.LSTM` and `nn.GRU`, whose loop over time is not Python's. They do not
show the states between, so the measurement goes step by step through the cell of the same name, with the same
parameters.
"""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from scripts.benchmark.study.spec import CURVE, LOSS, Study, of_script, record_of

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Model(nn.Module):
    """A recurrent layer and a linear readout of its last output."""

    def __init__(self, cell: str, hidden: int):
        super().__init__()
        self.layer = LAYERS[cell](2, hidden)
        self.readout = nn.Linear(hidden, 1)
        self.cell = CELLS[cell](2, hidden)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(self.cell, name, getattr(self.layer, f"{name}_l0"))
        self.has_c = cell == "lstm"
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Orthogonal and Glorot uniform, each gate by itself; biases 0, the LSTM's forget gate 1."""
        for kernel in self.cell.weight_ih.split(self.cell.hidden_size):
            nn.init.xavier_uniform_(kernel)
        for kernel in self.cell.weight_hh.split(self.cell.hidden_size):
            nn.init.orthogonal_(kernel)
        nn.init.zeros_(self.cell.bias_ih)
        nn.init.zeros_(self.cell.bias_hh)
        if self.has_c:
            self.cell.bias_ih.chunk(4)[1].fill_(1.0)
        nn.init.kaiming_normal_(self.readout.weight, nonlinearity="linear")
        nn.init.zeros_(self.readout.bias)

    def forward(self, xs: Tensor) -> Tensor:
        """Answers [B] to sequences [T, B, 2]."""
        return self.readout(self.layer(xs)[0][-1]).squeeze(-1)

    def state_gradients(self, xs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and log10 ‖∂L/∂s_t‖ [T, B], where s is h, or for the LSTM h and c."""
        zero = xs.new_zeros(xs.shape[1], self.cell.hidden_size)
        state = (zero, zero) if self.has_c else (zero,)
        states: list[Tensor] = []
        for x in xs:
            state = self.cell(x, state) if self.has_c else (self.cell(x, *state),)
            # Clones: ∂L/∂c_t is to be without the way through h_t = o ⊙ tanh(c_t), which belongs to step t itself.
            state = tuple(part.clone() for part in state)
            states += state
        loss = mse_loss(self.readout(state[0]).squeeze(-1), targets)
        # Of the states only: the gradient of the weights is not asked for. The last c has none.
        gradients = torch.stack(torch.autograd.grad(loss, states, materialize_grads=True))
        parts = gradients.unflatten(0, (len(xs), len(state))).double()  # squares of float32 vanish below 1e-22
        return loss.detach(), torch.linalg.vector_norm(parts, dim=(1, 3)).log10()


def adding(length: int, batch: int) -> tuple[Tensor, Tensor]:
    """Sequences [T, B, 2] of numbers and markers, one marker in each half, and the sums [B] of the marked numbers."""
    numbers = torch.rand(length, batch)
    first = torch.randint(0, length // 2, (1, batch))
    second = torch.randint(length // 2, length, (1, batch))
    markers = torch.zeros(length, batch).scatter_(0, torch.cat([first, second]), 1.0)
    return torch.stack([numbers, markers], dim=-1), (numbers * markers).sum(0)


def run(study: Study, workdir: Path, cell: str, length: int, seed: int) -> None:
    """Train one network, and measure it before, during and after."""
    torch.manual_seed(seed)
    model = Model(cell, study.hidden)
    optimizer = torch.optim.Adam(model.parameters(), study.learning_rate, fused=True)
    heldout = adding(length, study.heldout)
    path = record_of(workdir, cell, length, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for step in range(0, study.steps + 1, study.measure_every):
            started = time.perf_counter()
            for _ in range(study.measure_every if step else 0):
                xs, targets = adding(length, study.batch)
                optimizer.zero_grad()
                mse_loss(model(xs), targets).backward()
                nn.utils.clip_grad_norm_(model.parameters(), study.clip_norm)
                optimizer.step()
            loss, norms = model.state_gradients(*heldout)
            record = {"step": step, LOSS: loss.item(), CURVE: norms.median(dim=1).values.flip(0).tolist()}
            file.write(json.dumps(record | {"seconds": time.perf_counter() - started}) + "\n")
            file.flush()


def main() -> None:
    """Run the study, in one process on all cores or in several that share them."""
    study, workdir, jobs = of_script("The gradient study in PyTorch.")
    trials = [(cell, length, seed) for cell, length in study.points for seed in range(study.seeds)]
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    if jobs == 1:
        torch.set_num_threads(threads)
        for trial in trials:
            run(study, workdir, *trial)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        for future in [pool.submit(run, study, workdir, *trial) for trial in trials]:
            future.result()


if __name__ == "__main__":
    main()

"""A whole study beside scripts for PyTorch and Flax: `scripts/bench study`, or `python -m scripts.benchmark.study`.

    spec: what everyone does ─► rnnx_study   a command line of experiments.sweep
                              ─► torch_study  a script for PyTorch
                              ─► flax_study   a script for Flax
    equality: with copied weights, all measure the same       (before anything is timed)
    contestants, timing: each command in turn, in processes of its own
    likeness: what was trained is alike                        (after it)
    record (JSON) ─► page (Markdown)

The scripts are whole: each can be run by itself, and is what a user of that library would write for this study.
"""

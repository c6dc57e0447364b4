"""A character language model beside scripts for PyTorch and Flax: `scripts/bench language`.

    spec: what everyone does ─► rnnx_training  torch_training  flax_training      characters per second of training
                              ─► rnnx_writing   torch_writing, experiments.generate    of writing; the first character
    corpus, trial: a text, and a trial that was trained on it for a few steps
    equality: with copied weights, all compute the same          (before anything is timed)
    candidates, timing: in turns, each in a process of its own
    record (JSON) ─► page (Markdown)

The scripts are whole: each can be run by itself, and is what a user of that library would write.
"""

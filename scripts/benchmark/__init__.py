"""rnnx's speed beside that of other libraries: `scripts/bench`, or `python -m scripts.benchmark.layers`.

    grid ─► Point ─► Problem (weights, inputs)
                        │ one worker process per contestant; all but the one at work are stopped
                     library.build ─► Network (forward, backward)
                        │                        │
                     Answer ─► equality       timing: in turns, order rotated
                        │                        │
                        └────────► record (JSON) ─► page (Markdown)

A contestant is a library or one of rnnx's engines. Worker processes import NumPy and their own library only, so a
library may live under another interpreter.
"""

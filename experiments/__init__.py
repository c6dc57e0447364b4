"""Commands: `python -m experiments.run`, `.sweep`, `.report`, `.analyze`, `.compare`; the library is rnnx."""

import os

# Small matrices, many of them: LAPACK's threads cost more than they bring, a hundred times where the cores have other
# work. It must be said before anything loads the library.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

"""Pictures of a gradient flow and of a model, each in one line, in a notebook or a script.

    flow.plot()                          the gradient against lag
    rnnx.show.units(flow)                ... in every unit by itself
    rnnx.show.gates(flow)                how open the gates are, against lag
    rnnx.show.eigenvalues(flow)          the recurrent matrix in the complex plane
    rnnx.show.diagnostic("paths", flow)  any diagnostic, as `experiments.analyze` draws it
    rnnx.show.graph(model, batch)        a model as a graph, folded and unrolled over the steps of a batch
    rnnx.show.piano_roll(roll, keyboard) music, as which keys sound when

The first four draw on the axes that they are given and return them, to be labelled and put beside others as one likes.
matplotlib is loaded with this module and not with rnnx.
"""

from rnnx.show.diagnostic import diagnostic
from rnnx.show.eigenvalues import eigenvalues
from rnnx.show.gates import gates
from rnnx.show.graph import graph
from rnnx.show.lag import lag
from rnnx.show.piano_roll import piano_roll
from rnnx.show.units import units

__all__ = ["diagnostic", "eigenvalues", "gates", "graph", "lag", "piano_roll", "units"]

"""The graph over a tree: a box a node, which takes up the states of its children."""

from matplotlib.axes import Axes

from rnnx.computational_graph import Graph
from rnnx.report.graph import columns, ink
from rnnx.report.graph.painted import Tint
from rnnx.report.on_data.tree import places

_LEAF, _LEVEL = 0.82, 0.85  # inches from leaf to leaf, and from a node to its children
_HALF = ink.NODE / 2 + 0.02


class Tree:
    """A panel with the nodes of the first example's tree."""

    def __init__(self, graph: Graph, colors: dict[str, str], tints: dict[str, dict[int, Tint]] | None):
        (self.part,) = graph.parts.values()
        self.graph, self.tints, self.color = graph, tints, colors[self.part.name]
        across, depth = places([list(pair) for pair in self.part.children or ()])
        first = columns.rows(graph).parts[self.part.name]
        self.at = {
            node: (0.4 + _LEAF * x, first + _LEVEL * ((max(depth) - level) if self._children(node) else 0))
            for node, (x, level) in enumerate(zip(across, depth, strict=True))
        }
        self.width = max(max(x for x, _ in self.at.values()) + 0.8, 3.4)
        self.height = max(y for _, y in self.at.values()) + 0.3

    def draw(self, axes: Axes) -> None:
        """On axes whose units are inches."""
        axes.set_title("unrolled: the same weights at every node", fontsize=10.5)
        axes.set_xlabel("leaves, from left to right", fontsize=10)
        for node, (x, y) in self.at.items():
            face, hatch = self.tints[self.part.name][node] if self.tints else (self.color, "")
            ink.box(
                axes,
                x,
                y,
                f"$s_{{{node + 1}}}$",
                face=face,
                edge=self.color,
                hatch=hatch,
                linewidth=2.4 if self.tints else 1.4,
                gid=f"{self.part.name} {node}",
            )
            for child in self._children(node):
                below, down = self.at[child]
                aim = 0.12 if below > x else -0.12
                ink.arrow(axes, [(below, down + _HALF), (x + aim, y - _HALF)], self.color, linewidth=1.8, zorder=2)
            if node in self.part.fed:
                ink.disc(axes, x, 0, f"$x_{{{node + 1}}}$")
                ink.arrow(axes, [(x, _HALF), (x, y - _HALF)], self.color)
                ink.letter(axes, x - 0.14, y - 0.46, "U", self.color)
            if self.graph.scored is None or node in self.graph.scored:
                side = -1 if self._parent_is_right(node) else 1
                ink.arrow(axes, [(x + _HALF * side, y + 0.06), (x + 0.43 * side, y + 0.15)])
                ink.disc(axes, x + 0.58 * side, y + 0.2, f"$L_{{{node + 1}}}$", face="black", radius=0.17, fontsize=8.5)

    def _parent_is_right(self, node: int) -> bool:
        return any(node in self._children(parent) and self.at[parent][0] > self.at[node][0] for parent in self.at)

    def _children(self, node: int) -> list[int]:
        return [child for child in (self.part.children or ())[node] if child >= 0]

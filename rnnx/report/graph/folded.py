"""The graph as a model is written: every part once, with a loop."""

from matplotlib.axes import Axes

from rnnx.computational_graph import Edge, Graph, Shape
from rnnx.report.graph import columns, ink

_APART = 2.7  # inches from group to group
_BEFORE = 0.62  # inches from a node to what its first state is made of
_LOOP = 0.52  # inches from a node to what stands beside its loop
_NARROWEST = 1.3  # inches left and right of the outermost node
_CHARACTER = 0.082  # inches


class Folded:
    """A panel with all parts and the shapes of all that flows."""

    def __init__(self, graph: Graph, colors: dict[str, str]):
        self.graph, self.colors = graph, colors
        self.groups = columns.groups(graph)
        self.rows = columns.rows(graph)
        self.shifts = columns.shifts(graph, 0.62)
        beside = [self._wide(name) / 2 + _LOOP + _CHARACTER * len(self._state(name)) for name in graph.parts]
        side = max(_NARROWEST, *beside) + max(self.shifts.values())
        left = side if any(map(self._loops_left, graph.parts)) else _NARROWEST
        self.width = left + side + _APART * (len(self.groups) - 1)
        self.x = {name: left + _APART * g + self.shifts[name] for g, group in enumerate(self.groups) for name in group}
        self.letters = columns.letters(graph)

    def draw(self, axes: Axes) -> None:
        """On axes whose units are inches."""
        axes.set_title("folded: as it is written", fontsize=10.5)
        unit = "nodes" if any(part.children for part in self.graph.parts.values()) else "time"
        axes.set_xlabel(f"shapes are [{unit}, batch, features]", fontsize=10)
        looked_at = columns.looked_at(self.graph)
        for group in self.groups:
            self._inputs(axes, group)
        for name in self.graph.parts:
            self._part(axes, name)
        for edge in self.graph.edges:
            if edge.source and edge.target and edge.given == "final_state":
                self._beside(axes, edge.source, edge.target)
            elif edge.source and edge.target and edge not in looked_at.get(edge.target, ()):
                self._above(axes, edge.source, edge.target)
            elif edge.target and edge.taken == "state":
                self._given(axes, edge.target)
        for edges in looked_at.values():
            self._over(axes, edges)
        self._outputs(axes)

    def _inputs(self, axes: Axes, group: list[str]) -> None:
        """What a group reads of the batch, in one circle."""
        fed = [name for name in group if ("", "inputs") in self.graph.sources(name, "inputs")]
        if not fed:
            return
        x = self._middle(group)
        ink.disc(axes, x, 0, "x")
        ink.write(axes, x + 0.3, 0, shape(self.graph.parts[fed[0]].inputs), ha="left")
        for name in fed:
            ink.rise(axes, (x, 0), self._at(name), self.colors[name], beside=self._past("", name))
            side = 1 if self.shifts[name] > 0 else -1
            y = self.rows.parts[name] - 0.48 - (0.1 if side > 0 else 0)
            ink.letter(
                axes,
                (x + self.x[name]) / 2 + (0.4 if side > 0 else 0.18) * side,
                y,
                "U" + self.letters[name],
                self.colors[name],
                11,
            )

    def _part(self, axes: Axes, name: str) -> None:
        part, (x, y), color = self.graph.parts[name], self._at(name), self.colors[name]
        width = self._wide(name)
        ink.box(axes, x, y, name.replace("/", "\n"), face=color, edge=color, width=width, fontsize=9.5, height=0.5)
        side = -1 if self._loops_left(name) else 1
        edge = x + side * width / 2
        ink.loop(axes, edge, y, side, color)
        align = "right" if side < 0 else "left"
        state = self._state(name)
        if part.children:
            state += "\nof both\nchildren"
        ink.letter(axes, edge + _LOOP * side, y + 0.14, "W" + self.letters[name], color, 11, ha=align)
        ink.write(axes, edge + _LOOP * side, y + 0.01, state, fontsize=8.5, va="top", ha=align)

    def _loops_left(self, name: str) -> bool:
        """Out of the way of what is handed over to the right, or of what runs the other way."""
        return self.shifts[name] < 0 or (len(self.groups) > 1 and name in self.groups[0] and not self.shifts[name])

    def _state(self, name: str) -> str:
        state = self.graph.parts[name].state
        return f"{', '.join(state)} {shape(next(iter(state.values())))}"

    def _at(self, name: str) -> ink.Point:
        return self.x[name], self.rows.parts[name]

    def _past(self, source: str, target: str) -> float:
        """How far beside its middle an arrow passes other parts; 0 where there are none on the way."""
        low = self.rows.parts.get(source, 0.0)
        high = self.rows.parts.get(target, self.rows.outputs)
        passed = [
            name
            for name, y in self.rows.parts.items()
            if low < y < high and self.x[name] == self.x.get(source or target)
        ]
        return -0.14 - max(self._wide(name) for name in passed) / 2 if passed and not any(self.shifts.values()) else 0

    def _wide(self, name: str) -> float:
        return max(0.5, _CHARACTER * max(map(len, name.split("/"))) + 0.2)

    def _middle(self, group: list[str]) -> float:
        return sum(self.x[name] - self.shifts[name] for name in group) / len(group)

    def _above(self, axes: Axes, source: str, target: str) -> None:
        """What one part gives at each step to another above."""
        past = self._past(source, target)
        ink.rise(axes, self._at(source), self._at(target), self.colors[target], beside=past)
        if self.x[source] == self.x[target] and not past:
            y = self.rows.parts[target] - 0.48
            side = 1 if self.shifts[target] > 0 else -1
            ink.letter(axes, self.x[target] + 0.18 * side, y, "U" + self.letters[target], self.colors[target], 11)

    def _beside(self, axes: Axes, source: str, target: str) -> None:
        """What one part gives when it has ended."""
        (x, y), (to, up) = self._at(source), self._at(target)
        half, other = self._wide(source) / 2 + 0.02, self._wide(target) / 2 + 0.02
        ink.arrow(axes, [(x + half, y), (to - other, up)], self.colors[source], linewidth=2.2)
        last = f"last {', '.join(self.graph.parts[source].state)}"
        ink.write(axes, (x + to) / 2, (y + up) / 2 - 0.17, last, fontsize=9)

    def _given(self, axes: Axes, name: str) -> None:
        """A first state that is made of the batch."""
        x, y = self._at(name)
        half = self._wide(name) / 2 + 0.02
        ink.disc(axes, x - half - _BEFORE, y, "x")
        ink.arrow(axes, [(x - half - _BEFORE + 0.24, y), (x - half, y)], self.colors[name], linewidth=1.8)
        ink.write(axes, x - half - _BEFORE, y - 0.34, f"first {', '.join(self.graph.parts[name].state)}", fontsize=8.5)

    def _over(self, axes: Axes, edges: list[Edge]) -> None:
        """What is read as a whole."""
        to, up = self._at(edges[0].target)
        edge, high = to - self._wide(edges[0].target) / 2 - 0.02, self.rows.memory
        for source, _, target, _ in edges:
            x, y = self._at(source) if source else (edge - _BEFORE, up)
            points = [(x, y + 0.27), (x, high), (edge - 0.16, high), (edge - 0.16, up + 0.14), (edge, up + 0.14)]
            ink.arrow(axes, points, self.colors[source or target], linestyle=(0, (4, 1.5)))
        what = "attention" if edges[0].taken == "params" else "outputs"
        of = f" {shape(self.graph.parts[edges[0].source].outputs)}" if edges[0].source else ""
        middle = (self.x[edges[0].source] + to) / 2 if edges[0].source else edge - _BEFORE / 2
        ink.write(axes, middle, high + 0.14, f"{what}{of}", fontsize=9)

    def _outputs(self, axes: Axes) -> None:
        made = [edge.source for edge in self.graph.edges if edge.source and not edge.target]
        if not made:
            return
        group = next(group for group in self.groups[::-1] if set(group) & set(made))
        x, rows = self._middle(group), self.rows
        ink.box(axes, x, rows.outputs, "o", face="white", edge=ink.GREY)
        ink.write(axes, x + 0.3, rows.outputs, shape(self.graph.outputs), ha="left")
        for name in made:
            ink.rise(axes, self._at(name), (x, rows.outputs), ink.GREY, beside=self._past(name, ""))
        top = made[-1]
        ink.write(
            axes,
            self.x[top] + 0.12,
            rows.parts[top] + 0.4,
            shape(self.graph.parts[top].outputs),
            ha="left",
            fontsize=8.5,
        )
        ink.letter(axes, x + (0.42 if self.shifts[top] else -0.18), rows.outputs - 0.42, "V", ink.GREY, 11)
        ink.rise(axes, (x, rows.outputs), (x, rows.losses), ink.GREY)
        ink.disc(axes, x, rows.losses, "L", face="black")


def shape(of: Shape) -> str:
    """As it is written in the code."""
    return f"[{', '.join(map(str, of))}]"

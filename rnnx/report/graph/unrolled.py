"""The graph over time: a box a step, the same weights in all of them."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rnnx.computational_graph import Edge, Graph
from rnnx.report.graph import columns, ink
from rnnx.report.graph.painted import Tint

_PITCH, _WIDER = 0.84, 0.3  # inches from step to step, and how much more where parts stand side by side
_FOLD = 1.25  # inches of the steps that are folded
_START = 0.8  # inches before the first step, for what comes before it
_HALF = ink.NODE / 2 + 0.02
_BESIDE = 0.3  # inches beside a node, where an arrow passes it
_NARROWEST = 3.4  # inches, of the title
_AIM = 0.4  # how far to the side an arrow ends that comes from there


class Unrolled:
    """A panel with the steps of all parts."""

    def __init__(
        self, graph: Graph, colors: dict[str, str], tints: dict[str, dict[int, Tint]] | None, most: int | None
    ):
        self.graph, self.colors, self.tints = graph, colors, tints
        self.groups = columns.groups(graph)
        self.rows = columns.rows(graph)
        self.shifts = columns.shifts(graph, 0.21)
        self.letters = columns.letters(graph)
        most = most or (6 if len(self.groups) == 1 else 4)
        self.columns = [columns.columns(graph.parts[group[0]].steps, most) for group in self.groups]
        self.x: list[dict[tuple[int, ...], float]] = []
        x = 0.0
        for group, steps in zip(self.groups, self.columns, strict=True):
            sideways = any(self.shifts[name] for name in group)
            x += _START if not self.x else _START + 0.35
            places = {}
            for column in steps:
                width = (_FOLD + 0.48 if len(column) > 1 else _PITCH) + (_WIDER if sideways else 0)
                places[column] = x + width / 2 - (_PITCH - ink.NODE) / 2
                x += width
            x += (
                _START - _PITCH + ink.NODE
                if any(columns.runs_back(graph, name) for name in group)
                else -_PITCH + ink.NODE
            )
            self.x.append(places)
        self.width = max(x + 0.35, _NARROWEST)
        for places in self.x:  # in the middle, where there are few
            places |= {column: at + (self.width - x - 0.35) / 2 for column, at in places.items()}
        self.height = self.rows.losses

    def draw(self, axes: Axes) -> None:
        """On axes whose units are inches."""
        axes.set_title("unrolled: the same weights at every step", fontsize=10.5)
        axes.set_xlabel("time t (steps)", fontsize=10, labelpad=16 if len(self.groups) > 1 else 4)
        for g, group in enumerate(self.groups):
            self._inputs(axes, g)
            for name in group:
                self._part(axes, name, g)
            if len(self.groups) > 1:
                middle = (min(self.x[g].values()) + max(self.x[g].values())) / 2
                names = ", ".join(dict.fromkeys(name.partition("/")[0] for name in group))
                ink.write(axes, middle, -0.4, names, fontsize=10.5, color=self.colors[group[0]], fontweight="bold")
        looked_at = columns.looked_at(self.graph)
        for edge in self.graph.edges:
            if edge.source and edge.target and edge.given == "final_state":
                self._handed_over(axes, edge.source, edge.target)
            elif edge.source and edge.target and edge not in looked_at.get(edge.target, ()):
                self._above(axes, edge.source, edge.target)
            elif edge.target and edge.taken == "state":
                self._given(axes, edge.target)
        for edges in looked_at.values():
            self._looked_at(axes, edges)
        self._outputs(axes)

    def _place(self, name: str, step: int) -> tuple[float, float]:
        g = next(g for g, group in enumerate(self.groups) if name in group)
        x = next(x for column, x in self.x[g].items() if step in column)
        return x + self.shifts[name], self.rows.parts[name]

    def _inputs(self, axes: Axes, g: int) -> None:
        for column, x in self.x[g].items():
            fed = [name for name in self.groups[g] if set(column) & set(self.graph.parts[name].fed)]
            if fed and len(column) > 1:
                ink.write(axes, x, 0, "· · ·", fontsize=13)
            elif fed:
                ink.disc(axes, x, 0, f"$x_{{{column[0] + 1}}}$")
                for name in fed:
                    self._up(axes, (x + _AIM * self.shifts[name], 0), self._place(name, column[0]), name, "U")

    def _up(self, axes: Axes, start: ink.Point, end: ink.Point, name: str, letter: str) -> None:
        """From one row to one above, in the colour of the part whose weights are on the way, if there is one."""
        color, aside = self.colors.get(name, ink.GREY), any(self.shifts.values())
        past = _BESIDE if end[1] - start[1] > 1.3 and not aside else 0
        ink.rise(axes, start, end, color, beside=past)
        if not past and not aside:
            ink.letter(axes, start[0] - 0.14, end[1] - 0.46, letter + self.letters.get(name, ""), color)

    def _part(self, axes: Axes, name: str, g: int) -> None:
        color, y = self.colors[name], self.rows.parts[name]
        back = columns.runs_back(self.graph, name)
        order = list(self.x[g].items())[:: -1 if back else 1]
        way = -1 if back else 1
        before = None
        for column, x in order:
            x += self.shifts[name]
            half = _FOLD / 2 if len(column) > 1 else ink.NODE / 2
            if len(column) > 1:
                self._fold(axes, name, column, x, y)
            else:
                self._step(axes, name, column[0], x, y)
            if before is not None:
                ink.arrow(axes, [(before, y), (x - (half + 0.02) * way, y)], color, linewidth=1.8)
                if not self.shifts[name]:
                    ink.letter(axes, (before + x - half * way) / 2 - 0.03, y + 0.15, "W" + self.letters[name], color)
            before = x + (half + 0.02) * way
        if not self.graph.sources(name, "state"):
            x = order[0][1] + self.shifts[name]
            ink.box(
                axes,
                x - 0.68 * way,
                y,
                "$s_0$",
                face="white",
                edge=color,
                width=0.3,
                height=0.3,
                fontsize=8.5,
                linestyle=(0, (2, 1)),
                linewidth=1.1,
            )
            ink.arrow(axes, [(x - 0.52 * way, y), (x - _HALF * way, y)], color, linewidth=1.2)

    def _step(self, axes: Axes, name: str, step: int, x: float, y: float) -> None:
        color = self.colors[name]
        face, hatch = self.tints[name][step] if self.tints else (color, "")
        ink.box(
            axes,
            x,
            y,
            f"$s_{{{step + 1}}}$",
            face=face,
            edge=color,
            hatch=hatch,
            linewidth=2.4 if self.tints else 1.4,
            gid=f"{name} {step}",
        )

    def _fold(self, axes: Axes, name: str, column: tuple[int, ...], x: float, y: float) -> None:
        """Steps that are not drawn by themselves: how many, and as thin strips the gradient at each."""
        color, half = self.colors[name], _FOLD / 2
        if self.tints is None:
            ink.box(
                axes,
                x,
                y,
                f"… {len(column)} more …",
                face="white",
                edge=color,
                width=_FOLD,
                linestyle=(0, (4, 2)),
                fontsize=9.5,
                gid=f"{name} folded",
            )
            return
        wide = _FOLD / len(column)
        for n, step in enumerate(column):
            face, hatch = self.tints[name][step]
            axes.add_patch(
                Rectangle(
                    (x - half + n * wide, y - ink.NODE / 2),
                    wide,
                    ink.NODE,
                    facecolor=face,
                    edgecolor="0.6",
                    hatch=hatch,
                    linewidth=0,
                    zorder=4,
                    gid=f"{name} {step}",
                )
            )
        axes.add_patch(
            Rectangle((x - half, y - ink.NODE / 2), _FOLD, ink.NODE, fill=False, edgecolor=color, linewidth=2, zorder=5)
        )
        ink.write(axes, x, y - 0.34, f"{len(column)} more", fontsize=8.5)

    def _above(self, axes: Axes, source: str, target: str) -> None:
        """What one part gives at each step to another above."""
        g = next(g for g, group in enumerate(self.groups) if source in group)
        for column in self.columns[g]:
            if len(column) == 1:
                self._up(axes, self._place(source, column[0]), self._place(target, column[0]), target, "U")

    def _handed_over(self, axes: Axes, source: str, target: str) -> None:
        """From where one part ended to where another begins."""
        parts = self.graph.parts
        (x, y), (to, up) = self._place(source, parts[source].steps[-1]), self._place(target, parts[target].steps[0])
        bent = 0.35 if columns.runs_back(self.graph, source) else 0
        points = [(x + _HALF, y), (to - _HALF, up)]
        ink.arrow(axes, points, self.colors[source], bent=bent, linewidth=2.6, mutation_scale=13)
        ink.write(axes, (x + to) / 2, (y + up) / 2 + 0.2, ", ".join(parts[source].state), fontsize=9.5)
        ink.write(axes, (x + to) / 2, (y + up) / 2 - 0.2, "handed over", fontsize=8.5)

    def _looked_at(self, axes: Axes, edges: list[Edge]) -> None:
        """A line over all steps of some parts, which every step of another looks at."""
        y, dashes = self.rows.memory, (0, (4, 1.5))
        ends = self._steps(edges[0].target)
        for source, _, target, _ in edges:
            line: dict[str, Any] = {"color": self.colors[source or target], "linestyle": dashes, "zorder": 1}
            starts = self._steps(source) if source else [(ends[0][0] - 0.8, ends[0][1])]  # the disc of `_given`
            axes.plot([starts[0][0], ends[-1][0] - 0.36], [y, y], linewidth=1.3, **line)
            for x, up in starts:
                axes.plot([x, x], [up + _HALF, y], linewidth=1.1, **line)
        for x, up in ends:
            points = [(x - 0.36, y), (x - 0.36, up + 0.36), (x - 0.21, up + 0.2)]
            color = self.colors[edges[-1].source or edges[-1].target]
            ink.arrow(axes, points, color, linewidth=1.1, linestyle=dashes, mutation_scale=8, zorder=2)
        what = "attention: looked at from every step" if edges[0].taken == "params" else "outputs, for other steps"
        over = ends if edges[-1].source in columns.looked_at(self.graph) else starts  # what has words of its own there
        middle = (starts[0][0] + (over if edges[-1].source else ends)[-1][0]) / 2
        ink.write(axes, middle, y + 0.14, what, fontsize=9)

    def _steps(self, name: str) -> list[ink.Point]:
        """Where the steps of a part stand, one of those that are folded."""
        g = next(g for g, group in enumerate(self.groups) if name in group)
        return [self._place(name, column[0]) for column in self.columns[g]]

    def _given(self, axes: Axes, name: str) -> None:
        """A first state that is made of the batch."""
        x, y = self._place(name, self.graph.parts[name].steps[0])
        ink.disc(axes, x - 0.8, y, "x")
        ink.arrow(axes, [(x - 0.8 + _HALF, y), (x - _HALF, y)], self.colors[name], linewidth=1.8)

    def _outputs(self, axes: Axes) -> None:
        """What is read out where it is scored, and the losses."""
        graph, rows = self.graph, self.rows
        made = {edge.source: edge.given for edge in graph.edges if edge.source and not edge.target}
        for g, group in enumerate(self.groups):
            sources = [name for name in group if name in made]
            if not sources:
                continue
            scored = graph.scored
            last = graph.parts[sources[-1]].steps[-1]
            whole = scored is None
            at_end = all(made[name] == "final_state" for name in sources)
            for column, x in self.x[g].items():
                counting = [step for step in column if (step == last if at_end else whole or step in (scored or ()))]
                if counting and len(column) > 1:
                    for y in (rows.outputs, rows.losses)[: 1 if whole else 2]:
                        ink.write(axes, x, y, "· · ·", fontsize=13)
                    continue
                for step in counting:
                    for name in sources:
                        end = x + _AIM * self.shifts[name], rows.outputs
                        self._up(axes, self._place(name, step), end, "", "V")
                    ink.box(axes, x, rows.outputs, f"$o_{{{step + 1}}}$", face="white", edge=ink.GREY)
                    ink.arrow(axes, [(x, rows.outputs + _HALF), (x, rows.losses - _HALF)])
                    if not whole:
                        ink.disc(axes, x, rows.losses, f"$L_{{{step + 1}}}$", face="black")
            if whole:
                xs = [x for column, x in self.x[g].items() if not at_end or last in column]
                wide = max(xs) - min(xs) + ink.NODE
                ink.box(axes, (max(xs) + min(xs)) / 2, rows.losses, "L", face="black", edge="black", width=wide)

"""Where the parts of a graph stand: which of them run side by side in time, and which of their steps are drawn."""

from typing import NamedTuple

from rnnx.computational_graph import Edge, Graph


def groups(graph: Graph) -> list[list[str]]:
    """Parts that run over the same steps stand one upon another, and beside what they take up from.

    A part that reads what others give at each step is of their group; one that starts from a state of theirs, or looks
    at all of what they give, comes after them.
    """
    made: list[list[str]] = []
    of: dict[str, int] = {}
    for name, part in graph.parts.items():
        below, *before = ([of[source] for source, _ in graph.sources(name, at) if source] for at in _TAKEN)
        alike = [n for n in below if _steps(graph, made[n]) == sorted(part.steps)]
        first = max((n for earlier in before for n in earlier), default=-1) + 1
        fitting = [n for n in range(first, len(made)) if _steps(graph, made[n]) == sorted(part.steps)]
        of[name] = alike[-1] if alike else fitting[0] if fitting and not below else len(made)
        if of[name] == len(made):
            made.append([])
        made[of[name]].append(name)
    return made


_TAKEN = ("inputs", "state", "params")


def _steps(graph: Graph, group: list[str]) -> list[int]:
    return sorted(graph.parts[group[0]].steps)


def columns(steps: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    """The steps from left to right, of which so many are drawn at most: those between the first and the last are one
    column.

    >>> columns((0, 1, 2, 3), most=4), columns(tuple(range(100)), most=4)[2][:3]
    ([(0,), (1,), (2,), (3,)], (2, 3, 4))
    """
    ordered = sorted(steps)
    first, last = -(-most // 2), most // 2
    if len(ordered) <= most + 1:  # a fold takes more room than a step
        return [(step,) for step in ordered]
    singles = [(step,) for step in ordered]
    return [*singles[:first], tuple(ordered[first : len(ordered) - last]), *singles[len(ordered) - last :]]


def looked_at(graph: Graph) -> dict[str, list[Edge]]:
    """What reads all steps of others, and not each the one below it: by attention, or as inputs of another length. Of
    the batch itself it is what is looked at that no part has run over, such as a picture."""
    group = {name: n for n, names in enumerate(groups(graph)) for name in names}
    made: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        apart = edge.taken == "params" or (edge.taken == "inputs" and group.get(edge.source) != group.get(edge.target))
        whole = edge.given != "final_state" if edge.source else edge.given == "inputs" and edge.taken == "params"
        if edge.target and whole and apart:
            made.setdefault(edge.target, []).append(edge)
    return made


class Rows(NamedTuple):
    """How high things stand, inches above the inputs."""

    parts: dict[str, float]
    memory: float
    """Of the line to what is looked at."""
    outputs: float
    losses: float


def rows(graph: Graph) -> Rows:
    """Each part of a group a row, from the first to run up; above them outputs, and losses on top."""
    parts = {name: (n + 1) * _ROW for group in groups(graph) for n, name in enumerate(group)}
    top = max(parts.values())
    outputs = top + _ROW + (0.25 if looked_at(graph) else 0)
    return Rows(parts, top + 0.55, outputs, outputs + 0.8)


_ROW = 0.95


def runs_back(graph: Graph, name: str) -> bool:
    """Whether a part runs from the last step to the first."""
    steps = graph.parts[name].steps
    return steps[0] > steps[-1]


def shifts(graph: Graph, by: float) -> dict[str, float]:
    """How far to the side each part stands, so that what passes another in the opposite direction is seen beside it."""
    made = dict.fromkeys(graph.parts, 0.0)
    for group in groups(graph):
        back = {name: runs_back(graph, name) for name in group}
        if any(back.values()):
            made |= {name: by if back[name] else -by for name in group}
    return made


def letters(graph: Graph) -> dict[str, str]:
    """What is written after U and W of each part; nothing where there is one."""
    return {name: f"$_{n + 1}$" if len(graph.parts) > 1 else "" for n, name in enumerate(graph.parts)}

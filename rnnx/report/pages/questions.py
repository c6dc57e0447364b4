"""The sections of the report by the question that they answer."""

from typing import NamedTuple

from rnnx.report.figures import Section


class Question(NamedTuple):
    """A part of the page."""

    name: str
    title: str
    short: str
    """In the line of contents."""
    first: tuple[str, ...]
    """Sections that are shown; the names are those of figures."""
    further: tuple[str, ...] = ()
    """Sections that are opened by a click."""


QUESTIONS = (
    Question("model", "What is computed?", "The model", (), ("computational_graph",)),
    Question(
        "where",
        "Where does the gradient go?",
        "Where?",
        ("state_gradient_on_data",),
        (
            "state_gradient",
            "state_gradient_handed_over",
            "state_gradient_horizon",
            "log_state_gradient",
            "input_gradient",
            "jacobian_products",
        ),
    ),
    Question("when", "Since when?", "Since when?", (), ("state_gradient_heat_map",)),
    Question(
        "through",
        "Through which part of the state, and through which gate?",
        "Through what?",
        ("state_gradient_parts",),
        ("gates", "paths", "lyapunov", "trajectories"),
    ),
    Question(
        "weights",
        "What do the weights see of it?",
        "The weights",
        (),
        ("weight_gradient_by_lag", "truncation_bias", "noise_scale"),
    ),
    Question("clipped", "What did clipping do?", "Clipping", (), ("clipping",)),
    Question(
        "learnt",
        "Did it learn?",
        "Learning",
        ("loss", "written", "forecast"),
        ("loss_by_length", "loss_by_context", "surprise", "selective_units"),
    ),
)

_OTHERS = Question("others", "What else was measured?", "Others", ())


class Answer(NamedTuple):
    """A question with the sections that there are."""

    question: Question
    first: tuple[Section, ...]
    further: tuple[Section, ...]

    @property
    def sections(self) -> list[str]:
        """Their names."""
        return [section.name for section in (*self.first, *self.further)]


def answers(sections: list[Section]) -> list[Answer]:
    """The questions in order; a section that belongs to none is under the last.

    >>> from rnnx.report import figures
    >>> [answer.question.short for answer in answers(figures.sections())][:2]
    ['The model', 'Where?']
    """
    known = {name for question in QUESTIONS for name in (*question.first, *question.further)}
    others = _OTHERS._replace(first=tuple(section.name for section in sections if section.name not in known))
    by_name = {section.name: section for section in sections}
    return [
        Answer(
            question,
            tuple(by_name[name] for name in question.first if name in by_name),
            tuple(by_name[name] for name in question.further if name in by_name),
        )
        for question in (*QUESTIONS, others)
    ]

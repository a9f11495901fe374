"""Sentences with numbers and names put in: Jinja2 templates that escape for Markdown.

What a template puts in is escaped as `escape` does, unless it is Markdown: what the filters below return, and what
`Markdown` marks.
"""

from collections.abc import Iterable

import jinja2

from scripts.compare import labels
from scripts.report.markdown import escape


class Markdown(str):
    """Text that is Markdown already."""


def _put_in(value: object) -> str:
    return value if isinstance(value, Markdown) else escape(value)


def _listed(words: Iterable[object]) -> Markdown:
    return Markdown(labels.listed([_put_in(word) for word in words]))


# "{#" opens a label of Markdown, and no comment.
_TEMPLATES = jinja2.Environment(  # nosec B701: Markdown is made of them, no HTML; values are escaped by `finalize`
    finalize=_put_in, undefined=jinja2.StrictUndefined, comment_start_string="{%#", comment_end_string="#%}"
)
_TEMPLATES.filters |= {
    "counted": lambda number, what: Markdown(labels.counted(number, what)),
    "listed": _listed,
    "number": lambda number: Markdown(f"{int(number):,}"),
    "percent": lambda share: Markdown(labels.percent(share)),
    "points": lambda difference: Markdown(labels.points(difference, sign=False)),
}


def prose(template: str, **values: object) -> Markdown:
    """Return a template's text with `values` put in. Lines of a paragraph are joined; an empty line parts paragraphs.

    Raises jinja2.UndefinedError for a name without a value.
    """
    paragraphs = (" ".join(paragraph.split()) for paragraph in template.split("\n\n"))
    return Markdown(_TEMPLATES.from_string("\n\n".join(paragraphs).strip()).render(values))

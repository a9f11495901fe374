"""Headings in the place of tags: "## Thinking" at the beginning of a response, "## Final Response" once behind it.

Both are set alike: as a heading of Markdown, in bold or brackets, in a list, or as words and a colon. The words are
those of the languages in which public data sets hold chains; of two the longer one stands first.
"""

import re

_THINKING = (
    r"(?:my |the |inner |internal |step[ -]by[ -]step )*(?:thinking|thought|reasoning) (?:process|steps)",
    r"(?:my |the |inner |internal |step[ -]by[ -]step )*(?:thinking|thoughts?|reasoning|rationale|monologue)",
    r"chain[ -]of[ -]thought|cot",
    r"(?:denk|gedanken)prozess|gedankengang|gedanken|überlegung(?:en)?|raisonnement|réflexion|razonamiento|raciocínio",
    r"pensamientos?|pensamentos?|pensées?|pensier[oi]|ragionamento|рассуждени[ея]|размышлени[ея]|ход мыслей",
    r"(?:思考|推理|推論)(?:过程|過程|プロセス)?|사고 ?과정|추론(?: ?과정)?|사고",
)
_RESPONSE = (
    r"(?:the |my )?(?:final |complete )?(?:response|answer|solution|reply|(?P<weak>conclusion|output|result))",
    r"(?:endgültige |finale )?antwort|lösung|(?P<weak_german>ergebnis)|réponse(?: finale)?",
    r"respuesta(?: final)?|solución|solução|resposta(?: final)?",
    r"risposta(?: finale)?|soluzione|(?:итоговый |окончательный )?ответ|решение",
    r"(?:最终|最終)?(?:回答|答案|答え|解答)|(?:최종 ?)?(?:답변|정답|답)",
)


# Signs that set a heading off: of Markdown, of a list, brackets, emoji; a number before, a colon behind.
_BEFORE = r"(?P<before>(?:[#*_=~>\[(•-]|[^\x00-\x7f\w\s]){0,8}[ \t]{0,4}(?:\d{1,2}[.)][ \t]{0,4})?[*_\[(]{0,3})"
_BEHIND = r"(?!\w)(?P<behind>[ \t]{0,4}[*_=~\])#]{0,8}[ \t]{0,4}[:：]?[*_=~\])]{0,3})(?P<alone>[ \t]*\r?$)?"
_BEGINS = re.compile(rf"{_BEFORE}(?:{'|'.join(_THINKING)}){_BEHIND}", re.IGNORECASE | re.MULTILINE)
_ENDS = re.compile(rf"^[ \t]{{0,8}}{_BEFORE}(?:{'|'.join(_RESPONSE)}){_BEHIND}", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"(?:\A|\n[ \t]*\r?\n)[ \t]*(-{3,}|\*{3,}|_{3,})[ \t]*\r?$", re.MULTILINE)
"""A line across the page, which ends something; right under words it makes them a heading."""
_FENCED = re.compile(r"^[ \t]*(```+|~~~+).*?(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)


def _signs(found: re.Match[str]) -> tuple[str, str] | None:
    """Return how a heading is set, whatever its level; None where words merely begin a line."""
    before, behind = re.sub(r"[\d.)\s]|[^\x00-\x7f]", "", found["before"]), re.sub(r"\s", "", found["behind"])
    behind = behind.replace("：", ":")
    if ":" in behind or (before and behind and before[-1] in "*_[") or (found["alone"] is not None and before):
        return ("#", "") if "#" in before else (before, behind)
    return None


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(begin <= place < end for begin, end in spans)


def under_heading(text: str) -> tuple[int, int] | None:
    """Return where the thinking under a heading begins and ends; None where no heading says so.

    Raises ValueError where it may end in two places, or where nobody can tell.
    """
    if not (begins := _BEGINS.match(text, len(text) - len(text.lstrip()))) or not (signs := _signs(begins)):
        return None
    fences = [found.span() for found in _FENCED.finditer(text)]
    outside = [found for found in _ENDS.finditer(text, begins.end()) if not _within(found.start(), fences)]
    alike = [found for found in outside if _signs(found) == signs]
    level = begins["before"].count("#")
    ends = [found for found in alike if found["before"].count("#") == level] or alike
    # A step of a chain may have its own result.
    ends = [found for found in ends if not (found["weak"] or found["weak_german"])] or ends
    if not ends:
        rules = [rule for rule in _RULE.finditer(text, begins.end()) if not _within(rule.start(1), fences)]
        if len(rules) == 1:  # of a document they divide the sections
            raise ValueError(
                f"the response begins with '{begins[0].strip()}', and no heading ends that: whether the line "
                f"{rules[0][1]} does cannot be told"
            )
        return None
    if [found[0].strip() for found in ends].count(ends[0][0].strip()) > 1:
        raise ValueError(f"'{ends[0][0].strip()}' stands there twice: where the thinking ends cannot be told")
    return begins.end(), ends[0].start()

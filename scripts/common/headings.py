"""Headings in the place of tags: "## Thinking" at the beginning of a response, "## Final Response" once behind it.

Both are set alike: as a heading of Markdown, in bold, or as words and a colon. The words are those of the languages in
which public data sets hold chains.
"""

import re

_THINKING = (
    r"(?:my |the |inner |internal |step[ -]by[ -]step )*(?:thinking|thoughts?|reasoning|rationale|monologue)",
    r"(?:thinking|thought|reasoning) (?:process|steps)|chain[ -]of[ -]thought|cot",
    r"(?:denk|gedanken)prozess|gedankengang|gedanken|überlegung(?:en)?|raisonnement|réflexion|razonamiento|raciocínio",
    r"ragionamento|рассуждени[ея]|размышлени[ея]|ход мыслей",
    r"(?:思考|推理|推論)(?:过程|過程|プロセス)?|사고 ?과정|추론(?: ?과정)?|사고",
)
_RESPONSE = (
    r"(?:the |my )?(?:final |complete )?(?:response|answer|solution|conclusion|output|result|reply)",
    r"(?:endgültige |finale )?antwort|lösung|ergebnis|réponse(?: finale)?|respuesta(?: final)?|solución|solução",
    r"resposta(?: final)?|risposta(?: finale)?|soluzione|(?:итоговый |окончательный )?ответ|решение",
    r"(?:最终|最終)?(?:回答|答案|答え|解答)|(?:최종 ?)?(?:답변|정답|답)",
)


def _heading(words: str) -> str:
    hashes = rf"(?P<hashes>#{{1,6}})[ \t]*\**(?:{words}):?\**:?[ \t]*\r?$"
    return rf"(?P<all>{hashes}|(?P<bold>\*\*)(?:{words})(?::\*\*|\*\*:?)|(?:{words})[:：])"


_BEGINS = re.compile(rf"\A\s*{_heading('|'.join(_THINKING))}", re.IGNORECASE | re.MULTILINE)
_ENDS = re.compile(rf"^[ \t]*{_heading('|'.join(_RESPONSE))}", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*\r?$", re.MULTILINE)
"""A line across the page, which ends something."""


def under_heading(text: str) -> tuple[int, int] | None:
    """Return where the thinking under a heading begins and ends; None where no heading says so.

    Raises ValueError where it may end in two places, or where nobody can tell.
    """
    if not (begins := _BEGINS.match(text)):
        return None
    alike = [
        found
        for found in _ENDS.finditer(text, begins.end())
        if found["bold"] == begins["bold"] and bool(found["hashes"]) == bool(begins["hashes"])
    ]
    ends = [found for found in alike if found["hashes"] == begins["hashes"]] or alike
    if not ends and (rule := _RULE.search(text, begins.end())):
        raise ValueError(
            f"the response begins with '{begins['all'].strip()}', and no heading ends that: whether the line "
            f"{rule[0].strip()} does cannot be told"
        )
    if not ends:
        return None
    if [found["all"] for found in ends].count(ends[0]["all"]) > 1:
        raise ValueError(f"'{ends[0]['all'].strip()}' stands there twice: where the thinking ends cannot be told")
    return begins.end(), ends[0].start()

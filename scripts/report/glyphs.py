"""Characters that no font of this machine has: the PDF shows their codes and says so, instead of silent boxes."""

import re
import unicodedata
from collections.abc import Iterable

_MISSING = re.compile(r'the text `"(.+?)"` could not be displayed')
_SHOWN = 12  # characters that the log and the page name


def candidates(texts: Iterable[str]) -> list[str]:
    """Return the characters of some texts that a font may lack: what is no ASCII, no space, no control and no mark."""
    found = {letter for text in texts for letter in text if letter > "\x7f"}
    return sorted(letter for letter in found if unicodedata.category(letter)[0] in "LNPS" and not _emoji(letter))


def _emoji(letter: str) -> bool:
    """Whether the template shows a character's code anyway."""
    return "\U0001f000" <= letter <= "\U0001faff"


def without_glyph(letters: list[str]) -> list[str]:
    """Return those of some characters for which typst finds no font: PDF/A refuses them, and says which."""
    if not letters:
        return []
    import typst

    codes = " ".join(f"#str.from-unicode({ord(letter)})" for letter in letters)
    try:
        typst.compile(f'#set text(font: "Libertinus Serif")\n{codes}'.encode(), format="pdf", pdf_standards="a-2u")
    except typst.TypstError as error:
        missing = set("".join(_MISSING.findall(error.diagnostic)))
        return [letter for letter in letters if letter in missing]
    return []


def sentence(missing: list[str]) -> str:
    """Return what is said of missing characters, by their codes: what shows them, and what would mend it."""
    codes = ", ".join(f"U+{ord(letter):04X}" for letter in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    return (
        f"No font of this machine has {len(missing):,} of the characters ({codes}{more}): the PDF shows their codes. "
        "Debian's fonts-noto-cjk has those of Chinese, Japanese and Korean; the HTML shows all that the browser can."
    )


def block(missing: list[str]) -> str:
    """Return the Markdown that makes typst show the codes of missing characters, and say so; nothing for HTML."""
    if not missing:
        return ""
    inside = "".join(f"\\u{{{ord(letter):x}}}" for letter in missing)
    rule = f'#show regex("[{inside}]"): it => text(0.8em)[U+#upper(str(it.text.to-unicode(), base: 16)) ]'
    return f"```{{=typst}}\n{rule}\n#text(8.5pt)[{sentence(missing).replace('+', chr(92) + '+')}]\n```\n"

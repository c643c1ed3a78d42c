"""Repairs the small damage that text layers carry, so that stored page text reads as the page does."""

from __future__ import annotations

import re

_CONTROL: dict[int, str | None] = {code: None for code in range(32) if code not in (9, 10)}
_CONTROL[0x02] = "-"  # what pdfium 5 puts for a hyphen at a line's end
_CONTROL[0xFFFE] = "-"  # what older pdfium put there
_CONTROL[0xFFFF] = None
_CONTROL[0x7F] = None
_CONTROL[0xAD] = None  # a soft hyphen that was not shown
_CONTROL[0xFEFF] = None
_CONTROL[0x200B] = None
_CONTROL[0xA0] = " "
_CONTROL[0x0C] = "\n"
_CONTROL.update(dict.fromkeys(range(55296, 57344)))  # lone surrogates cannot be stored as UTF-8
_CONTROL.update(dict.fromkeys((*range(8234, 8239), *range(8294, 8298))))  # direction overrides

_ODD = re.compile("[" + re.escape("".join(map(chr, _CONTROL))) + "]")  # most pages hold none of them

_SPACED = re.compile(r"(?<!\S)(?:[^\W_]|[.,;:%$()&/-])(?:[ ](?:[^\W_]|[.,;:%$()&'’/-])){4,}(?!\S)")
_GAP = re.compile(r"[ ]{2,}")


def clean(text: str) -> str:
    """Return `text` with line ends as `\\n`, hyphen artefacts as `-` and control characters dropped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_CONTROL) if _ODD.search(text) else text


def join_letter_spacing(text: str) -> str:
    """Return `text` with letter-spaced runs (`N e t  s a l e s`) joined where two spaces part the words.

    A page is touched only when most of its tokens are single characters, so that ordinary initials and
    lists of letters stay as they are.
    """
    if not letter_spaced(text):
        return text
    return "\n".join(_join_line(line) for line in text.split("\n"))


def letter_spaced(text: str) -> bool:
    """Whether most of the text's tokens are single characters, as in a letter-spaced text layer."""
    tokens = text.split()
    single = sum(1 for token in tokens if len(token) == 1 and token.isalnum())
    return len(tokens) >= 20 and single > 0.5 * len(tokens)


def _join_line(line: str) -> str:
    if not _SPACED.search(_GAP.sub(" ", line)):
        return line
    if _GAP.search(line):
        return " ".join(part.replace(" ", "") for part in _GAP.split(line.strip()))
    return line.replace(" ", "")

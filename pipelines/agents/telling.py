"""The words of a text that carry its meaning."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_STOP = frozenset(
    """the and for are was were has have had how what which who whom why when where does did with from that this than
    then their they its our into about over under between since company companies fiscal year years much many tell
    describe explain say says name named main see also any all been being can could would should will more most
    other such these those due""".split()
)


def telling_words(text: str) -> set[str]:
    """Return the words of a text that carry its meaning, cut to their beginnings."""
    return {stem(word) for word in _WORD.findall(text.lower().replace("’", "'")) if word not in _STOP}


def stem(word: str) -> str:
    """Cut a word to its first six letters: "compete" and "competition" are one, "fee" and "fees", too."""
    return word.removesuffix("'s").removesuffix("s")[:6]

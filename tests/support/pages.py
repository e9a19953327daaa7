"""The code that stands on pages of Markdown."""

import re


def code_blocks(page: str, language: str) -> list[str]:
    """The code of every block of a language, in the page's order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)

"""The pages of the documentation, drawn as HTML for browsers and sent as they are to others.

README.md and docs/ lie beside the functions in a clone and in the package, but not in what gcloud
uploads. The pages keep their paths, so their links to one another hold.
"""

import re
from functools import cache
from pathlib import Path, PurePosixPath
from posixpath import normpath

from markdown_it import MarkdownIt

FIRST = "README.md"
"""The page that links all others."""

_ROOT = Path(__file__).parents[2]
_PLAIN = "text/plain; charset=utf-8"
_TYPES = {".md": _PLAIN, ".sh": _PLAIN, ".png": "image/png", ".svg": "image/svg+xml"}
_OUTSIDE = re.compile(r"[a-z]+:|#")


@cache
def names() -> frozenset[str]:
    """The paths of all files, such as `docs/settings.md`; none where there is no documentation."""
    if not (_ROOT / FIRST).exists():
        return frozenset()
    found = (path for path in (_ROOT / "docs").rglob("*") if path.suffix in _TYPES)
    return frozenset({FIRST, *(path.relative_to(_ROOT).as_posix() for path in found)})


@cache
def read(name: str) -> tuple[bytes, str]:
    """The bytes and the media type of one of `names`."""
    path = _ROOT / name
    return path.read_bytes(), _TYPES[path.suffix]


@cache
def draw(name: str) -> tuple[str, str]:
    """The title and the HTML of one of `names` that is a page."""
    markdown = MarkdownIt("commonmark").enable("table")
    # No browser draws Mermaid's diagrams without a script.
    parsed = markdown.parse(read(name)[0].decode())
    tokens = [token for token in parsed if token.info != "mermaid"]
    title = FIRST
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", _anchor(following.content))
            title = following.content if token.tag == "h1" else title
        elif token.type == "inline":
            for each in token.children or ():
                target = str(each.attrGet("href") or "")
                if each.type == "link_open" and not _leads_somewhere(name, target):
                    del each.attrs["href"]
    body = str(markdown.renderer.render(tokens, markdown.options, {}))
    # A block that scrolls must take the focus, so that keys scroll it.
    return title, body.replace("<pre>", '<pre tabindex="0">')


def _anchor(heading: str) -> str:
    """The name of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _leads_somewhere(name: str, target: str) -> bool:
    """Whether a link of the page leads to a file that is served; source files are not."""
    if _OUTSIDE.match(target):
        return True
    path = PurePosixPath(name).parent / target.partition("#")[0]
    return normpath(path.as_posix()) in names()

"""The pages of the documentation: HTML for browsers, the Markdown itself for other clients.

A clone and the package have README.md and docs/ beside the functions; the upload of gcloud has
neither. The pages keep their paths, so the links between them work.
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
    """The paths of all files, such as `docs/settings.md`; none without README.md."""
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
    """The title and the HTML of a page, one of `names` that ends in `.md`."""
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
    # A reader can scroll a block by keys only if the block takes the focus.
    return title, body.replace("<pre>", '<pre tabindex="0">')


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub spells it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _leads_somewhere(name: str, target: str) -> bool:
    """Whether the server has the target of a link; it serves no source files."""
    if _OUTSIDE.match(target):
        return True
    path = PurePosixPath(name).parent / target.partition("#")[0]
    return normpath(path.as_posix()) in names()

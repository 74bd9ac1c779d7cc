"""A text as a stranger may type it, and what a page would make of it."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt

TEXT = (
    "1. [log in](//evil.example) ![x](//evil.example/i.png) <img src=//evil.example/j onerror=a()>"
    ' <a href="javascript:evil()">b</a> $$\\text{evil}$$ https://evil.example www.evil.example '
    "a@evil.example `code` **bold** _it_ ~~gone~~ | cell # &lt;i&gt;"
)
SHORT = "[in](//evil.example)<img src=//evil.example>$$\\text{evil}$$"  # of a title: 60 characters
OURS = {"p", "table", "thead", "tbody", "tr", "th", "td", "strong", "code", "span"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(markdown: str) -> str:
    """Return the text that a page shows of Markdown; fail where there is more than text in it."""
    reader, parser = _Reader(), MarkdownIt("commonmark", {"html": True})
    reader.feed(parser.enable(["table", "strikethrough"]).render(markdown))
    assert reader.tags <= OURS, reader.tags - OURS
    # What a browser's reader takes for an address or a formula, too.
    assert not any(sign in markdown for sign in ("://", "www.", "@", "$")), markdown
    return reader.text

"""The text part of an email, made from its blocks: headings, wrapped paragraphs, lists, addresses apart."""

import textwrap
from html.parser import HTMLParser

WIDTH = 72


def text_of(parts):
    """Plain text of the parts that `rendering.parts_of` gives, wrapped at 72 characters; gaps are left as they are."""
    return "\n\n".join(filter(None, (_SAY[part["type"]](part) for part in parts)))


def wrapped(text, first="", rest=None):
    """Lines of at most 72 characters; an address is never broken. `first` and `rest` stand before them."""
    lines = []
    for number, line in enumerate(text.split("\n")):
        ahead = first if number == 0 else (first if rest is None else rest)
        lines += textwrap.wrap(
            line,
            WIDTH,
            initial_indent=ahead,
            subsequent_indent=first if rest is None else rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [ahead.rstrip()]
    return "\n".join(lines)


def _paragraphs(paragraphs, ahead=""):
    return f"\n{ahead.rstrip()}\n".join(wrapped("\n".join(lines), ahead) for lines in paragraphs)


def _heading(part):
    return f"{wrapped(part['text'])}\n{'-' * min(WIDTH, max(map(len, wrapped(part['text']).split(chr(10)))))}"


def _link(part):
    return f"{part['label']}:\n{part['url']}"


def _picture(part):
    said = f"[{part['alt']}]" if part["alt"] else ""
    return "\n".join(filter(None, (wrapped(said), part["url"])))


def _quote(part):
    said = _paragraphs(part["paragraphs"], "> ")
    return f"{said}\n> — {part['who']}" if part["who"] else said


def _card(part):
    said = [_heading({"text": part["title"]}) if part["title"] else "", wrapped(part["when"])]
    said += [_paragraphs(part["paragraphs"])]
    if part["url"] and part["label"]:
        said.append(_link(part))
    return "\n\n".join(filter(None, said))


class _Reader(HTMLParser):
    """Clean rich text, read into wrapped plain text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.said, self.words, self.lists, self.url, self.label = [], "", [], "", ""

    def handle_starttag(self, tag, attrs):
        if tag == "br":
            self.words += "\n"
        elif tag == "a":
            self.url, self.label = dict(attrs).get("href", ""), ""
        elif tag in ("ul", "ol"):
            self.close()
            self.lists.append([tag, 0])
        elif tag == "li" and self.lists:
            self.close()
            self.lists[-1][1] += 1

    def handle_endtag(self, tag):
        if tag == "a" and self.url:
            if self.label.strip() != self.url:
                self.words += f" ({self.url})" if self.label.strip() else self.url
            self.url = ""
        elif tag in ("p", "li"):
            self.close(item=tag == "li")
        elif tag in ("ul", "ol") and self.lists:
            self.close()
            self.lists.pop()
            if not self.lists:
                self.said.append(("", False))

    def handle_data(self, data):
        self.words += data
        self.label += data

    def close(self, *, item=False):
        """What was said so far becomes a paragraph, or a point of the list it stands in."""
        lines = [" ".join(line.split()) for line in self.words.split("\n")]
        self.words = ""
        if not any(lines):
            return
        text = "\n".join(lines).strip()
        if self.lists:
            kind, number = self.lists[-1]
            mark = "- " if kind == "ul" else f"{number}. "
            mark = "   " * (len(self.lists) - 1) + mark
            self.said.append((wrapped(text, mark, " " * len(mark)), True))
        else:
            self.said.append((wrapped(text), False))

    def text(self):
        self.close()
        out = ""
        for number, (words, point) in enumerate(self.said):
            if number and words:
                out += "\n" if point and self.said[number - 1][1] else "\n\n"
            out += words
        return out.strip("\n")


def _rich(part):
    reader = _Reader()
    reader.feed(part["html"])
    return reader.text()


_SAY = {
    "heading": _heading,
    "text": _rich,
    "button": _link,
    "picture": _picture,
    "quote": _quote,
    "card": _card,
    "divider": lambda _part: "* * *",
}

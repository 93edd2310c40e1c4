"""What the HTML of a text may hold: words and their order, nothing that runs or loads, no word processor's taste."""

import re

import nh3
from django.conf import settings

# What people write: headings of two ranks, paragraphs, lists, quotes, bold, italic, links.
TAGS = frozenset(("a", "b", "blockquote", "br", "em", "h2", "h3", "i", "li", "ol", "p", "strong", "ul"))
ATTRIBUTES = {"a": frozenset(("href",))}
SCHEMES = frozenset(("http", "https", "mailto", "tel"))
# What other editors put around it: read, then said in our own words.
FOREIGN = frozenset(("div", "h1", "h4", "h5", "h6"))
RANKS = {"h1": "h2", "h4": "h3", "h5": "h3", "h6": "h3"}
BLOCK = "blockquote|div|h[1-6]|li|ol|p|ul"
LEAF = re.compile(rf"<div>((?:(?!</?(?:{BLOCK})\b).)*)</div>", re.DOTALL)
EMPTY = re.compile(r"<(p|h[23]|li|blockquote|ul|ol|b|i|em|strong)>(?:\s|&nbsp;|\u00a0|<br>)*</\1>")


def clean(html, *, tags=TAGS, attributes=ATTRIBUTES, schemes=SCHEMES, keep=None, base=None):
    """HTML with only what is allowed; words stay, whatever stood around them.

    `keep(tag, attribute, value)` has the last word on the value of an attribute: the value, or None to drop it. `base`:
    the address that relative links are made whole with.
    """
    html = nh3.clean(
        html,
        tags=set(tags),
        attributes={tag: set(names) for tag, names in attributes.items()},
        attribute_filter=keep,
        url_schemes=set(schemes),
        url_relative=("rewrite_with_base", base) if base else None,
        link_rel="noopener",
        clean_content_tags={"script", "style", "title"},
    )
    return re.sub(r"\n\s*\n+", "\n", html).strip()


def written(html):
    """What somebody wrote, or pasted out of a word processor, as it is kept and frozen."""
    html = clean(html, tags=TAGS | FOREIGN, keep=_no_anchor, base=f"{settings.PUBLIC_URL}/")
    for foreign, ours in RANKS.items():
        html = html.replace(f"<{foreign}>", f"<{ours}>").replace(f"</{foreign}>", f"</{ours}>")
    html = re.sub(r"</?div>", "\n", LEAF.sub(r"<p>\1</p>", html))
    while html != (emptied := EMPTY.sub("", html)):
        html = emptied
    return clean(html)


def _no_anchor(_tag, attribute, value):
    """Frozen headings have no anchors that a link could lead to."""
    return None if attribute == "href" and value.startswith("#") else value

"""Drawings (SVG): a file that can hold programs comes in, only its shapes are copied out, and those become a picture.

A list of what is allowed, never of what is forbidden: an element or attribute that is not on it does not reach the
renderer. What would run, load or open something is refused in words, so that nobody wonders what became of it.
What came in is parsed by defusedxml; the tree that is written is ours.
"""

import math
import re
from xml.etree import ElementTree

from defusedxml import ElementTree as SafeTree
from defusedxml.common import DefusedXmlException
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition import rasterising

LARGEST = 1024 * 1024  # bytes: a logo is a few kilobytes
MOST_SHAPES = 5_000  # counted with every repetition that <use> makes of them
DEEPEST = 40
FURTHEST = 1_000_000  # no number of a picture's frame is larger
FLATTEST = 50  # how many times wider than high, or higher than wide

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


def _words(text):
    return frozenset(text.split())


SHAPES = _words(
    "svg g defs symbol use path rect circle ellipse line polyline polygon linearGradient radialGradient stop clipPath "
    "mask pattern"
)
LETTERS = _words("text tspan textPath tref font font-face glyph altGlyph")  # in a font that we do not have
ACTIVE = _words("script foreignObject image feImage a handler iframe embed object audio video")
# Of an editor, for readers, or for motion: nothing of it is drawn.
SILENT = _words("title desc metadata view animate animateMotion animateTransform set mpath")
ATTRIBUTES = _words(
    "id class x y x1 y1 x2 y2 cx cy r rx ry fx fy fr d points width height viewBox preserveAspectRatio transform "
    "gradientTransform gradientUnits spreadMethod offset patternTransform patternUnits patternContentUnits "
    "clipPathUnits maskUnits maskContentUnits href style fill fill-opacity fill-rule stroke stroke-width "
    "stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset opacity "
    "color stop-color stop-opacity clip-path clip-rule mask display visibility overflow paint-order mix-blend-mode "
    "isolation shape-rendering vector-effect"
)
OWN = re.compile(r"url\(\s*(['\"]?)#[\w.:-]+\1\s*\)")  # a part of the same drawing
RUNS = re.compile(r"url\s*\(|@|expression|javascript:|data:|\\|<|behavior|binding|image-set|src\s*\(", re.IGNORECASE)
LENGTH = re.compile(r"\s*\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*(px|pt|pc|mm|cm|in|em|ex|rem)?\s*", re.IGNORECASE)


def is_drawing(head):
    """Whether the first bytes of a file are those of an SVG, packed or not, or of anything else written in tags."""
    plain = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    return plain.startswith(b"<") or head.startswith(b"\x1f\x8b")


def render(data, *, side):
    """The PNG bytes of a drawing, `side` pixels along its longer side. Raises ValidationError in plain words."""
    if data.startswith(b"\x1f\x8b"):
        raise _refused(_("This drawing is packed (SVGZ). Save it as a plain SVG or as PNG."), "packed")
    if len(data) > LARGEST:
        raise _refused(_("The drawing is larger than 1 MB. Save it as PNG instead."), "large")
    drawing = _copy(_parsed(data))
    _fit(drawing, side)
    try:
        return rasterising.png_of(ElementTree.tostring(drawing, encoding="unicode"))
    except rasterising.Failed:
        raise _unreadable() from None


def _refused(words, code):
    return ValidationError(words, code=code)


def _unreadable():
    return _refused(_("We cannot read this drawing. Save it as a plain SVG or as PNG."), "unreadable")


def _active():
    return _refused(
        _("This file holds a program, or loads something from elsewhere. Save it as PNG, or as an SVG of shapes only."),
        "active",
    )


def _unknown(name):
    words = _("The drawing uses “%(name)s”, which we cannot show. Save it as PNG instead.")
    return ValidationError(words, code="unknown", params={"name": name[:40]})


def _letters():
    return _refused(
        _("The letters in this drawing need a font that we do not have. Turn them into outlines, or save it as PNG."),
        "letters",
    )


def _detailed():
    return _refused(_("The drawing has too many parts. Save it as PNG instead."), "detailed")


def _parsed(data):
    try:
        root = SafeTree.fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise _refused(
            _("This drawing begins with a document type or entities. Save it as a plain SVG or as PNG."), "doctype"
        ) from None
    except (ElementTree.ParseError, ValueError, LookupError):
        raise _unreadable() from None
    if root.tag != f"{SVG}svg":
        raise _unreadable()
    return root


def _copy(root):
    """The drawing with nothing in it but shapes; what is neither shape nor silence is refused."""
    copied = _shape(root, 0)
    copied.set("xmlns", SVG[1:-1])
    known = {element.get("id"): element for element in copied.iter() if element.get("id")}
    if _weight(copied, known, {}, frozenset()) > MOST_SHAPES:
        raise _detailed()
    return copied


def _shape(element, depth):
    if depth > DEEPEST:
        raise _detailed()
    copied = ElementTree.Element(element.tag.removeprefix(SVG))
    for name, value in element.attrib.items():
        _keep(copied, name, value)
    for child in element:
        if not isinstance(child.tag, str):  # a comment, or a word to a program
            continue
        name = child.tag.removeprefix(SVG)
        if child.tag.startswith(SVG) and name in SHAPES:
            copied.append(_shape(child, depth + 1))
        elif child.tag.startswith(SVG) and name == "style":
            copied.append(_style(child))
        elif child.tag.startswith(SVG) and name not in SILENT:
            raise _active() if name in ACTIVE else _letters() if name in LETTERS else _unknown(name)
        elif not child.tag.startswith(SVG) and _is_of_a_page(child):
            raise _active()
    return copied


def _is_of_a_page(element):
    return element.tag.startswith("{http://www.w3.org/1999/xhtml}") or element.tag.rpartition("}")[2] == "script"


def _style(element):
    """A sheet of rules about shapes; one that loads or runs anything is refused."""
    words = "".join(element.itertext())
    if RUNS.search(OWN.sub("", words)):
        raise _active()
    copied = ElementTree.Element("style")
    copied.text = words
    return copied


def _keep(copied, name, value):
    """Copy one attribute, where it is about a shape. An event's handler, or a link that leads out, is refused."""
    plain = name.removeprefix(XLINK)
    if plain.lower().startswith("on"):
        raise _active()
    if plain == "href":
        if not value.startswith("#"):
            raise _active()
    elif "{" in plain or plain not in ATTRIBUTES:
        return
    elif RUNS.search(OWN.sub("", value)):
        raise _active()
    copied.set(plain, value)


def _weight(element, known, weighed, above):
    """How many shapes an element comes to once each <use> in it is drawn; without an end where one holds itself."""
    if element in weighed:
        return weighed[element]
    if len(above) > 2 * DEEPEST:
        raise _detailed()
    total = 1
    if element.tag == "use":
        target = known.get(element.get("href", "")[1:])
        if target is not None:
            if target in above:
                raise _unreadable()
            total += _weight(target, known, weighed, above | {target})
    for child in element:
        total += _weight(child, known, weighed, above | {child})
        if total > MOST_SHAPES:
            break
    weighed[element] = total
    return total


def _fit(drawing, side):
    """Let the drawing fill a frame of `side` pixels, whatever size it names for itself."""
    width, height = _length(drawing.get("width")), _length(drawing.get("height"))
    box = _box(drawing.get("viewBox"))
    if box is None:
        if not (width and height):
            raise _refused(_("The drawing does not say how large it is. Save it as PNG instead."), "size")
        box = (0.0, 0.0, width, height)
        drawing.set("viewBox", f"0 0 {width:g} {height:g}")
    ratio = box[2] / box[3]
    if not 1 / FLATTEST <= ratio <= FLATTEST or max(map(abs, box)) > FURTHEST:
        raise _refused(_("The drawing has unusual measures. Save it as PNG instead."), "size")
    drawing.set("width", f"{max(side * min(ratio, 1), 1):.2f}")
    drawing.set("height", f"{max(side / max(ratio, 1), 1):.2f}")


def _length(value):
    found = LENGTH.fullmatch(value or "")
    number = float(found[1]) if found else 0.0
    return number if math.isfinite(number) else 0.0


def _box(value):
    try:
        numbers = tuple(float(number) for number in (value or "").replace(",", " ").split())
    except ValueError:
        return None
    fine = len(numbers) == 4 and all(map(math.isfinite, numbers)) and numbers[2] > 0 and numbers[3] > 0
    return numbers if fine else None

"""Drawings: only shapes come through, and what would run, load or burst is refused in plain words."""

import gzip
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from coalition import drawings, logos

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SQUARE = '<rect width="30" height="10" fill="#0E4A50"/>'
LAUGHS = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
DOUBLED = '<g id="g0"><rect width="1" height="1"/></g>' + "".join(
    f'<g id="g{n}">{f"""<use href="#g{n - 1}"/>""" * 10}</g>' for n in range(1, 12)
)
LONG_CHAIN = "".join(f'<g id="g{n}"><use href="#g{n + 1}"/></g>' for n in range(1500))


def svg(inside=SQUARE, more='viewBox="0 0 30 10"', before=""):
    return f"{before}<svg {NS} {more}>{inside}</svg>".encode()


def upload(data, name="logo.svg"):
    return SimpleUploadedFile(name, data)


def test_a_drawing_becomes_a_png_of_600_pixels():
    kept = Image.open(BytesIO(logos.redraw(upload(svg()))))
    assert (kept.format, kept.size) == ("PNG", (600, 200))
    assert kept.convert("RGB").getpixel((300, 100)) == (0x0E, 0x4A, 0x50)


@pytest.mark.parametrize(
    "drawing",
    [
        svg(more='width="90mm" height="30mm" viewBox="0 0 300 100"'),
        svg(more='width="300" height="100"'),
        svg("<title>Us</title><metadata>x</metadata><!-- Ana drew it -->" + SQUARE),
        svg(f'<style>.a{{fill:url(#b)}}</style><linearGradient id="b"/><g class="a">{SQUARE}</g>'),
        svg('<defs><rect id="r" width="30" height="10"/></defs><use xlink:href="#r"/>'),
        svg('<sodipodi:view xmlns:sodipodi="http://sodipodi.example" zoom="2"/>' + SQUARE),
        svg().decode().encode("utf-16"),
        b"\xef\xbb\xbf\n" + svg(),
    ],
)
def test_what_drawing_programs_write_comes_through(drawing):
    assert Image.open(BytesIO(logos.redraw(upload(drawing)))).width == 600


@pytest.mark.parametrize(
    ("drawing", "code"),
    [
        (svg("<script>alert(1)</script>"), "active"),
        (svg('<script href="https://evil.example/x.js"/>'), "active"),
        (svg(more='viewBox="0 0 3 1" onload="alert(1)"'), "active"),
        (svg('<rect width="3" height="1" onclick="alert(1)"/>'), "active"),
        (svg('<rect width="3" height="1" OnClick="alert(1)"/>'), "active"),
        (svg('<a href="javascript:alert(1)"><rect width="3" height="1"/></a>'), "active"),
        (svg('<use xlink:href="javascript:alert(1)"/>'), "active"),
        (svg('<use href="https://evil.example/x.svg#a"/>'), "active"),
        (svg('<use href="data:image/svg+xml;base64,PHN2Zz4="/>'), "active"),
        (svg('<image href="https://evil.example/pixel.png" width="3" height="1"/>'), "active"),
        (svg('<image href="file:///etc/passwd" width="3" height="1"/>'), "active"),
        (svg("<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>x</p></foreignObject>"), "active"),
        (svg("<p xmlns='http://www.w3.org/1999/xhtml'>x</p>"), "active"),
        (svg('<x:script xmlns:x="http://evil.example">1</x:script>'), "active"),
        (svg("<style>@import url(https://evil.example/a.css);</style>"), "active"),
        (svg("<style>@font-face{src:url(https://evil.example/a.woff)}</style>"), "active"),
        (svg("<style>rect{fill:u\\72l(https://evil.example)}</style>"), "active"),
        (svg('<rect width="3" height="1" style="fill:url(https://evil.example/a.svg#b)"/>'), "active"),
        (svg('<rect width="3" height="1" fill="url(https://evil.example/a.svg#b)"/>'), "active"),
        (svg('<filter id="f"><feImage href="https://evil.example"/></filter>'), "unknown"),
        (svg('<text x="1" y="9" font-family="Georgia">Us</text>'), "letters"),
        (svg(before='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">'), "doctype"),
        (svg("<text>&b;</text>", before=LAUGHS), "doctype"),
        (svg(before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "doctype"),
        (b"<html><body><h1>Hello</h1></body></html>", "unreadable"),
        (b"<svg><rect/></svg>", "unreadable"),
        (b"<svg", "unreadable"),
        (gzip.compress(svg()), "packed"),
        (svg(SQUARE, more=""), "size"),
        (svg(SQUARE, more='viewBox="0 0 1e30 1e30"'), "size"),
        (svg(SQUARE, more='viewBox="0 0 100000 1"'), "size"),
        (svg(SQUARE, more='width="1e999" height="10"'), "size"),
        (svg("<!--" + "x" * drawings.LARGEST + "-->"), "large"),
        (svg(SQUARE * (drawings.MOST_SHAPES + 1)), "detailed"),
        (svg("<g>" * 60 + "</g>" * 60), "detailed"),
        (svg(DOUBLED), "detailed"),
        (svg(LONG_CHAIN), "detailed"),
        (svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), "unreadable"),
    ],
)
def test_a_logo_that_is_a_script_or_a_bomb_is_refused_in_plain_words(drawing, code):
    with pytest.raises(ValidationError) as refused:
        logos.redraw(upload(drawing))
    assert refused.value.code == code
    assert refused.value.messages[0].endswith(".")


def test_a_drawing_that_asks_for_more_memory_than_there_is_ends_only_its_own_process():
    pattern = (
        '<pattern id="p" width="1000000" height="1000000" patternUnits="userSpaceOnUse"><rect width="1" height="1"/>'
    )
    drawing = svg(pattern + '</pattern><rect width="30000000" height="1000000" fill="url(#p)"/>')
    with pytest.raises(ValidationError) as refused:
        logos.redraw(upload(drawing))
    assert refused.value.code == "unreadable"


def test_nothing_but_shapes_reaches_the_renderer(monkeypatch):
    seen = []

    def press(drawing):
        seen.append(drawing)
        return b""

    monkeypatch.setattr("coalition.rasterising.png_of", press)
    drawings.render(
        svg('<rect width="3" height="1" data-secret="x" xml:base="https://evil.example/" fill="red"/>'), side=600
    )
    assert seen == [
        '<svg viewBox="0 0 30 10" xmlns="http://www.w3.org/2000/svg" width="600.00" height="200.00">'
        '<rect width="3" height="1" fill="red" /></svg>'
    ]

"""What email templates need and pages do not: colours as plain values, for mail programs know no custom properties."""

from django import template

from coalition import colours, quilt

register = template.Library()

DARK_CARD = "#1C2226"


@register.filter
def on_light(colour):
    """{{ installation.brand_colour|on_light }}: dark enough for words on white."""
    return colours.readable_on(colour, [colours.WHITE], "#000000")


@register.filter
def on_dark(colour):
    """{{ installation.brand_colour|on_dark }}: light enough for words on the dark card."""
    return colours.readable_on(colour, [DARK_CARD], colours.WHITE, enough=7)


@register.filter
def ink_on(colour):
    """{{ colour|ink_on }}: white or near-black, whichever reads better on it."""
    return max((colours.WHITE, colours.INK), key=lambda ink: colours.contrast(ink, colour))


@register.filter
def patchwork(digest):
    """The installation's small quilt as three rows of three colours: mail programs draw no SVG."""
    cells = [over for _column, _row, _ground, _shape, _turn, over in quilt.patches(digest, 3, 3)]
    return [cells[:3], cells[3:6], cells[6:]]

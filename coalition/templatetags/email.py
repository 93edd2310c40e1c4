"""What email templates need and pages do not: colours as plain values, for mail programs know no custom properties."""

from django import template

from coalition import quilt

register = template.Library()

DARK_CARD, DARK_INK = "#1C2226", "#0B1F22"


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _until_clear(colour, ground, towards, enough=4.5):
    """The colour, moved towards black or white until it can be read on the ground."""
    mixed = colour
    for step in range(1, 21):
        if contrast(mixed, ground) >= enough:
            break
        parts = (round(a + (b - a) * step / 20) for a, b in zip(_rgb(colour), _rgb(towards), strict=True))
        mixed = "#" + "".join(f"{part:02X}" for part in parts)
    return mixed


@register.filter
def on_light(colour):
    """{{ installation.brand_colour|on_light }}: dark enough for words on white."""
    return _until_clear(colour, "#FFFFFF", "#000000")


@register.filter
def on_dark(colour):
    """{{ installation.brand_colour|on_dark }}: light enough for words on the dark card."""
    return _until_clear(colour, DARK_CARD, "#FFFFFF", enough=7)


@register.filter
def ink_on(colour):
    """{{ colour|ink_on }}: white or near-black, whichever reads better on it."""
    return max(("#FFFFFF", DARK_INK), key=lambda ink: contrast(ink, colour))


@register.filter
def patchwork(digest):
    """The installation's small quilt as three rows of three colours: mail programs draw no SVG."""
    cells = [over for _column, _row, _ground, _shape, _turn, over in quilt.patches(digest, 3, 3)]
    return [cells[:3], cells[3:6], cells[6:]]

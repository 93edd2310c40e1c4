"""An installation's own colour, corrected until its words can be read in light and in dark (WCAG 2.2: 4.5 to 1)."""

PAPER, TINT = "#FBF8F2", "#E6EFEC"
NIGHT, NIGHT_TINT = "#14181B", "#1E3336"
WHITE, INK = "#FFFFFF", "#0B1F22"
READABLE = 4.5


def _channels(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def luminance(colour):
    """Relative luminance, 0 to 1, as WCAG defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mix(colour, towards, share):
    """`share` of `towards` (0 to 1) in `colour`."""
    pairs = zip(_channels(colour), _channels(towards), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def readable_on(colour, grounds, towards, *, enough=READABLE):
    """The nearest colour on the way to `towards` whose words can be read on every ground."""
    steps = (mix(colour, towards, step / 50) for step in range(51))
    return next(c for c in steps if min(contrast(c, ground) for ground in grounds) >= enough)


def scheme(colour):
    """{custom property: value} for a brand colour, ready for `:root`."""
    light = readable_on(colour, (PAPER, TINT, WHITE), "#000000")
    dark = readable_on(colour, (NIGHT, NIGHT_TINT, "#1C2226"), "#FFFFFF")
    return {
        "--brand": f"light-dark({light}, {dark})",
        "--brand-strong": f"light-dark({mix(light, '#000000', 0.25)}, {mix(dark, '#FFFFFF', 0.3)})",
        "--on-brand": f"light-dark({WHITE}, {INK})",
    }

"""The quilt: a picture drawn from a SHA-256, so that a reader sees at a glance whether two copies of a text differ.

The hash chooses a ground, four cloths and a motif for every block of two by two patches. The same hash and size give
the same quilt for ever: publications, certificates and share pictures rely on it; a change here changes every cover.
"""

import hashlib
from collections import defaultdict

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

PINE, TEAL, MARIGOLD, BRICK, PLUM, CREAM, NAVY = (
    "#0E4A50",
    "#1F7A6D",
    "#E0A526",
    "#C4532D",
    "#7A2E4D",
    "#EFE6D2",
    "#2B3A55",
)
# A ground takes about half of the cloth and keeps the picture calm; the other cloths are those that stand out on it.
GROUNDS = (
    (CREAM, (PINE, TEAL, BRICK, PLUM, NAVY, MARIGOLD)),
    (PINE, (CREAM, MARIGOLD, BRICK, TEAL)),
    (NAVY, (CREAM, MARIGOLD, BRICK, TEAL)),
    (PLUM, (CREAM, MARIGOLD, BRICK, TEAL)),
    (TEAL, (CREAM, MARIGOLD, PINE, NAVY)),
    (MARIGOLD, (PINE, PLUM, NAVY, CREAM, BRICK)),
)
# Which cloths may lie on which: neighbours of nearly the same darkness would melt into one patch.
ON = {
    PINE: (CREAM, MARIGOLD, BRICK, TEAL),
    TEAL: (CREAM, MARIGOLD, PINE, NAVY),
    MARIGOLD: (PINE, PLUM, NAVY, CREAM, BRICK, TEAL),
    BRICK: (CREAM, MARIGOLD, PINE, NAVY),
    PLUM: (CREAM, MARIGOLD, BRICK, TEAL),
    CREAM: (PINE, TEAL, BRICK, PLUM, NAVY, MARIGOLD),
    NAVY: (CREAM, MARIGOLD, BRICK, TEAL),
}
S = 40  # the side of a patch, in the picture's own units


def _triangle(x, y, turn):
    corners = [(x, y), (x + S, y), (x + S, y + S), (x, y + S)]
    (ax, ay), (bx, by), (cx, cy) = corners[turn], corners[(turn + 1) % 4], corners[(turn + 3) % 4]
    return f"M{ax} {ay}L{bx} {by}L{cx} {cy}z"


def _quarter(x, y, turn):
    corners = [(x, y), (x + S, y), (x + S, y + S), (x, y + S)]
    (ax, ay), (bx, by), (cx, cy) = corners[turn], corners[(turn + 1) % 4], corners[(turn + 3) % 4]
    return f"M{ax} {ay}L{bx} {by}A{S} {S} 0 0 1 {cx} {cy}z"


def _leaf(x, y, turn):
    if turn % 2:
        x1, y1, x2, y2 = x + S, y, x, y + S
    else:
        x1, y1, x2, y2 = x, y, x + S, y + S
    return f"M{x1} {y1}A{S} {S} 0 0 1 {x2} {y2}A{S} {S} 0 0 1 {x1} {y1}z"


def _half(x, y, turn):
    h = S // 2
    left, top, width, height = ((x, y, S, h), (x + h, y, h, S), (x, y + h, S, h), (x, y, h, S))[turn]
    return f"M{left} {top}h{width}v{height}h-{width}z"


def _diamond(x, y, turn):
    h = S // 2
    return f"M{x + h} {y}l{h} {h}l-{h} {h}l-{h} -{h}z"


def _dot(x, y, turn):
    r, h = 13, S // 2
    return f"M{x + h - r} {y + h}a{r} {r} 0 1 1 {2 * r} 0a{r} {r} 0 1 1 -{2 * r} 0z"


SHAPES = (_triangle, _triangle, _quarter, _quarter, _leaf, _half, _diamond, _dot)
# How a shape turns through the four patches of a block (left to right, top to bottom): pinwheel, rosette, flow, wave.
TURNS = ((0, 1, 3, 2), (2, 3, 1, 0), (0, 0, 0, 0), (0, 2, 2, 0))


def short_hash(digest):
    """The first eight hex digits in two groups: "9f2c 71ab"."""
    return f"{digest[:4]} {digest[4:8]}".strip()


def digest_of(text):
    """The hex SHA-256 of a name, for what has a quilt without a version: an installation, a partner without a logo."""
    return hashlib.sha256(text.encode()).hexdigest()


def _numbers(digest):
    """An endless row of bytes that every bit of the digest changes."""
    seed, block = bytes.fromhex(digest), 0
    while True:
        yield from hashlib.sha256(seed + block.to_bytes(4, "big")).digest()
        block += 1


def patches(digest, columns, rows):
    """The patches as (column, row, colour below, shape, turn, colour of the shape); a plain patch has no shape."""
    numbers = _numbers(digest)

    def pick(choices):
        return choices[next(numbers) % len(choices)]

    ground, cloths = pick(GROUNDS)
    family = list(cloths)
    while len(family) > 4:
        family.remove(pick(family))

    blocks = {}
    for top in range(0, rows, 2):
        for left in range(0, columns, 2):
            # One block in three swaps figure and ground: a cloth below, the ground's own family on top.
            below = ground if next(numbers) % 3 else pick(family)
            fitting = [c for c in (*family, ground) if c in ON[below]] or list(ON[below])
            first, second = pick(fitting), pick(fitting)
            blocks[left, top] = below, first, second, pick(SHAPES), pick(TURNS), next(numbers) % 4, next(numbers)

    for row in range(rows):
        for column in range(columns):
            below, first, second, shape, turns, shift, chance = blocks[column - column % 2, row - row % 2]
            place = (column % 2) + 2 * (row % 2)
            over = first if place in (0, 3) else second
            if chance % 7 == 0 and place in (1, 2):
                yield column, row, over, None, 0, over
            else:
                yield column, row, below, shape, (turns[place] + shift) % 4, over


def quilt_svg(digest, columns=8, rows=9, title=None) -> SafeString:
    """The quilt of a hex SHA-256 as SVG, one path per colour. Hidden from screen readers unless it has a title."""
    below, above = defaultdict(list), defaultdict(list)
    for column, row, ground, shape, turn, colour in patches(digest, columns, rows):
        x, y = column * S, row * S
        below[ground].append(f"M{x} {y}h{S}v{S}h-{S}z")
        if shape:
            above[colour].append(shape(x, y, turn))
    drawn = "".join(
        f'<path fill="{colour}" d="{"".join(shapes)}"/>' for layer in (below, above) for colour, shapes in layer.items()
    )
    width, height = columns * S, rows * S
    # Whatever shines through between two patches is cloth of the quilt, not the page below it.
    drawn = f'<path fill="{next(iter(below))}" d="M0 0h{width}v{height}h-{width}z"/>{drawn}'
    name = format_html('role="img" aria-label="{}"', title) if title else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="quilt" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" {} focusable="false"'
        ' preserveAspectRatio="xMidYMid slice">{}</svg>',
        width,
        height,
        name,
        mark_safe(drawn),  # noqa: S308 - numbers and colours of our own
    )

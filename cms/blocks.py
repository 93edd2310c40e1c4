"""The blocks a page is written in, and what each says as plain text.

Every block renders to HTML by its template and answers `canonical(value)`: its paragraphs as plain text, without any
word of the interface, so that a changed translation of the interface never looks like a changed text.
"""

import html
import re
from decimal import Decimal
from urllib.parse import quote

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks

from coalition.spreadsheets import csv_lines

INLINE = ["bold", "italic", "link"]


def plain(rich):
    """The paragraphs of a rich text as plain strings."""
    source = str(rich.source if hasattr(rich, "source") else rich)
    parts = re.split(r"</p>|</li>|<br\s*/?>", source)
    found = (" ".join(html.unescape(re.sub(r"<[^>]+>", "", part)).split()) for part in parts)
    return [paragraph for paragraph in found if paragraph]


class HeadingBlock(blocks.CharBlock):
    class Meta:
        icon = "title"
        label = _("Heading")
        template = "cms/blocks/heading.html"

    def canonical(self, value):
        return [value.strip()]


class ParagraphBlock(blocks.RichTextBlock):
    def __init__(self, **kwargs):
        super().__init__(**{"features": INLINE, **kwargs})

    class Meta:
        icon = "pilcrow"
        label = _("Paragraph")
        template = "cms/blocks/paragraph.html"

    def canonical(self, value):
        return plain(value)


class RecommendationBlock(blocks.StructBlock):
    number = blocks.IntegerBlock(label=_("Number"), min_value=1, max_value=99)
    title = blocks.CharBlock(label=_("Title"), max_length=200)
    text = blocks.RichTextBlock(label=_("Text"), features=INLINE)

    class Meta:
        icon = "tick"
        label = _("Recommendation")
        template = "cms/blocks/recommendation.html"

    def canonical(self, value):
        return [f"{value['number']}. {value['title'].strip()}", *plain(value["text"])]


class QuoteBlock(blocks.StructBlock):
    text = blocks.TextBlock(label=_("Words"))
    attribution = blocks.CharBlock(label=_("Who said it"), required=False)

    class Meta:
        icon = "openquote"
        label = _("Quote")
        template = "cms/blocks/quote.html"

    def canonical(self, value):
        said = " ".join(value["text"].split())
        return [f"“{said}” — {value['attribution'].strip()}" if value["attribution"] else f"“{said}”"]


class PointsBlock(blocks.ListBlock):
    def __init__(self, **kwargs):
        super().__init__(blocks.CharBlock(label=_("Point")), **kwargs)

    class Meta:
        icon = "list-ul"
        label = _("List")
        template = "cms/blocks/list.html"

    def canonical(self, value):
        return ["\n".join(f"- {' '.join(point.split())}" for point in value)]


class RowBlock(blocks.StructBlock):
    label = blocks.CharBlock(label=_("Label"))
    value = blocks.DecimalBlock(label=_("Value"), min_value=0)
    highlight = blocks.BooleanBlock(label=_("Highlight"), required=False)


class FiguresBlock(blocks.StructBlock):
    """Bars with direct labels, one of them highlighted; the table and the CSV hold the same numbers."""

    title = blocks.CharBlock(label=_("What the figures show"), max_length=200)
    unit = blocks.CharBlock(label=_("Unit"), max_length=120)
    source = blocks.CharBlock(label=_("Source"), max_length=300)
    rows = blocks.ListBlock(RowBlock(), label=_("Rows"), min_num=1, max_num=20)

    class Meta:
        icon = "table"
        label = _("Figures")
        template = "cms/blocks/figures.html"

    def clean(self, value):
        value = super().clean(value)
        if sum(row["highlight"] for row in value["rows"]) > 1:
            raise blocks.StructBlockValidationError(
                block_errors={"rows": ValidationError(_("Highlight one row at most, so that it stands out."))}
            )
        return value

    def get_context(self, value, parent_context=None):
        context = super().get_context(value, parent_context)
        rows = [{"label": r["label"], "value": tidy(r["value"]), "highlight": r["highlight"]} for r in value["rows"]]
        # Shares of a hundred are drawn against the hundred, everything else against the longest bar.
        largest = max(row["value"] for row in rows) or Decimal(1)
        whole = Decimal(100) if is_share(value["unit"]) and largest <= 100 else largest
        for row in rows:
            row["width"] = f"{row['value'] * 100 / whole:.1f}"
        context.update(rows=rows, csv=self.csv(value))
        return context

    def csv(self, value):
        """The table as a data: address, so that the numbers travel with the text wherever it is shown."""
        rows = [(row["label"], tidy(row["value"])) for row in value["rows"]]
        return "data:text/csv;charset=utf-8," + quote("".join(csv_lines([value["title"], value["unit"]], rows)))

    def canonical(self, value):
        rows = "\n".join(f"{row['label'].strip()}: {tidy(row['value'])}" for row in value["rows"])
        return [f"{value['title'].strip()} ({value['unit'].strip()})", rows, value["source"].strip()]


def tidy(number):
    """Drop the zeros that a stored decimal gathers: 62.0 → 62."""
    number = Decimal(str(number))
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def is_share(unit):
    return bool(re.match(r"(%|percent|per cent|por ?ciento|porcentaje)", unit.strip().lower()))


class StepBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("Title"))
    text = blocks.TextBlock(label=_("Text"))

    class Meta:
        icon = "list-ol"
        label = _("Step")


class TextBody(blocks.StreamBlock):
    """What an ordinary page is written in."""

    heading = HeadingBlock()
    paragraph = ParagraphBlock()
    list = PointsBlock()
    quote = QuoteBlock()


class BriefBody(TextBody):
    """What a brief is written in."""

    recommendation = RecommendationBlock()
    figures = FiguresBlock()

"""The editor of an email: Wagtail's stream of blocks, each with the words of every language side by side.

Going in, the blocks of the languages are laid together; coming out, they are taken apart again. So the languages cannot
differ in their structure.
"""

from html import unescape

from django import forms
from django.conf import settings
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.utils.datastructures import MultiValueDictKeyError
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter
from wagtail.blocks.base import BlockField
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.blocks.struct_block import StructBlockValidationError
from wagtail.images.blocks import ImageChooserBlock
from wagtail.rich_text import expand_db_html

from campaigns import cards, merge_fields
from campaigns.blocks import AT_MOST, HREF, Malformed, cleaned, is_safe
from campaigns.forms.messages import refusal
from campaigns.models.blocks import LINK, RICH, SHARED, TYPES, WRITTEN

FEATURES = ["bold", "italic", "link", "ol", "ul"]
SHARP = 1052  # pixels: twice the width that a picture has in an email
ADDRESS = _("A full address, or a path of this site such as /en/briefs/.")


class Line(blocks.CharBlock):
    """One line in one language."""

    def __init__(self, language=None, **kwargs):
        super().__init__(required=False, **kwargs)
        if language:
            self.field.widget.attrs |= {"lang": language, "spellcheck": "true", "data-merge": ""}


class Lines(blocks.TextBlock):
    """A few lines in one language."""

    def __init__(self, language=None, rows=3, **kwargs):
        super().__init__(required=False, rows=rows, **kwargs)
        self.language = language

    @cached_property
    def field(self):
        made = super().field
        made.widget.attrs |= {"lang": self.language, "spellcheck": "true", "data-merge": ""}
        return made


class Rich(blocks.RichTextBlock):
    """Paragraphs and lists with bold, italics and links, in one language."""

    def __init__(self, language=None, **kwargs):
        super().__init__(required=False, features=FEATURES, **kwargs)


class Both(blocks.StructBlock):
    """A block whose words stand in every language, beside what all of them share.

    `fields`: [(name, block class, label, options)]; each is made once for every language, as `name_language`.
    """

    def __init__(self, kind, fields=(), shared=(), **kwargs):
        self.kind = kind
        children = list(shared)
        for name, block, label, options in fields:
            for code, language in settings.LANGUAGES:
                made = block(code, label=format_lazy("{} ({})", label, language), **options)
                children.append((f"{name}_{code}", made))
        kwargs.setdefault("form_classname", f"struct-block msg-block msg-block--{kind}")
        super().__init__(children, **kwargs)

    def clean(self, value):
        value = super().clean(value)
        errors = {}
        for name, sort in TYPES[self.kind].items():
            for code, _language in settings.LANGUAGES if sort != SHARED else ():
                field = f"{name}_{code}"
                said = value.get(field) or ""
                problem = _problem_of(said.source if sort == RICH else said, sort) if said else ""
                if problem:
                    errors[field] = ValidationError(problem)
        if errors:
            raise StructBlockValidationError(block_errors=errors)
        return value


def _problem_of(said, sort):
    """What is wrong with some words or an address, in words for the organizer; empty when nothing is."""
    if sort in WRITTEN and (unknown := merge_fields.unknown_fields(said)):
        return refusal(unknown)
    if sort == LINK and not is_safe(said.strip()):
        return gettext("Enter an address that begins with https://, or a path of this site.")
    if sort == RICH:
        for url in HREF.findall(expand_db_html(said)):
            if not is_safe(unescape(url)):
                return gettext("A link must lead to an address that begins with https://, or to a page: %(url)s") % {
                    "url": unescape(url)
                }
    return ""


def _record(label, records, held, *, empty=None):
    """A choice among `records`, and of those that were chosen before though they can no longer be shown."""
    choices = {str(record.pk): str(record) for record in [*records, *held]}
    none = empty or _("Choose …")
    return blocks.ChoiceBlock(choices=[("", none), *choices.items()], required=False, label=label)


def letter_block(contents=()):
    """The stream for a message; `contents`: what it holds already, so that a record that is over stays choosable."""

    def held(kind, name, model):
        pks = {
            block["value"].get(name) for content in contents for block in content.blocks if block["type"] == kind
        } - {None}
        return model.objects.filter(pk__in=pks) if pks else ()

    def card(kind, name, records, label, chosen, icon):
        """A block that shows one record, without words of its own."""
        records = _record(chosen, records, held(kind, name, records.model))
        return kind, Both(kind, shared=[(name, records)], label=label, icon=icon)

    actions = cards.actions()
    own = {"max_length": 200}
    return blocks.StreamBlock(
        [
            (
                "heading",
                Both("heading", [("text", Line, _("Heading"), own)], label=_("Heading"), icon="title"),
            ),
            (
                "text",
                Both("text", [("html", Rich, _("Text"), {})], label=pgettext_lazy("block", "Text"), icon="pilcrow"),
            ),
            (
                "button",
                Both(
                    "button",
                    [
                        ("label", Line, _("Button"), {"max_length": 60}),
                        ("url", Line, _("Leads to"), {"max_length": 500, "help_text": ADDRESS}),
                    ],
                    label=_("Button"),
                    icon="link",
                ),
            ),
            (
                "picture",
                Both(
                    "picture",
                    [
                        (
                            "alt",
                            Line,
                            _("In words, for those who do not see it"),
                            {"max_length": 250},
                        ),
                        ("url", Line, _("Leads to (if anywhere)"), {"max_length": 500}),
                    ],
                    shared=[("image", ImageChooserBlock(required=False, label=_("Picture")))],
                    label=_("Picture"),
                    icon="image",
                ),
            ),
            (
                "quote",
                Both(
                    "quote",
                    [
                        ("text", Lines, _("Words"), {"max_length": 1000}),
                        ("who", Line, _("Who said it"), {"max_length": 150}),
                    ],
                    label=_("Quote"),
                    icon="openquote",
                ),
            ),
            card("brief", "publication", cards.briefs(), _("Card of a brief"), _("Brief"), "doc-full"),
            card("event", "webinar", cards.events(), _("Card of an event"), _("Event"), "date"),
            (
                "action",
                Both(
                    "action",
                    [
                        ("title", Line, _("Title"), own),
                        ("text", Lines, _("Words"), {"max_length": 1000}),
                        ("label", Line, _("Button"), {"max_length": 60}),
                        ("url", Line, _("Leads to"), {"max_length": 500, "help_text": ADDRESS}),
                    ],
                    shared=[
                        (
                            "round",
                            _record(
                                _("Round in which people sign"),
                                actions,
                                held("action", "round", actions.model),
                                empty=_("None: your own words and address"),
                            ),
                        )
                    ],
                    label=_("Card of an action"),
                    icon="pick",
                ),
            ),
            ("divider", Both("divider", label=_("Divider"), icon="minus")),
        ],
        required=False,
        max_num=AT_MOST,
    )


class LetterForm(forms.Form):
    """The blocks of an email in every language, one structure."""

    def __init__(self, data=None, *, contents):
        super().__init__(data)
        block = letter_block(contents)
        self.known = {content.language: content for content in contents}
        self.fields["blocks"] = BlockField(block, required=False, label=_("Letter"))
        self.initial["blocks"] = block.to_python(_together(self.known))

    def full_clean(self):
        try:
            super().full_clean()
        except MultiValueDictKeyError as error:  # a request that was cut off on its way: nobody's page posts it
            raise SuspiciousOperation("blocks are missing") from error

    def blocks_in(self, language):
        """What came in, as `composing.write` takes it. Makes the renditions of new pictures."""
        stream = self.cleaned_data["blocks"]
        raw = stream.stream_block.get_prep_value(stream)
        found = [
            {
                "id": block["id"],
                "type": block["type"],
                "value": self._value(block["type"], block["value"], child.value, language),
            }
            for block, child in zip(raw, stream, strict=True)
        ]
        try:
            return cleaned(found)
        except Malformed as error:  # ids that no page of ours gave
            raise SuspiciousOperation("blocks are malformed") from error

    def _value(self, kind, raw, value, language):
        found = {}
        for name, sort in TYPES[kind].items():
            if sort == RICH:
                found[name] = expand_db_html(_settled(raw[f"{name}_{language}"] or ""))
            elif sort != SHARED:
                found[name] = raw[f"{name}_{language}"] or ""
            elif kind != "picture":
                found[name] = int(raw[name]) if raw[name] else None
        if kind == "picture":
            found |= picture_of(value["image"])
        return found

    def problems(self):
        """[(id of the field, its place and label, what to do)] for the summary on top."""
        found = []
        for error in self.errors.as_data().get("blocks", ()):
            if not isinstance(error, StreamBlockValidationError):
                found += [("", "", message) for message in error.messages]
                continue
            found += [("", "", message) for message in error.non_block_errors]
            children = list(self["blocks"].value())
            for index, wrong in error.block_errors.items():
                block = children[index].block
                for name, problem in getattr(wrong, "block_errors", {}).items():
                    label = f"{block.label} {index + 1}, {block.child_blocks[name].label}"
                    found += [(f"blocks-{index}-value-{name}", label, said) for said in problem.messages]
        return found


def _settled(html):
    """Rich text as the editor shows it the next time: else a space at an end would be a change that nobody made, and
    take the confirmation of the text with it."""
    converter = ContentstateConverter(features=FEATURES)
    return converter.to_database_format(converter.from_database_format(html)) if html else ""


def _together(known):
    """The blocks of every language as one list in the shape of the stream."""
    first = next((content for content in known.values() if content.blocks), None)
    values = {code: {b["id"]: b["value"] for b in content.blocks} for code, content in known.items()}
    found = []
    for block in first.blocks if first else ():
        value = {}
        for name, sort in TYPES[block["type"]].items():
            if sort == SHARED:
                value[name] = block["value"].get(name)
                continue
            for code, _language in settings.LANGUAGES:
                said = values.get(code, {}).get(block["id"], {}).get(name) or ""
                value[f"{name}_{code}"] = said.replace("<br>", "<br/>") if sort == RICH else said
        for name in ("publication", "webinar", "round"):
            if name in value:
                value[name] = str(value[name] or "")
        for name in ("src", "width", "height"):
            value.pop(name, None)
        found.append({"id": block["id"], "type": block["type"], "value": value})
    return found


def picture_of(image):
    """What an email keeps of a picture: where it is served from, and its size, sharp also on good screens."""
    if image is None:
        return {"image": None, "src": "", "width": None, "height": None}
    made = image.get_rendition(f"max-{SHARP}x{2 * SHARP}")
    return {"image": image.pk, "src": made.url, "width": made.width, "height": made.height}

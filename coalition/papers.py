"""Papers: a publication with the names under it, and the certificate of one decision, as tagged PDFs (PDF/UA-1).

The same version with the same names gives the same bytes: a file that was handed over is known again by its hash.
"""

import re
from base64 import b64encode
from functools import cache
from io import BytesIO

import qrcode
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import override, pgettext
from PIL import ImageFile

from coalition import quilt, roll
from coalition.models import Installation

# The line at the foot of each page of ours, as a reader of PDFs sees it: "Riverbend · 9f2c 71ab · 3/12".
RUNNING = re.compile(r"^.{0,160}· [0-9a-f]{4} [0-9a-f]{4} · \d+/\d+$", re.MULTILINE)
PALE, DARK = "#9DB5B0", "#0E4A50"
# The table behind a chart says again what stands beside its bars.
BAR = re.compile(r"(?P<item><li(?P<marked> class=\"highlight\")?>(?:(?!</li>).)*?<rect )", re.DOTALL)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


class Unavailable(Exception):
    """This machine has no Pango, so no PDF can be made here; the page offers to print instead."""


@cache
def _weasyprint():
    # Imported when the first paper is made: it takes 40 MB, and fails to load where Pango is missing.
    try:
        import weasyprint  # noqa: PLC0415
    except OSError as missing:
        raise Unavailable from missing
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # it lets Pillow take half a picture; a logo that is cut off stays refused
    return weasyprint


def available():
    """Whether PDFs can be made on this machine."""
    try:
        _weasyprint()
    except Unavailable:
        return False
    return True


def publication_pdf(version, language, signed=None):
    """The text of a version with everybody who stands under it, in one language, as PDF bytes. Raises Unavailable.

    `signed`: the roll that it prints, as it stands now when left out. What was signed travels inside it as an attached
    plain text of each language.
    """
    text, signed = version.text_in(language), signed or roll.of(version, language)
    return _write(
        "coalition/papers/publication.html",
        language,
        version=version,
        publication=version.publication,
        text=text,
        body=mark_safe(_printed(text.html)),  # noqa: S308 - cleaned when it was frozen
        roll=signed,
        pictures={line.organization.pk: _data(line.logo.image) for line in signed.logos},
    )


def _printed(html):
    """A frozen text as paper shows it: no folded tables, and the bars of its charts coloured without a style sheet."""
    return BAR.sub(lambda bar: f'{bar["item"]}fill="{DARK if bar["marked"] else PALE}" ', FOLDED.sub("", html))


def _data(image):
    """A logo, which is a PNG of ours, as a data: address; empty where its file is missing."""
    try:
        with image.open("rb") as file:
            return "data:image/png;base64," + b64encode(file.read()).decode()
    except OSError:
        return ""


def names_pdf(version, language):
    """Who stands under a version now, by scope and with counts, without the text: for the press. Raises Unavailable."""
    return _write(
        "coalition/papers/names.html",
        language,
        version=version,
        publication=version.publication,
        text=version.text_in(language),
        roll=roll.of(version, language),
        pictures={},
    )


def certificate_pdf(decision, language):
    """Who answered what, on which text, when and by what authority: the certificate of one decision. As above."""
    return _write("coalition/papers/certificate.html", language, **of_decision(decision, language))


def name_of(decision):
    """What the file of a certificate is called, in the language in which the decision was made."""
    with override(decision.language):
        name = pgettext("name of a file", "certificate")
    return f"{name}-{decision.version.code}.pdf"


def of_decision(decision, language):
    """What a certificate shows, on paper as on its page."""
    return {
        "decision": decision,
        "version": decision.version,
        "publication": decision.version.publication,
        "text": decision.version.text_in(language),
        "organization": decision.organization.name_in(language),
        "zone": decision.round.zone if decision.round else settings.TIME_ZONE,
    }


def address_of(version):
    """Where anyone can check a copy of this version: the address in the code on each paper."""
    return settings.PUBLIC_URL + reverse("verify_code", args=[version.code])


def code_svg(address):
    """An address as a QR code, an SVG that is read aloud as the address itself."""
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(address)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return format_html(
        '<svg class="code" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path d="M0 0h{}v{}h-{}z" fill="#FFFFFF"/><path d="{}" fill="#1A2126"/></svg>',
        len(rows),
        len(rows),
        address,
        *[len(rows)] * 3,
        path,
    )


def _write(template, language, *, version, **context):
    weasyprint = _weasyprint()
    installation = Installation.get()
    with override(language):
        address = address_of(version)
        html = render_to_string(
            template,
            {
                "installation": installation,
                "language": language,
                "version": version,
                "address": address,
                "code": code_svg(address),
                "running": f"{installation.name} · {quilt.short_hash(version.digest)}",
                **context,
            },
        )
    frozen = {"created": version.frozen_at, "modified": version.frozen_at}
    signed = [
        weasyprint.Attachment(string=text.canonical, name=f"text-{text.language}.txt", relationship="Data", **frozen)
        for text in sorted(version.texts.all(), key=lambda text: text.language)
    ]
    pdf = BytesIO()
    weasyprint.HTML(string=html, url_fetcher=_nothing(weasyprint)).write_pdf(
        pdf, pdf_variant="pdf/ua-1", pdf_identifier=bytes.fromhex(version.digest)[:16], attachments=signed
    )
    return pdf.getvalue()


def _nothing(weasyprint):
    """A text may name pictures and styles anywhere: nothing is fetched but what stands in the paper itself."""
    return weasyprint.urls.URLFetcher(allowed_protocols=("data",))

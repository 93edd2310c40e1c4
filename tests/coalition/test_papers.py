"""Papers: what a publication and a certificate say on paper, tagged, in both languages, the same bytes each time."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
from django.utils import timezone
from pypdf import PdfReader

from coalition import canonical, notices, papers, publishing, signing_on
from coalition.models import Organization
from tests import factories
from tests.coalition.signons import Choice, amend, asked, sign
from tests.pango import needs_pango

pytestmark = [pytest.mark.django_db, needs_pango]


@pytest.fixture
def outsider():
    """A server on this machine that notes what it is asked for."""
    seen = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()


def read(pdf):
    reader = PdfReader(BytesIO(pdf))
    return reader, "\n".join(papers.RUNNING.sub("", page.extract_text()) for page in reader.pages)


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize(("language", "name"), [("en", "El Faro Family Center"), ("es", "Centro Familiar El Faro")])
def test_G5_the_pdf_lists_who_signed_in_its_language_and_is_tagged(round_, language, name):
    sign(
        asked(
            round_,
            organization=factories.OrganizationFactory(
                name="El Faro", printed_name={"en": "El Faro Family Center", "es": "Centro Familiar El Faro"}
            ),
        )
    )
    sign(asked(round_, name="Quiet Friends"), choice=Choice.SUPPORT)
    version = round_.publication.current_version
    reader, said = read(papers.publication_pdf(version, language))
    catalog = reader.trailer["/Root"]
    assert (catalog["/Lang"], catalog["/MarkInfo"]["/Marked"]) == (language, True)
    assert "/StructTreeRoot" in catalog
    assert reader.metadata.title == version.text_in(language).title
    assert said.count(name) == 1
    assert "Quiet Friends" not in said
    assert squeezed(version.digest) in squeezed(said)
    assert f"/verify/{version.code}/" in squeezed(said)


def test_the_pdf_holds_the_frozen_words_whole_and_each_language_as_plain_text(round_):
    version = round_.publication.current_version
    for language in ("en", "es"):
        text = version.text_in(language)
        reader, said = read(papers.publication_pdf(version, language))
        assert squeezed(f"{text.title}{text.summary}{canonical.text_of(text.html)}") in squeezed(said)
        assert {name: [part.decode() for part in parts] for name, parts in reader.attachments.items()} == {
            f"text-{each.language}.txt": [each.canonical] for each in version.texts.all()
        }


def test_the_same_roll_gives_the_same_bytes_and_one_more_signature_others(round_):
    version = round_.publication.current_version
    sign(asked(round_))
    before = papers.publication_pdf(version, "es")
    assert papers.publication_pdf(version, "es") == before
    sign(asked(round_))
    assert papers.publication_pdf(version, "es") != before


@pytest.mark.parametrize("prints", [False, True])
def test_G8_a_persons_name_stands_in_the_pdf_only_where_the_publication_prints_it(round_, prints):
    publication = round_.publication
    publication.prints_signers = prints
    publication.save()
    sign(asked(round_), signer_name="Carmen Iris Maldonado")
    _reader, said = read(papers.publication_pdf(publication.current_version, "en"))
    assert ("Carmen Iris Maldonado" in said) is prints


def test_G7_the_pdf_notes_who_withdrew(round_):
    invitation = asked(round_, name="The Loom Street Library Friends", scope=Organization.Scope.NATIONAL)
    sign(invitation)
    version = round_.publication.current_version
    round_.publication.handovers.create(version=version, way="hand", to="The committee", at=timezone.now())
    signing_on.withdraw(invitation, language="en", at=timezone.now() + timedelta(days=1))
    _reader, said = read(papers.publication_pdf(version, "en"))
    assert said.count("The Loom Street Library Friends withdrew on") == 1


def test_nothing_outside_the_paper_is_fetched(installation, editor, outsider):
    address, seen = outsider
    publication = factories.PublicationFactory()
    held = {
        code: publishing.Text.of(title, "", f'<p>Words</p><img src="{address}picture.png" alt="">')
        for code, title in (("en", "A title"), ("es", "Un título"))
    }
    version = publishing.freeze(publication, held, by=editor)
    _reader, said = read(papers.publication_pdf(version, "en"))
    assert said.count("Words") == 1
    assert seen == []


@pytest.mark.parametrize(("language", "when"), [("en", "Eastern Time"), ("es", "hora del este")])
def test_a_certificate_names_version_hash_signer_authority_and_zone(round_, language, when):
    decision = sign(
        asked(round_, language=language),
        language=language,
        signer_name="Carmen Iris Maldonado",
        signer_title="Director",
        attestation="I am authorized to sign.",
    )
    _reader, said = read(papers.certificate_pdf(decision, language))
    found = [part for part in ("Carmen Iris Maldonado", "Director", "I am authorized to sign.", when) if part in said]
    assert found == ["Carmen Iris Maldonado", "Director", "I am authorized to sign.", when]
    assert decision.version.digest in squeezed(said)
    assert decision.organization.name_in(language) in said


def test_the_receipt_brings_the_certificate_of_the_version_that_was_signed(round_, editor, mailoutbox):
    decision = sign(asked(round_, language="es"), language="es")
    amend(round_.publication, editor)  # what is drawn later still shows what was signed
    while notices.send_due():
        pass
    receipt = next(mail for mail in mailoutbox if mail.attachments)
    (name, content, kind), *more = receipt.attachments
    assert (name, kind, more) == (f"certificado-{decision.version.code}.pdf", "application/pdf", [])
    _reader, said = read(content)
    assert decision.version.digest in squeezed(said)

"""What becomes of a text once it is signed: a withdrawal before and after its delivery, and copies that are checked."""

import pytest
from django.urls import reverse
from django.utils.translation import override

from cms import freezing
from cms.models import BriefPage
from coalition import roll, signing_on
from coalition.models import Decision, Handover
from tests import factories
from tests.coalition.signons import open_round, sign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def signed(town, staff, language):
    """A brief with an open round, signed by two partners whose signatories read the language of the test."""
    brief = BriefPage.objects.get(slug="every-child-reading")
    by = staff("organizer@riverbend.example.org")
    version = freezing.freeze(brief, by=by, material=True)
    round_ = open_round(version.publication, by)
    speakers = [
        factories.RepresentativeFactory(
            organization=factories.OrganizationFactory(name=name, printed_name={"en": name, "es": f"{name} (es)"}),
            person=factories.PersonFactory(email=True, language=language),
        )
        for name in ("El Faro Family Center", "The Bridge Fund")
    ]
    staying, leaving = signing_on.invite(round_, speakers).asked
    for invitation in (staying, leaving):
        sign(invitation, language=language)
    return version, staying, leaving


def test_deliver_withdraw_before_and_after_and_check_copies(visit, signed, staff, language, worker, say):
    version, staying, leaving = signed
    here = BriefPage.objects.get(publication=version.publication, locale__language_code=language)
    stays, leaves = (each.organization.name_in(language) for each in (staying, leaving))

    def withdraw(invitation, consequence):
        partner = visit()
        partner.go(signing_on.link(invitation, language))
        partner.check()
        partner.page.get_by_role("link", name=say("Withdraw what we answered")).click()
        partner.page.get_by_text(consequence).wait_for()
        partner.check()
        partner.page.get_by_role("button", name=say("Withdraw our answer")).click()
        partner.page.wait_for_url("**/recorded/**")
        partner.check()

    # Before it was delivered, a name simply goes.
    withdraw(leaving, say("The text was not handed over yet, so nothing of it remains in public."))
    reader = visit()
    reader.go(here.url)
    names = reader.page.locator("#signed")
    assert (names.get_by_text(stays).count(), names.get_by_text(leaves).count()) == (1, 0)
    reader.check()

    # The organizer records the delivery: the papers of that moment are kept.
    organizer = visit()
    organizer.enter_as(staff("organizer@riverbend.example.org"))
    organizer.go(reverse("handovers:record", args=[version.pk]))
    organizer.page.locator("input[name=way][value=hand]").check()
    organizer.check()
    organizer.page.get_by_role("button", name=say("Record this delivery")).click()
    organizer.page.get_by_role("heading", name=say("The papers of that moment")).wait_for(timeout=60_000)
    organizer.check()
    handover = Handover.objects.get()
    organizer.page.get_by_text("SHA-256").nth(1).wait_for(timeout=60_000)
    organizer.check()
    papers = {}
    for paper in handover.papers.all():
        with paper.file.open() as file:
            papers[paper.language] = file.read()
    assert sorted(papers) == ["en", "es"]
    assert [each["organization"] for each in handover.signatories] == [staying.organization_id]

    # Anyone checks the paper itself, an honest copy of the words, and one that somebody altered.
    with override(language):
        verify, by_code = reverse("verify"), reverse("verify_code", args=[version.code])
    reader.go(verify)
    reader.check()

    def answer(expected):
        reader.page.get_by_role("button", name=say("Check it")).click()
        reader.page.get_by_role("heading", name=expected).wait_for()
        reader.check()

    paper = {"name": "brief.pdf", "mimeType": "application/pdf", "buffer": papers[language]}
    reader.page.locator("input[type=file]").set_input_files(paper)
    answer(say("This is the very file that was handed over"))
    text = version.text_in(language)
    reader.page.locator("textarea[name=text]").fill(text.canonical)
    answer(say("Yes: letter by letter"))
    last = text.canonical.split()[-1]
    reader.page.locator("textarea[name=text]").fill(text.canonical.replace(last, "nothing/nada"))
    answer(say("This is not what was signed"))
    assert reader.page.locator("ins").first.is_visible()
    reader.go(by_code)
    reader.check()

    # After the delivery, a withdrawal stands as a dated note.
    withdraw(staying, say("That cannot be taken back."))
    called = roll.of(version, language)
    assert ([line.name for line in called.lines], [note.name for note in called.withdrawals]) == ([], [stays])
    reader.go(here.url)
    assert reader.page.locator("#signed").get_by_text(stays).count() == 1
    reader.check()
    assert [d.choice for d in Decision.objects.live().order_by("pk")] == ["withdraw", "withdraw"]

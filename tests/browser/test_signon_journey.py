"""From a finished brief to a signature under its version, and what happens when the text is amended."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cms.models import BriefPage
from coalition.models import Decision, Organization, SimulatedEmail
from tests import factories
from tests.browser.conftest import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize(("language", "width"), [("en", 390), ("es", 1280)], indirect=True),
]
SLUG = "every-child-reading"


@pytest.fixture
def partners(town, language):
    """Two partners; the first one's signatory reads the language of the test."""
    signing = factories.RepresentativeFactory(
        organization=factories.OrganizationFactory(
            name="El Faro Family Center", printed_name={"en": "El Faro Family Center", "es": "Centro Familiar El Faro"}
        ),
        person=factories.PersonFactory(
            given_name="Carmen", name="Carmen Maldonado", email="carmen@elfaro.example.org", language=language
        ),
    )
    other = factories.OrganizationFactory(name="The Bridge Fund", scope="national")
    factories.RepresentativeFactory(organization=other)
    signing.organization.refresh_from_db()
    return signing


def personal_link(address, language, number=1):
    """The personal link in the n-th email to an address."""
    found = wait_for(lambda: SimulatedEmail.objects.filter(to=address).order_by("pk")[number - 1 : number])[0]
    raw = found.raw.replace("=\n", "").replace("=3D", "=")
    return re.search(rf"http://\S+/{language}/\S*?/?\S+/", raw).group().rstrip("\"'>")


def test_freeze_invite_sign_amend_and_sign_again(visit, town, partners, staff, worker, language, say):
    brief = BriefPage.objects.get(slug=SLUG)
    here = BriefPage.objects.get(translation_key=brief.translation_key, locale__language_code=language)
    printed = partners.organization.name_in(language)

    # The editor freezes the finished brief.
    editor = visit()
    editor.enter_as(staff("editor@riverbend.example.org"))
    editor.go(reverse("cms_freeze", args=[brief.pk]))
    editor.check()
    editor.page.locator("form.bo-stack button.button").click()
    editor.page.get_by_text(say("Nobody was asked yet")).wait_for()
    editor.check()
    brief.refresh_from_db()
    publication = brief.publication

    # The organizer opens a round and invites both partners.
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff("organizer@riverbend.example.org"))
    organizer.go(reverse("publications:inspect", args=[publication.pk]))
    page.get_by_role("link", name=say("Open a round")).first.click()
    page.locator("input[name=day]").fill((timezone.localdate() + timedelta(days=9)).isoformat())
    page.locator("textarea[name=message_en]").fill("Please read and decide.")
    page.locator("textarea[name=message_es]").fill("Por favor lean y decidan.")
    for organization in Organization.objects.all():
        page.locator(f"#partner-{organization.pk}").check()
    organizer.check()
    page.get_by_role("button", name=say("Go on: see who will be asked")).click()
    organizer.check()
    page.locator("button[name=confirmed]").click()
    page.wait_for_url("**/rounds/inspect/**")
    organizer.check()

    # The representative reads and signs, once not attesting.
    link = personal_link("carmen@elfaro.example.org", language)
    partner = visit()
    page = partner.page
    assert partner.go(link).status == 200
    partner.check()
    page.locator("input[name=choice][value=sign]").check()
    page.get_by_role("button", name=say("Record our answer")).click()
    page.get_by_role("alert").first.wait_for()
    partner.check()
    assert Decision.objects.count() == 0
    page.locator("input[name=attested]").check()
    page.get_by_role("button", name=say("Record our answer")).click()
    page.get_by_role("heading", name=say("Your answer is recorded")).wait_for()
    partner.check()
    decision = Decision.objects.get()
    assert (decision.choice, decision.version.number, decision.attested) == ("sign", 1, True)

    # The public page lists the organization under this version.
    partner.go(here.url)
    assert page.get_by_text(printed).count() == 1
    partner.check()

    # A material amendment asks again, with the difference, and the list starts anew.
    for each in BriefPage.objects.filter(translation_key=brief.translation_key):
        each.summary = each.summary + " 2027."
        each.save_revision().publish()
    editor.go(reverse("cms_freeze", args=[brief.pk]))
    editor.page.locator("input[name=change][value=material]").check()
    editor.page.locator("textarea[name=note_en]").fill("The year.")
    editor.page.locator("textarea[name=note_es]").fill("El año.")
    editor.check()
    editor.page.locator("form.bo-stack button.button").click()
    editor.page.wait_for_url("**/publications/inspect/**")
    partner.go(here.url)
    assert page.get_by_text(printed).count() == 0
    personal_link("carmen@elfaro.example.org", language, number=3)
    assert partner.go(link).status == 200
    page.get_by_text(say("Please decide again: the text changed.")).wait_for()
    assert page.locator("ins").first.is_visible()
    partner.check()
    page.locator("input[name=choice][value=sign]").check()
    page.locator("input[name=attested]").check()
    page.get_by_role("button", name=say("Record our answer")).dblclick()
    page.get_by_role("heading", name=say("Your answer is recorded")).wait_for()
    live = Decision.objects.get(live=True)
    assert (live.version.number, live.choice, live.organization) == (2, "sign", partners.organization)
    partner.go(here.url)
    assert page.get_by_text(printed).count() == 1

    # A link that was changed by one letter opens nothing, in the reader's language.
    forged = link.rstrip("/")[:-1] + ("a" if link.rstrip("/")[-1] != "a" else "b") + "/"
    assert partner.go(forged).status == 404
    partner.check()

"""A partner signs in advance on a topic, by a code and no password; a round opens; it takes the signature back."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from cms import freezing
from cms.models import BriefPage
from coalition.models import Decision, SimulatedEmail, StandingAuthorization, Topic
from tests import factories
from tests.browser.conftest import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize(("language", "width"), [("en", 390), ("es", 1280)], indirect=True),
]
ADDRESS = "carmen@elfaro.example.org"


def newest_mail(after=0):
    found = wait_for(lambda: SimulatedEmail.objects.filter(to=ADDRESS, pk__gt=after).order_by("-pk")[:1])[0]
    return found.pk, found.raw.replace("=\n", "").replace("=3D", "=")


def test_authorize_be_signed_and_take_it_back(visit, town, staff, language, worker, say):
    speaker = factories.RepresentativeFactory(
        organization=factories.OrganizationFactory(name="El Faro Family Center"),
        person=factories.PersonFactory(given_name="Carmen", name="Carmen Maldonado", email=ADDRESS, language=language),
    )
    topic = Topic.objects.create(slug="reading", name={"en": "Learning to read", "es": "Aprender a leer"})
    brief = BriefPage.objects.get(slug="every-child-reading")
    version = freezing.freeze(brief, by=staff("editor@riverbend.example.org"), material=True)
    version.publication.topics.add(topic)

    # The partner comes in by a code, and gives the authorization in words that are kept.
    partner = visit()
    page = partner.page
    with override(language):
        partner.go(reverse("desk_way_in"))
    partner.check()
    page.locator("input[name=email]").fill(ADDRESS)
    page.get_by_role("button", name=say("Send me a code")).click()
    last, mail = newest_mail()
    page.locator("input[name=code]").fill(re.search(r"\b\d{6}\b", mail).group())
    partner.check()
    page.get_by_role("button", name=say("Open my desk")).click()
    page.wait_for_url("**/desk/*/")
    partner.check()
    page.get_by_role("link", name=say("How we decide")).click()
    partner.check()
    page.get_by_role("link", name=say("Give one")).click()
    page.locator(f"input[name=topics][value='{topic.pk}']").check()
    page.locator("input[name=signer_title]").fill("Director")
    partner.check()
    page.get_by_role("button", name=say("Go on: read the words")).click()
    page.locator("input[name=attested]").check()
    partner.check()
    page.get_by_role("button", name=say("Give this authorization")).click()
    page.wait_for_url("**/desk/**")
    authorization = wait_for(StandingAuthorization.objects.first)
    assert list(authorization.topics.all()) == [topic]
    last, _mail = newest_mail(after=last)

    # The organizer opens a round and sees, before it happens, who signs at once.
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff("organizer@riverbend.example.org"))
    organizer.go(reverse("rounds:open", args=[version.publication_id]))
    page.locator("input[name=day]").fill((timezone.localdate() + timedelta(days=9)).isoformat())
    page.locator(f"#partner-{speaker.organization_id}").check()
    organizer.check()
    page.get_by_role("button", name=say("Go on: see who will be asked")).click()
    organizer.check()
    page.locator("button[name=confirmed]").click()
    page.wait_for_url("**/rounds/inspect/**")
    organizer.check()
    decision = Decision.objects.get()
    assert (decision.via, decision.choice, decision.authorization) == ("standing", "sign", authorization)

    # The partner is told at once, and takes the signature back by one press.
    _last, mail = newest_mail(after=last)
    partner.go(re.search(rf"http://\S+/{language}/desk/\S+?/signed/\d+/", mail).group())
    partner.check()
    partner.page.get_by_role("button", name=say("Take our signature back")).click()
    partner.page.get_by_text(say("You took this signature back.")).wait_for()
    partner.check()
    live = Decision.objects.get(live=True)
    assert (live.choice, live.organization, live.version) == ("withdraw", speaker.organization, version)

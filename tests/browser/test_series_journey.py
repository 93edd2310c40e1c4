"""A series from an empty page to its end: two steps, a wait, a condition, and people who do or do not act."""

import pytest
from django.urls import reverse

from campaigns.models import Click, Delivery, Link, MessageContent, Series
from coalition.models import SimulatedEmail
from tests import factories
from tests.browser.test_alert_journey import figures
from tests.browser.writing import fill_in
from tests.campaigns.test_series import later, reader, register, send_all, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WELCOME = {
    "en": ("Welcome, {{ first_name }}", "Two minutes a week is all we ask."),
    "es": ("Le damos la bienvenida, {{ first_name }}", "Solo le pedimos dos minutos a la semana."),
}


def test_a_series_from_its_first_step_to_its_end(visit, staff, language, say):
    known = [reader(language=code) for code in ("en", "es")]
    campaign = factories.CampaignFactory()
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff("organizer@riverbend.example.org"))

    # What begins it.
    organizer.go(reverse("series:index"))
    organizer.check()
    page.get_by_role("link", name=say("Begin a series")).first.click()
    page.locator("input[name=name]").fill("Welcome")
    page.locator("select[name=campaign]").select_option(str(campaign.pk))
    page.locator("input[name=trigger][value=not_acted]").check()
    page.locator("select[name=message]").wait_for()
    page.locator("input[name=trigger][value=joined]").check()
    organizer.check()
    page.get_by_role("button", name=say("Go on to its steps")).click()
    organizer.check()

    # Two steps. The Spanish of the second one is not read by anybody yet: it cannot begin (rule L2).
    page.get_by_role("link", name=say("Add the first step")).click()
    page.locator("input[name=name]").fill("Welcome")
    page.locator("input[name=wait]").fill("0")
    page.get_by_role("button", name=say("Add it and write its message")).click()
    page.wait_for_url("**/messages/edit/**")
    fill_in(page, WELCOME)
    for code in WELCOME:
        page.locator(f"input[name={code}-reviewed]").check()
    page.locator("button[name=check]").click()
    page.wait_for_url("**/check/", wait_until="commit")
    page.get_by_role("link", name=say("Series “%(series)s”", series="Welcome")).click()
    page.get_by_role("link", name=say("Add a step at the end")).click()
    page.locator("input[name=name]").fill("One thing to do")
    page.locator("input[name=wait]").fill("2")
    page.locator("select[name=condition]").select_option("not_followed")
    organizer.check()
    page.get_by_role("button", name=say("Add it and write its message")).click()
    page.wait_for_url("**/messages/edit/**")
    built = Series.objects.get()
    write(built.steps.last().message)
    MessageContent.objects.filter(message__step__position=2, language="es").update(reviewed_at=None)
    home = reverse("series:inspect", args=[built.pk])
    organizer.go(home)
    begin = page.get_by_role("button", name=say("Begin this series"))
    assert begin.count() == 0
    organizer.check()
    page.get_by_role("link", name=say("Write its words")).last.click()
    page.locator("input[name=es-reviewed]").check()
    page.locator("button[name=check]").click()
    page.wait_for_url("**/check/", wait_until="commit")
    organizer.go(home)
    begin.click()
    page.get_by_role("button", name=say("Pause")).wait_for()

    # Three people join and get the first step. One follows its link, one acts, one does neither.
    keen, active, idle = (reader(language=language) for _n in range(3))
    send_all()
    first, second = (step.message for step in built.steps.all())
    assert set(first.deliveries.values_list("person", "state")) == {
        (person.pk, Delivery.State.SENT) for person in (keen, active, idle)
    }
    link = Link.objects.create(message=first, url="https://example.org/x")
    Click.objects.create(link=link, delivery=first.deliveries.get(person=keen), by=Click.By.PERSON)
    register(active)
    later(48)
    send_all()
    assert list(second.deliveries.values_list("person", "state")) == [(idle.pk, Delivery.State.SENT)]
    sent = list(SimulatedEmail.objects.values_list("to", flat=True))
    assert sent.count(idle.primary_email.value) == 2
    assert not {person.primary_email.value for person in known} & set(sent)

    # One more is on the way. What came of it; who is in it.
    late = reader(language=language)
    send_all()
    organizer.go(home)
    assert figures(page) == [4, 1, 1, 2, 0]
    organizer.check()
    page.get_by_role("link", name=say("People in this series")).click()
    page.locator(".msg-line").nth(3).wait_for()
    organizer.check()
    page.locator(".bo-filter a[href$=acted]").click()
    page.wait_for_url("**state=acted")
    assert page.locator(".msg-line a").all_inner_texts() == [str(active)]

    # Pause, go on, end: the last one asks first, and says how many it concerns.
    organizer.go(home)
    page.get_by_role("button", name=say("Pause")).click()
    page.get_by_role("button", name=say("Go on")).wait_for()
    organizer.check()
    page.get_by_role("button", name=say("Go on")).click()
    page.get_by_role("link", name=say("End…")).click()
    assert page.locator(".msg-total b").inner_text() == "1"
    organizer.check()
    page.get_by_role("button", name=say("End this series")).click()
    page.wait_for_url(f"**{home}")
    built.refresh_from_db()
    assert built.state == Series.State.ENDED
    assert figures(page) == [4, 0, 1, 2, 1]
    organizer.check()
    later(48)
    send_all()
    assert not second.deliveries.filter(person=late).exists()

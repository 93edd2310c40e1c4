"""An organizer watches a message leave, settles what nobody knows, and reads what came of it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import reporting, sending
from campaigns.models import Delivery
from tests import factories
from tests.campaigns.test_reporting import follow, register

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ORGANIZER = "organizer@riverbend.example.org"
State = Delivery.State


def test_a_message_from_its_first_second_to_its_report(visit, office, staff, working, say):
    for n, (at, reads) in enumerate([("gmail.com", "en")] * 3 + [("school.example.org", "es")] * 3):
        factories.PersonFactory(email=f"reader{n}@{at}", opted_in=True, language=reads)
    message = factories.MessageFactory()
    user = staff(ORGANIZER)
    sending.start(message, by=user)
    organizer = visit()
    page = organizer.page
    organizer.enter_as(user)

    # Nobody works yet: it stands at nothing. It is paused and goes on, and then the page follows by itself.
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    assert page.locator(".msg-bar").get_attribute("value") == "0"
    organizer.check()
    page.get_by_role("button", name=say("Pause")).click()
    page.locator("#resume").wait_for()
    organizer.check()
    page.locator("#resume").click()
    page.locator("#pause").focus()
    with page.expect_response(f"**{reverse('messages:progress', args=[message.pk])}*"):
        pass
    page.wait_for_function("document.activeElement.id === 'pause'")  # the keyboard keeps its place
    with working():
        page.locator("#msg-state.bo-pill--good").wait_for()
    assert page.locator(".msg-bar").get_attribute("value") == "6"
    organizer.check()

    # Two of them are uncertain: one is looked at, then both are settled at once.
    lines = list(message.deliveries.order_by("person"))
    uncertain = [line.pk for line in lines[-2:]]
    Delivery.objects.filter(pk__in=uncertain).update(
        state=State.UNCERTAIN, error="timed out", claimed_at=timezone.now()
    )
    organizer.go(f"{reverse('messages:ledger', args=[message.pk])}?state=uncertain")
    organizer.check()
    page.get_by_role("link", name=say("Settle…")).first.click()
    page.get_by_text("timed out").wait_for()
    organizer.check()
    page.get_by_role("link", name=say("Back, change nothing")).click()
    page.get_by_role("link", name=say("Settle all of them…")).click()
    organizer.check()
    page.get_by_role("button", name=say("They arrived")).click()
    page.wait_for_url("**/ledger/**")
    assert message.deliveries.filter(state=State.UNCERTAIN).count() == 0
    organizer.check()

    # What came of it, as the worker counts and draws it.
    for line in lines[:2]:
        line.refresh_from_db()
        follow(line, minutes=0)
        register(line, minutes=1)
    reporting.report(message)
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    assert page.locator(".msg-chart svg").count() == 3
    for numbers in page.locator(".msg-numbers summary").all():
        numbers.click()
    assert page.locator("#report ~ section").first.locator("tbody tr").count() == 2
    organizer.check()
    with page.expect_download() as download:
        page.get_by_role("link", name=say("Figures as CSV")).click()
    assert download.value.suggested_filename == f"message-{message.pk}-results.csv"

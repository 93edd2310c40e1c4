"""Two wordings are tested on a part of the list; sending stops by itself and goes on; the better one goes on to all."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from campaigns import breaking, reporting, sending, tasks
from campaigns.models import Delivery, Message, SplitTest
from tests import factories
from tests.browser.conftest import wait_for
from tests.campaigns.test_reporting import register

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ORGANIZER = "organizer@riverbend.example.org"
State = Delivery.State
# What the page asks for by itself every fifteen seconds, at once.
NOW = """() => {
    const old = document.getElementById("reported");
    old.dataset.old = "";
    htmx.ajax("GET", old.getAttribute("hx-get"), {target: old, swap: "outerHTML"});
}"""


def test_two_wordings_are_tested_and_the_better_one_goes_to_the_rest(visit, office, staff, working, say):
    office.breaker_after = 10
    office.save()
    for number in range(40):
        factories.PersonFactory(
            email=f"reader{number}@example.org", opted_in=True, language="es" if number % 2 else "en"
        )
    message = factories.MessageFactory()
    user = staff(ORGANIZER)
    organizer = visit()
    page = organizer.page
    organizer.enter_as(user)

    # A second wording with another subject, tested on six in ten of each language.
    organizer.go(reverse("messages:test", args=[message.pk]))
    page.get_by_role("button", name=say("Add a wording")).click()
    page.wait_for_url("**?variant=b")
    page.locator("input[name=en-subject]").fill("Four days are left")
    page.locator("input[name=es-subject]").fill("Quedan cuatro días")
    page.get_by_role("button", name=say("Save"), exact=True).click()
    wait_for(lambda: message.contents.filter(variant="b", subject="Quedan cuatro días").exists())
    message.contents.update(reviewed_at=timezone.now())
    organizer.go(reverse("messages:test", args=[message.pk]))
    page.locator("input[name=share]").fill("60")
    page.locator("input[name=hours]").fill("1")
    page.get_by_role("button", name=say("Test these wordings")).click()
    page.get_by_role("button", name=say("Save the test")).wait_for()
    organizer.check()

    # It leaves for those twenty-four; the page follows, and its figures come when they are counted.
    sending.start(message, by=user)
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    with working():
        tasks.send_message.delay(message.pk)
        wait_for(lambda: message.deliveries.filter(state=State.SENT).count() == 24)
    page.locator(".msg-bar[value='24']").wait_for()
    reporting.report(message)
    page.locator("#by-variant").wait_for()
    page.locator("#open-variant").click()
    assert page.locator("#table-variant tbody tr").count() == 4
    organizer.check()
    reporting.report(message)
    page.evaluate(NOW)
    page.locator("#reported:not([data-old]) #numbers-variant[open]").wait_for()  # what was opened stays open

    # Too many bounce: it stops by itself and says why, and a person goes on.
    bounced = message.deliveries.filter(language="es", variant="a").values("pk")[:2]
    Delivery.objects.filter(pk__in=list(bounced.values_list("pk", flat=True))).update(state=State.BOUNCED)
    assert breaking.trip(message)
    page.get_by_text(say(breaking.BOUNCES)).wait_for()
    organizer.check()
    page.locator("#resume").click()
    page.locator("#pause").wait_for()

    # Five readers of English act on the second wording: the test says how sure that is, before it is decided and after.
    webinar = factories.WebinarFactory()
    for delivery in message.deliveries.filter(language="en", variant="b")[:5]:
        register(delivery, webinar, minutes=1)
    reporting.report(message)
    organizer.go(reverse("messages:test", args=[message.pk]))
    assert page.locator(".msg-chart--narrow svg").count() == 2
    for numbers in page.locator(".msg-numbers summary").all():
        numbers.click()
    assert page.locator("#table-en tbody tr").last.locator("td").nth(1).inner_text() == "5"
    organizer.check()
    message.deliveries.filter(sent_at__isnull=False).update(sent_at=F("sent_at") - timedelta(hours=2))
    Message.objects.update(started_at=F("started_at") - timedelta(hours=2))
    SplitTest.objects.update(decides_at=None)
    with working():
        tasks.sweep.delay()
        wait_for(lambda: Message.objects.get(pk=message.pk).state == Message.State.SENT)
    assert SplitTest.objects.get().winners == {"en": "b", "es": "a"}
    message.refresh_from_db()
    reporting.report(message)
    organizer.go(reverse("messages:test", args=[message.pk]))
    page.locator(".bo-pill--good").get_by_text(say("Wording %(letter)s", letter="B")).wait_for()
    organizer.check()

    # The rest got it too, and the results tell them apart within each language.
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    page.locator("#open-variant").click()
    sent = page.locator("#table-variant tbody td:first-of-type").all_inner_texts()
    assert [int(number) for number in sent] == [6, 14, 12, 6]
    organizer.check()

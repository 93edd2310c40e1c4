"""When a message leaves: planned, moved, undone within the minute; and the calendar that shows it all."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import pacing, scheduling, sending
from campaigns.models import Message, Pace, QuietDay
from coalition.models import Segment
from tests import factories
from tests.browser.conftest import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ORGANIZER = "organizer@riverbend.example.org"


def test_a_message_is_planned_moved_and_undone(visit, office, staff, say, settings):
    settings.SEND_HOLD_SECONDS = 60
    by = staff(ORGANIZER)
    for number in range(6):
        factories.PersonFactory(
            email=True, opted_in=number < 5, language="es" if number % 2 else "en", state="GU" if number == 4 else "MA"
        )
    segment = Segment.objects.create(name="Spanish", criteria={"all": [{"is": "language", "value": "es"}]})
    earlier = factories.MessageFactory(name="Hearing on Thursday")
    earlier.included.add(segment)
    sending.start(earlier, by=by)
    later = factories.MessageFactory(name="Thank you, Senator")
    tomorrow = timezone.now() + timedelta(days=1)
    scheduling.schedule(later, by=by, at=tomorrow)
    Pace.objects.create(a_minute=2)
    there = timezone.localtime(tomorrow, pacing.zone())
    QuietDay.objects.create(day=there.date() + timedelta(days=2), name={"en": "Mourning", "es": "Luto"})
    message = factories.MessageFactory(name="Call before the vote")

    organizer = visit()
    page = organizer.page
    organizer.enter_as(by)
    organizer.go(reverse("messages:send", args=[message.pk]))
    assert page.locator(".msg-total b").inner_text() == "5"
    organizer.check()

    # Another time, by keyboard: what speaks against it is said before it counts.
    page.locator(".msg-later summary").focus()
    page.keyboard.press("Enter")
    page.locator("input[name=day]").fill((there.date() + timedelta(days=2)).isoformat())
    page.locator("input[name=time]").fill("09:00")
    page.locator("input[name=local]").check()
    plan = page.locator(".msg-later button")
    plan.focus()
    page.keyboard.press("Enter")
    page.locator(".bo-notice--warn[role=alert]").wait_for()
    organizer.check()
    page.locator(".msg-later button").click()
    page.locator(".msg-planned").wait_for()
    organizer.check()
    message.refresh_from_db()
    assert (message.state, message.send_local) == (Message.State.SCHEDULED, True)
    page.locator("input[name=day]").fill((there.date() + timedelta(days=5)).isoformat())
    page.get_by_role("button", name=say("Move it to this time")).click()
    wait_for(lambda: Message.objects.get(pk=message.pk).send_at > message.send_at)
    page.get_by_role("button", name=say("Undo: make it a draft again")).click()
    page.wait_for_url("**/check/", wait_until="commit")

    # Now: the seconds run down on the page, and undo holds it back.
    organizer.go(reverse("messages:send", args=[message.pk]))
    page.locator(".msg-actions button").click()
    seconds = page.locator(".msg-countdown b")
    seconds.wait_for()
    first = int(seconds.inner_text())
    wait_for(lambda: int(seconds.inner_text()) < first)
    organizer.check()
    page.get_by_role("button", name=say("Undo: do not send it")).click()
    page.wait_for_url("**/check/", wait_until="commit")
    message.refresh_from_db()
    assert (message.state, message.deliveries.count()) == (Message.State.DRAFT, 0)

    # The calendar.
    at = tomorrow + timedelta(hours=2)
    scheduling.schedule(message, by=by, at=at)
    factories.WebinarFactory(starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))
    for show in ("month", "list"):
        organizer.go(f"{reverse('messages:calendar')}?show={show}&month={timezone.localtime(at, pacing.zone()):%Y-%m}")
        page.get_by_role("link", name="Call before the vote", exact=True).wait_for()
        organizer.check()
    administrator = visit()
    administrator.enter_as(factories.UserFactory())
    for name in ("quiet_days:index", "quiet_days:add", "paces:index", "paces:add", "warm_ups:add"):
        administrator.go(reverse(name))
        administrator.check()

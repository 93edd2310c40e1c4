"""A visitor registers on the page in their language, gets a confirmation a calendar accepts, and cancels."""

import email
import re

import pytest
from icalendar import Calendar

from campaigns.models import Registration, Webinar
from coalition.models import SimulatedEmail
from tests.browser.conftest import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize(("language", "width"), [("en", 390), ("es", 1280)], indirect=True),
]
INDEX = {"en": "/en/webinars/", "es": "/es/seminarios/"}


def message_to(address, number=1):
    """The n-th email that reached an address, as (text, calendar file or None, subject)."""
    found = wait_for(lambda: SimulatedEmail.objects.filter(to=address).order_by("pk")[number - 1 : number])
    message = email.message_from_string(found[0].raw, policy=email.policy.default)
    files = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    return message.get_body(("plain",)).get_content(), files[0] if files else None, message["Subject"]


def test_register_confirm_and_cancel(visit, town, worker, language, say):
    webinar = Webinar.objects.order_by("starts_at").first()
    visitor = visit()
    page = visitor.page
    visitor.go(INDEX[language])
    visitor.check()
    page.get_by_role("link", name=webinar.title.localize(language)).first.click()
    visitor.check()
    page.locator("#register a.btn").click()
    visitor.check()

    # Half filled in: told beside the field, nothing lost.
    page.locator("input[name=name]").fill("Marisol Ibáñez")
    page.get_by_role("button", name=say("Register for this webinar")).click()
    page.get_by_role("alert").wait_for()
    assert page.locator("input[name=name]").input_value() == "Marisol Ibáñez"
    visitor.check()

    page.locator("input[name=email]").fill("Marisol@People.example.org")
    page.locator("input[name=interpretation][value=es]").check()
    page.locator("input[name=captions]").check()
    assert not page.locator("input[name=updates]").is_checked()
    page.get_by_role("button", name=say("Register for this webinar")).click()
    page.get_by_text("marisol@people.example.org").wait_for()
    visitor.check()

    registration = Registration.objects.get()
    assert (registration.language, registration.interpretation, registration.captions) == (language, "es", True)
    text, file, subject = message_to("marisol@people.example.org")
    assert webinar.title.localize(language) in subject
    event = Calendar.from_ical(file.get_content()).walk("VEVENT")[0]
    assert event["UID"] == Calendar.from_ical(file.get_content()).events[0]["UID"]
    assert event["DTSTART"].dt == webinar.starts_at
    assert event["LOCATION"] == webinar.join_url
    assert file["Content-Type"].params["method"] == "PUBLISH"

    personal = re.search(rf"{re.escape(visitor.server)}/{language}/\S+/{registration.nonce}/", text).group()
    visitor.go(personal)
    visitor.check()
    page.get_by_role("link", name=say("Cancel your registration")).click()
    visitor.check()
    page.locator("main form button").click()
    page.get_by_text(say("You cancelled your registration.")).wait_for()
    visitor.check()
    registration.refresh_from_db()
    assert registration.state == Registration.State.CANCELLED
    _text, cancelled, _subject = message_to("marisol@people.example.org", 2)
    gone = Calendar.from_ical(cancelled.get_content())
    assert gone["METHOD"] == "CANCEL"
    assert gone.walk("VEVENT")[0]["UID"] == event["UID"]
    assert gone.walk("VEVENT")[0]["SEQUENCE"] > event["SEQUENCE"]


def test_a_full_webinar_says_so_and_keeps_what_was_typed(visit, town, worker, language, say):
    webinar = Webinar.objects.order_by("starts_at").first()
    visitor = visit()
    page = visitor.page
    visitor.go(INDEX[language])
    page.get_by_role("link", name=webinar.title.localize(language)).first.click()
    page.locator("#register a.btn").click()
    page.locator("input[name=name]").fill("Kwame Núñez")
    page.locator("input[name=email]").fill("kwame@people.example.org")
    Webinar.objects.filter(pk=webinar.pk).update(capacity=0)
    page.get_by_role("button", name=say("Register for this webinar")).click()
    page.get_by_text(say("Every seat is taken.")).first.wait_for()
    visitor.check()
    assert Registration.objects.count() == 0

"""A message is looked at before it leaves: links answer by themselves, a word is answered for, a colleague approves."""

from django.urls import reverse

from coalition.models import Installation
from tests import factories


def test_a_message_is_mended_answered_for_and_approved(visit, staff, working, language, say):
    ana, ben = staff("organizer@riverbend.example.org"), staff("administrator@riverbend.example.org")
    for code in ("en", "es"):
        factories.PersonFactory(email=True, opted_in=True, language=code)
    message = factories.MessageFactory(created_by=ana)
    blocks = [{"id": "b1", "type": "button", "value": {"label": "A Republican answers", "url": "/no/such/page/"}}]
    message.contents.update(preheader="Today", written_by=ana, blocks=blocks)
    Installation.objects.update(second_reader=True)
    check = reverse("messages:check", args=[message.pk])

    writer = visit()
    page = writer.page
    writer.enter_as(ana)
    writer.go(check)
    writer.check()
    links = page.locator("#check-links")
    assert links.get_attribute("aria-busy") == "true"
    with working():
        page.locator("#check-links:not([aria-busy])").wait_for()
    assert "/no/such/page/ " in links.inner_text()
    writer.check()
    # Each reason leads to the block it is about.
    assert links.get_by_role("link").first.get_attribute("href").endswith("#block-b1-section")
    partisan = page.locator("#check-partisan")
    partisan.locator("summary").click()
    partisan.locator("input[name=reason]").fill("She answers as a senator.")
    writer.check()
    partisan.get_by_role("button").click()
    page.locator("#check-partisan").get_by_text("She answers as a senator.").wait_for()
    page.locator("select[name=reader]").select_option(str(ben.pk))
    page.locator("#approval").get_by_role("button").click()
    page.locator("#check-approval.msg-check--stops").wait_for()
    assert page.get_by_role("link", name=say("Go on to sending")).count() == 0
    writer.check()

    reader = visit()
    reader.enter_as(ben)
    reader.go(reverse("wagtailadmin_home"))
    reader.page.get_by_role("link", name=message.name).first.click()
    reader.page.wait_for_url(f"**{check}")
    reader.check()
    reader.page.locator("button[value=send_back]").click()
    reader.page.locator("#id_answer-note-errors, #approval .error-message").first.wait_for()
    reader.check()
    reader.page.locator("button[value=approve]").click()
    reader.page.get_by_role("link", name=say("Go on to sending")).wait_for()
    reader.check()

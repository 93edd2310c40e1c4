"""A supporter joins by keyword, says yes, answers an alert with one word, and leaves with two."""

import datetime

import pytest
from django.urls import reverse

from campaigns import replies
from campaigns.models import Answer, Conversation, InboundText, Keyword, Message
from coalition.models import Address, SimulatedText
from tests import factories
from tests.browser.conftest import wait_for
from tests.browser.writing import save_and_check, write

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize(("language", "width"), [("en", 390), ("es", 1280)], indirect=True),
]

WORDS = {"en": {"join": "Join", "yes": "YES"}, "es": {"join": "Únirme", "yes": "Si"}}
ALERT = {
    "en": "The committee votes on Tuesday. Can we count on you? YES or NO. STOP to end.",
    "es": "El comité vota el martes. ¿Contamos con usted? SI o NO. ALTO para salir.",
}
ANSWERS = [
    {
        "label_en": "I will call",
        "label_es": "Voy a llamar",
        "words": "YES, SÍ, 1",
        "reply_en": "Thank you! Call 413-555-0100.",
        "reply_es": "¡Gracias! Llame al 413-555-0100.",
    },
    {"label_en": "Not this time", "label_es": "Esta vez no", "words": "NO, 2", "reply_en": "", "reply_es": ""},
]


class Phone:
    """One phone of the demo's phone room, in a browser."""

    def __init__(self, visitor):
        self.visitor, self.page = visitor, visitor.page

    def text(self, words):
        """Type words and send them; they come back through the webhook, signed."""
        before = InboundText.objects.count()
        self.page.locator("input[name=words]").fill(words)
        self.page.locator(".demo-type button").click()
        wait_for(lambda: InboundText.objects.count() == before + 1)
        assert SimulatedText.objects.filter(incoming=True).last().body == words

    def got(self, number):
        """The newest text it got, once that many have come."""
        sent = SimulatedText.objects.filter(incoming=False)
        wait_for(lambda: sent.count() == number)
        return sent.last().body


@pytest.fixture
def phone(visit, office, language, settings, say):
    """A phone that nobody knows, in the demo's phone room; texts may leave at any hour."""
    settings.DEMO = True
    office.quiet_until = office.quiet_until_sunday = "00:00"
    office.quiet_from = datetime.time.max
    office.save()
    Keyword.objects.create(word="JOIN", language="en", tag=factories.TagFactory(name="Text list"))
    Keyword.objects.create(word="UNIRME", language="es", tag=factories.TagFactory(name="Lista de textos"))
    visitor = visit()
    visitor.go(f"/{language}/demo/phone/")
    visitor.check()
    visitor.page.get_by_role("link", name=say("Take a phone nobody knows")).click()
    visitor.page.locator("input[name=words]").wait_for()
    return Phone(visitor)


def test_join_confirm_answer_and_leave(visit, staff, worker, phone, language, say):
    # Joining: the ask, a yes, and only then consent, in the words that were asked.
    phone.visitor.check()
    phone.text(WORDS[language]["join"])
    ask = phone.got(1)
    assert ask == replies.wording(replies.Kind.ASK, language)
    assert not Address.objects.open().exists()
    phone.text(WORDS[language]["yes"])
    assert phone.got(2) == replies.wording(replies.Kind.WELCOME, language)
    address = Address.objects.open().get()
    assert (address.person.language, address.history.first().wording) == (language, ask)
    phone.page.locator("#thread .theirs").nth(1).wait_for()  # it came while the page stood open
    assert phone.page.locator("#thread .mine").count() == 2
    phone.visitor.check()

    # The alert asks for one word.
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff("organizer@riverbend.example.org"))
    campaign = factories.CampaignFactory()
    write(organizer, say, ALERT, by="phone", name="The vote", campaign=campaign)
    page.locator("[data-add-choice]").click()
    for number, answer in enumerate(ANSWERS):
        for name, words in answer.items():
            page.locator(f"[name=choices-{number}-{name}]").fill(words)
    for code in ALERT:
        page.locator(f"input[name={code}-reviewed]").check()
    organizer.check()
    save_and_check(page)
    page.get_by_role("link", name=say("Go on to sending")).click()
    page.locator(".msg-send .msg-actions button").click()
    page.locator("#msg-state.bo-pill--good").wait_for()
    message = Message.objects.get()
    assert ALERT[language] in phone.got(3)

    # One word answers it, and gets the reply in their language.
    phone.text(WORDS[language]["yes"])
    assert phone.got(4).endswith(ANSWERS[0][f"reply_{language}"])
    answer = Answer.objects.get()
    assert (answer.message, answer.person, answer.choice.words) == (message, address.person, "YES, SÍ, 1")

    # It stands in the list of conversations, in the thread, on the timeline, and in the results.
    organizer.go(reverse("conversations:index"))
    row = page.locator("table.listing tbody tr")
    assert row.count() == 1
    assert WORDS[language]["yes"] in row.inner_text()
    organizer.check()
    row.get_by_role("link").first.click()
    page.locator(".thread__text").nth(6).wait_for()
    assert page.locator(".thread__text--theirs").count() == 3
    organizer.check()
    page.get_by_role("link", name=say("Open the person")).click()
    label = ANSWERS[0][f"label_{language}"]
    page.get_by_text(say("Answered “%(answer)s” to “%(message)s”", answer=label, message="The vote")).wait_for()
    organizer.check()
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    page.get_by_role("rowheader", name=label).wait_for()
    organizer.check()

    # A bare NO is an answer; "no más" is a stop (rule S3).
    phone.text("NO")
    answer.refresh_from_db()
    assert answer.choice.words == "NO, 2"
    assert Address.objects.open().get() == address
    phone.text("no más")
    assert phone.got(5) == replies.wording(replies.Kind.STOPPED, language)
    assert not Address.objects.open().exists()
    assert list(InboundText.objects.values_list("kind", flat=True)) == ["join", "confirm", "answer", "answer", "stop"]
    assert Conversation.objects.get().waiting_since is None
    phone.page.reload()
    phone.visitor.check()
    organizer.go(reverse("conversations:inspect", args=[Conversation.objects.get().pk]))
    organizer.check()

"""An alert: a file of people becomes a segment, a segment an email and a text; what comes back closes addresses."""

import csv
import datetime
import email.policy
import io
import re
import uuid

import pytest
import requests
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils.translation import override
from twilio.request_validator import RequestValidator

from campaigns import replies
from campaigns.models import Click, Delivery, InboundText, Message
from coalition import importing, segments
from coalition.models import Address, Import, ImportedRow, Person, Segment, SimulatedEmail, SimulatedText, Tag
from tests import factories
from tests.browser.conftest import wait_for
from tests.browser.writing import save_and_check, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ORGANIZER = "organizer@riverbend.example.org"
TAG = "Lectura 2026"
COLUMNS = {
    "nationbuilder_id": "external_id",
    "first_name": "given_name",
    "last_name": "family_name",
    "email": "email",
    "email_opt_in": "email_yes",
    "mobile_number": "mobile",
    "mobile_opt_in": "text_yes",
    "do_not_contact": "no_contact",
    "primary_city": "city",
    "primary_zip": "zip",
    "tag_list": "tags",
    "language": "language",
}
# id, first and last name, email, said yes to email, mobile, said yes to texts, do not contact, language
ROWS = [
    (9001, "Marisol", "Ibáñez", "Marisol@people.example.org", "true", "413-555-0101", "true", "", "es"),
    (9002, "Kwame", "Núñez", "kwame@people.example.org", "true", "(413) 555-0102", "true", "", "en"),
    (9003, "Ana", "de la Cruz", "casa@people.example.org", "true", "", "", "", "es"),
    (9004, "Luis", "de la Cruz", "casa@people.example.org", "true", "", "", "", "es"),
    (9005, "Rosa", "Peña", "rosa@people.example.org", "", "", "", "", "es"),
    (9006, "Tomás", "Vega", "tomas@people.example.org", "false", "", "", "", "es"),
    (9007, "Grace", "Okafor", "grace@people.example.org", "true", "", "", "", "en"),
    (9008, "Linh", "Tran", "", "", "413 555 0108", "true", "", "en"),
    (9009, "Diego", "Soto", "diego@people.example.org", "true", "4135550109", "true", "", "es"),
    (9010, "Elena", "Ruiz", "elena@people.example.org", "true", "", "", "", "es"),
    ("", "Nobody", "Reachable", "not an address", "true", "", "", "", "en"),
    (9012, "Joy", "Banks", "joy@people.example.org", "true", "", "", "true", "en"),
]
CONSENT = {
    "email_consent": "column",
    "email_wording": "Write to me about schools. Escríbanme sobre las escuelas.",
    "text_consent": "column",
    "text_wording": "Text me about schools. Envíenme textos sobre las escuelas.",
}
# What must become of the email: {name: (state, reason, language)}.
LEDGER = {
    "Marisol Ibáñez": ("sent", "", "es"),
    "Kwame Núñez": ("sent", "", "en"),
    "Ana de la Cruz": ("sent", "", "es"),
    "Luis de la Cruz": ("held", "duplicate", "es"),
    "Rosa Peña": ("held", "no_consent", "es"),
    "Tomás Vega": ("held", "unsubscribed", "es"),
    "Grace Okafor": ("sent", "", "en"),
    "Linh Tran": ("held", "no_address", "en"),
    "Diego Soto": ("sent", "", "es"),
    "Elena Ruiz": ("sent", "", "es"),
    "Joy Banks": ("held", "unsubscribed", "en"),
}
EMAIL = {
    "en": ("The vote is Tuesday", "Dear {{ first_name }},\n\nthe committee votes on reading coaches on Tuesday."),
    "es": ("La votación es el martes", "Hola, {{ first_name }}:\n\nel comité vota el martes sobre la lectura."),
}
LEADS_TO = "https://www.congress.gov/"
BUTTON = {"en": ("Read the bill", LEADS_TO), "es": ("Lea el proyecto de ley", LEADS_TO)}
TEXT = {
    "en": "{{ first_name }}, the vote on reading coaches is Tuesday.",
    "es": "{{ first_name }}, la votación sobre la lectura es el martes.",
}
WAY_OUT = {"en": "Reply STOP to end.", "es": "Responda ALTO para salir."}


@pytest.fixture(autouse=True)
def private_files(settings, tmp_path):
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"private": files}


def the_file():
    """The rows as NationBuilder exports them."""
    written = io.StringIO()
    file = csv.writer(written)
    file.writerow(COLUMNS)
    for id_, first, last, mail, yes, mobile, texts, no, language in ROWS:
        place = ("Springfield", "01103") if id_ else ("", "")
        file.writerow([id_, first, last, mail, yes, mobile, texts, no, *place, "families", language])
    return {"name": "people.csv", "mimeType": "text/csv", "buffer": written.getvalue().encode()}


def figures(page):
    """The numbers on top of a page of the back office."""
    return [int(words) for words in page.locator("dl.bo-stats").first.locator(".bo-stat__figure").all_inner_texts()]


def preview_of(visitor, words):
    """Look at what one person gets."""
    page = visitor.page
    page.locator("#find-person").fill(words)
    page.locator(".msg-find button").click()
    page.locator(".msg-found a").first.click()
    page.wait_for_url("**?person=**")


def one_click(kept):
    """What a mail program does with the headers of an email it holds (RFC 8058): one POST, without any cookie."""
    message = email.message_from_string(kept.raw, policy=email.policy.default)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].strip().strip("<>")
    assert kept.to not in url
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data={"List-Unsubscribe": "One-Click"}, timeout=60, allow_redirects=False).status_code


def follow_the_button(kept):
    """Ask for what the letter's button leads to, as a browser does, and return where it sends on."""
    message = email.message_from_string(kept.raw, policy=email.policy.default)
    text = message.get_body(("plain",)).get_content()
    (url,) = re.findall(r"http\S+/l/\S+", text)
    assert kept.to not in url
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, headers={"User-Agent": "Mozilla/5.0"}, timeout=60, allow_redirects=False)
    return answer.headers["Location"]


def report_bounce(server, kept):
    """A hard bounce in Postmark's layout, with the password that we gave the provider."""
    message = email.message_from_string(kept.raw, policy=email.policy.default)
    event = {
        "RecordType": "Bounce",
        "ID": 692560173,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": message["Message-ID"],
        "Email": kept.to,
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "BouncedAt": "2026-11-22T16:33:54Z",
        "Metadata": {},
    }
    url = server + reverse("anymail:postmark_tracking_webhook")
    with requests.Session() as session:
        session.trust_env = False
        foreign = session.post(url, json=event, auth=("postmark", "guessed"), timeout=60).status_code
        ours = session.post(url, json=event, auth=("postmark", "a-shared-secret"), timeout=60).status_code
    return foreign, ours


def text_us(server, settings, number, body, *, signed=True):
    """A text as Twilio posts it."""
    values = {
        "MessageSid": f"SM{uuid.uuid4().hex}",
        "AccountSid": settings.TWILIO_ACCOUNT_SID,
        "From": number,
        "To": settings.TWILIO_FROM,
        "Body": body,
        "NumMedia": "0",
    }
    url = server + reverse("twilio_inbound")
    token = settings.TWILIO_AUTH_TOKEN if signed else "somebody else's token"
    signature = RequestValidator(token).compute_signature(url, values)
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=values, headers={"X-Twilio-Signature": signature}, timeout=60).status_code


def states(message):
    """{name: (state, reason, language)} of a message's ledger."""
    found = message.deliveries.select_related("person")
    return {str(line.person): (line.state, line.reason, line.language) for line in found}


def test_a_file_of_people_becomes_a_segment(visit, staff, working, say):
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff(ORGANIZER))

    # The file: columns are matched, what would happen is shown, then a worker brings it in.
    organizer.go(reverse("imports:add"))
    page.locator("input[type=file]").set_input_files(the_file())
    organizer.check()
    page.get_by_role("button", name=say("Read the file")).click()
    page.wait_for_url("**/columns/")
    assert {name: page.get_by_label(name, exact=True).input_value() for name in COLUMNS} == COLUMNS
    page.locator("input[name=tags]").fill(TAG)
    for channel in ("email", "text"):
        page.locator(f"input[name={channel}_consent][value=column]").check()
        page.locator(f"textarea[name={channel}_wording]").fill(CONSENT[f"{channel}_wording"])
    organizer.check()
    page.get_by_role("button", name=say("See what would happen")).click()
    page.wait_for_url("**/preview/")
    assert figures(page) == [11, 0, 0, 0, 1]
    assert Person.objects.count() == 0
    organizer.check()
    page.get_by_role("button", name=say("Bring them in")).click()
    page.locator("#progress progress").wait_for()
    assert figures(page) == [0, 0, 0, 0, 0]
    organizer.check()
    with working():
        page.get_by_role("link", name=say("Download the rows to look at")).wait_for()
    assert figures(page) == [11, 0, 0, 0, 1]
    organizer.check()
    refused = ImportedRow.objects.get(outcome="refused")
    assert (refused.line, refused.reason) == (12, "bad_email,nobody")
    assert (Import.objects.get().state, Person.objects.count()) == ("done", 11)

    # The segment: the count follows what is asked.
    organizer.go(reverse("segments:add"))
    page.locator("input[name=name]").fill("Lectura")
    count = page.locator(".bo-found__number")
    who = page.locator(".bo-region").first

    def ask(question):
        who.locator("[data-add-to]").first.click()
        page.locator("#adder-find").fill(page.locator(f"#adder [data-adds={question}]").inner_text())
        page.locator(f"#adder [data-adds={question}]").click()

    ask("tag")
    who.locator(".bo-criterion").first.get_by_label(TAG).check()
    ask("language")
    spanish = who.locator(".bo-criterion").nth(1)
    spanish.locator("select").first.select_option("es")
    wait_for(lambda: count.inner_text() == "7")
    organizer.check()
    spanish.locator("input[name$=-not]").check()
    wait_for(lambda: count.inner_text() == "4")
    spanish.locator("[data-remove-part]").click()
    wait_for(lambda: count.inner_text() == "11")
    page.get_by_role("button", name=say("Keep this segment")).click()
    page.wait_for_url("**/segments/inspect/**")
    organizer.check()

    assert set(segments.people(Segment.objects.get()).values_list("name", flat=True)) == set(LEDGER)


@pytest.fixture
def segment(office, staff):
    """The people of the same file, brought in by the same verbs."""
    by = staff(ORGANIZER)
    batch = importing.upload(ContentFile(the_file()["buffer"]), "people.csv", by=by)
    importing.describe_columns(batch, mapping=batch.mapping, options=batch.options | CONSENT | {"tags": [TAG]})
    batch.refresh_from_db()
    assert importing.start(batch)
    importing.run(batch)
    tree = {"all": [{"is": "tag", "value": [Tag.objects.get(name=TAG).pk]}]}
    return segments.keep(Segment(), name="Lectura", tree=tree, by=by)


def test_an_email_in_two_languages_and_what_comes_back(visit, segment, staff, working, language, say, settings):
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": "postmark:a-shared-secret"}
    campaign = factories.CampaignFactory()
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff(ORGANIZER))
    write(
        organizer, say, EMAIL, by="email", name="Reading coaches", campaign=campaign, segment="Lectura", button=BUTTON
    )
    page.locator(".msg-more summary").click()
    page.locator("input[name=archived]").check()
    page.locator("input[name=en-reviewed]").check()
    organizer.check()
    # Nobody has read the Spanish yet, so nothing can leave (rule L2).
    save_and_check(page)
    page.locator(".bo-notice--bad").wait_for()
    assert page.get_by_role("link", name=say("Go on to sending")).count() == 0
    organizer.check()
    page.locator(".msg-steps").get_by_role("link", name=say("Write")).click()
    page.locator("input[name=es-reviewed]").check()
    save_and_check(page)
    page.get_by_role("link", name=say("Go on to sending")).wait_for()
    preview_of(organizer, "marisol")
    letter = page.frame_locator(".msg-preview__html--light")
    letter.get_by_text("Hola, Marisol:").wait_for()
    assert letter.locator("html").get_attribute("lang") == "es"
    organizer.check()

    # Six people get it, once the seconds in which it can be undone are over. A second window that was open all along
    # sends nothing twice.
    message = Message.objects.get()
    page.get_by_role("link", name=say("Go on to sending")).click()
    assert page.locator(".msg-total b").inner_text() == "6"
    organizer.check()
    other = organizer.context.new_page()
    other.goto(organizer.server + reverse("messages:send", args=[message.pk]))
    settings.SEND_HOLD_SECONDS = 3
    page.locator(".msg-send .msg-actions button").click()
    page.locator(".msg-countdown b").wait_for()
    with working():
        page.locator("#msg-state.bo-pill--good").wait_for()
    other.locator(".msg-send .msg-actions button").click()
    other.get_by_text(say("This message is already on its way. Nothing was sent twice.")).wait_for()
    assert figures(page)[:2] == [6, 0]
    organizer.check()

    # The ledger accounts for everybody; the outbox holds one letter each, in their language.
    organizer.go(reverse("messages:ledger", args=[message.pk]))
    assert page.locator(".msg-line").count() == len(LEDGER)
    organizer.check()
    assert states(message) == LEDGER
    assert sorted(SimulatedEmail.objects.values_list("to", "language", "subject")) == sorted(
        (line.value, line.language, EMAIL[line.language][0]) for line in message.deliveries.filter(state="sent")
    )

    # A click goes through our redirect to where the button leads. One click of another kind, and a bounce that the
    # provider reports: both close the address.
    outbox = {kept.to: kept for kept in SimulatedEmail.objects.all()}
    assert follow_the_button(outbox["grace@people.example.org"]) == LEADS_TO
    assert list(Click.objects.values_list("delivery__person__given_name", "link__url")) == [("Grace", LEADS_TO)]
    assert one_click(outbox["kwame@people.example.org"]) == 200
    assert report_bounce(organizer.server, outbox["elena@people.example.org"]) == (400, 200)
    assert set(Address.objects.open().filter(channel="email").values_list("value", flat=True)) == {
        f"{name}@people.example.org" for name in ("marisol", "casa", "grace", "diego")
    }
    assert states(message)["Elena Ruiz"] == ("bounced", "", "es")
    organizer.go(reverse("people:inspect", args=[Person.objects.get(given_name="Kwame").pk]))
    organizer.check()
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    organizer.check()

    # Anybody reads it in the archive, with nobody's name in it.
    reader = visit()
    with override(language):
        reader.go(reverse("campaigns:alerts"))
    reader.check()
    reader.page.get_by_role("link", name=EMAIL[language][0]).click()
    reader.page.get_by_role("heading", name=EMAIL[language][0]).wait_for()
    assert [name for name in LEDGER if name.split()[0] in reader.page.locator("main").inner_text()] == []
    assert reader.page.get_by_role("link", name=BUTTON[language][0]).get_attribute("href") == LEADS_TO
    reader.check()


def test_a_text_and_the_words_that_close_a_number(visit, office, staff, worker, say, settings):
    office.quiet_until = office.quiet_until_sunday = "00:00"
    office.quiet_from = datetime.time.max
    office.save()
    people = {
        name: factories.PersonFactory(given_name=name, language=code, phone=phone, opted_in=opted_in)
        for name, code, phone, opted_in in (
            ("Marisol", "es", "+14135550101", True),
            ("Kwame", "en", "+14135550102", True),
            ("Diego", "es", "+14135550103", True),
            ("Grace", "en", "+14135550104", False),
        )
    }
    organizer = visit()
    page = organizer.page
    organizer.enter_as(staff(ORGANIZER))
    campaign = factories.CampaignFactory()
    write(organizer, say, TEXT, by="phone", name="A text", campaign=campaign)
    # What it costs is counted while it is written: ó forces the dearer alphabet, and is named.
    wait_for(lambda: "ó" in page.locator("#meter-es kbd").all_inner_texts())
    for code in TEXT:
        page.locator(f"input[name={code}-reviewed]").check()
    organizer.check()
    save_and_check(page)
    preview_of(organizer, "marisol")
    assert "Marisol, la votación" in page.locator(".msg-phone__bubble").inner_text()
    organizer.check()
    message = Message.objects.get()
    page.get_by_role("link", name=say("Go on to sending")).click()
    assert page.locator(".msg-total b").inner_text() == "3"
    organizer.check()
    page.locator(".msg-send .msg-actions button").dblclick()
    page.locator("#msg-state.bo-pill--good").wait_for()
    wait_for(lambda: message.deliveries.filter(state=Delivery.State.DELIVERED).count() == 3)
    got = {text.number: text.body for text in SimulatedText.objects.filter(incoming=False)}
    assert SimulatedText.objects.count() == 3
    for name in ("Marisol", "Kwame", "Diego"):
        number = people[name].primary_phone.value
        language = people[name].language
        words = TEXT[language].replace("{{ first_name }}", name)
        assert got[number] == f"Riverbend: {words} {WAY_OUT[language]}"
    assert states(message)[str(people["Grace"])] == ("held", "no_consent", "en")

    # STOP and ALTO close their numbers; a text that the carrier did not sign does nothing.
    assert text_us(organizer.server, settings, "+14135550103", "STOP", signed=False) == 403
    assert InboundText.objects.count() == 0
    assert text_us(organizer.server, settings, "+14135550102", "Stop") == 200
    assert text_us(organizer.server, settings, "+14135550101", "¡ALTO!") == 200
    wait_for(lambda: SimulatedText.objects.count() == 5)
    last = {text.number: text.body for text in SimulatedText.objects.order_by("pk")}
    for name, code in (("Kwame", "en"), ("Marisol", "es")):
        assert last[people[name].primary_phone.value] == replies.wording(replies.Kind.STOPPED, code)
    assert list(Address.objects.open().values_list("value", flat=True)) == ["+14135550103"]
    organizer.go(reverse("messages:inspect", args=[message.pk]))
    organizer.check()

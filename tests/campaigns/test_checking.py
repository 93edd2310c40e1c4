"""What is looked at before a message leaves: what the law and the languages ask for stops it, the rest warns."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import answering, approving, checking, composing, judging, rendering, sending
from campaigns.models import LinkCheck, Message
from coalition.models import Installation
from tests.factories import MessageFactory, PersonFactory, UserFactory

LANGUAGES = ("English", "Spanish")
PICTURE = "https://example.org/p.jpg"


@pytest.fixture
def message(installation):
    """Both languages written and read, and somebody for each."""
    reader(), reader(language="es")
    return MessageFactory()


def reader(**kwargs):
    return PersonFactory(**{"email": True, "opted_in": True} | kwargs)


def write(message, language="en", **words):
    """Change words as the editor does, and confirm them again."""
    composing.write(message, contents={language: words | {"reviewed": True}})
    message.contents.filter(language=language).update(reviewed_at=timezone.now())


def block(kind, block_id="b1", **value):
    return {"id": block_id, "type": kind, "value": value}


def both(message, *blocks):
    """The same blocks in both languages, read and confirmed."""
    for language in ("en", "es"):
        message.contents.filter(language=language).update(blocks=list(blocks), reviewed_at=timezone.now())


def look(message, key):
    """(level, [reasons]) of one check, or None where it is not made."""
    found = {check.key: check for check in checking.checks(message)}
    assert len(found) == len(checking.checks(message))
    check = found.get(key)
    return check and (check.level, [str(reason) for reason in check.reasons])


# Languages


def test_a_finished_message_passes_everything(message):
    assert checking.problems(message) == []
    assert [(check.key, check.level) for check in checking.checks(message)] == [
        ("subject", "warns"),  # it has no preheader
        ("provider", "fine"),
        ("address", "fine"),
        ("audience", "fine"),
        ("languages", "fine"),
        ("partisan", "fine"),
        ("ways_out", "fine"),
        ("size", "fine"),
    ]


def test_L2_nothing_leaves_while_a_language_is_missing(message):
    message.contents.filter(language="es").update(blocks=[])
    assert checking.problems(message) == ["Spanish: The text is missing."]
    with pytest.raises(ValidationError):
        sending.start(message)
    message.refresh_from_db()
    assert (message.state, message.deliveries.count()) == (Message.State.DRAFT, 0)
    message.contents.filter(language="es").update(subject="")
    assert checking.problems(message) == ["Spanish is missing, and people in this audience read it."]


def test_L2_a_language_that_nobody_reads_is_not_needed(installation):
    reader(), PersonFactory(language="es")
    message = MessageFactory()
    message.contents.filter(language="es").delete()
    assert checking.problems(message) == []


def test_L2_an_unread_translation_keeps_it_back(message):
    message.contents.filter(language="es").update(reviewed_at=None)
    assert checking.problems(message) == ["Spanish: nobody has read and confirmed this text yet."]


def test_L2_a_translation_older_than_its_source_keeps_it_back(message):
    long_ago = timezone.now() - timedelta(hours=2)
    message.contents.filter(language="es").update(updated_at=long_ago, reviewed_at=long_ago)
    assert checking.problems(message) == ["Spanish: the text it was translated from has changed since."]


def test_L2_each_variant_needs_each_language(message):
    composing.add_variant(message)
    message.contents.filter(variant="b", language="es").delete()
    assert checking.problems(message) == [
        "English, variant B: nobody has read and confirmed this text yet.",
        "Spanish is missing from variant B, and people in this audience read it.",
    ]


def test_L2_a_waiver_lets_it_leave_and_keeps_its_name_and_reason(message):
    message.contents.filter(language="es").update(reviewed_at=None)
    ana = UserFactory(first_name="Ana")
    composing.waive(message, "languages", reason="The vote is tonight.", by=ana)
    assert checking.problems(message) == []
    check = next(check for check in checking.checks(message) if check.key == "languages")
    assert (check.level, check.waiver.by, check.waiver.reason) == ("warns", ana, "The vote is tonight.")
    assert [str(reason) for reason in check.reasons] == ["Spanish: nobody has read and confirmed this text yet."]


def test_L2_a_waiver_falls_when_the_words_change(message):
    message.contents.filter(language="es").update(reviewed_at=None)
    composing.waive(message, "languages", reason="The vote is tonight.", by=UserFactory())
    composing.write(message, contents={"es": {"subject": "El voto"}})
    assert checking.problems(message) == ["Spanish: nobody has read and confirmed this text yet."]


def test_a_waiver_never_lets_a_broken_text_leave(message):
    both(message, block("text", html="<p>Dear {{ nickname }}</p>"))
    composing.waive(message, "languages", reason="The vote is tonight.", by=UserFactory())
    assert checking.problems(message) == ["There is no text yet that could leave."]


def test_an_empty_audience_cannot_be_sent_to(installation):
    assert "Nobody in this audience can get it." in checking.problems(MessageFactory())


# The law


def test_E2_the_postal_address_stops_a_message_whatever_is_waived(message):
    Installation.objects.update(postal_address=" ")
    for key in ("address", "languages", "partisan"):
        composing.waive(message, key, reason="Now!", by=UserFactory())
    wanted = "The coalition's postal address is missing from its settings: every bulk email must show it."
    assert checking.problems(message) == [wanted]
    assert look(message, "address") == ("stops", [wanted])


def test_E1_the_ways_out_are_looked_for_in_what_would_leave(message):
    assert look(message, "ways_out") == ("fine", [])


def test_texts_that_are_switched_off_say_so(installation, settings):
    PersonFactory(phone=True, opted_in=True)
    settings.TEXT_PROVIDER = ""
    text = MessageFactory(channel="phone")
    assert checking.problems(text) == ["Texts are switched off: no provider is set."]


def test_email_that_is_switched_off_says_so(message, settings):
    settings.EMAIL_PROVIDER = ""
    assert checking.problems(message) == ["Email is switched off: no provider is set."]


def test_a_text_is_looked_at_as_a_text(installation):
    PersonFactory(phone=True, opted_in=True)
    text = MessageFactory(channel="phone")
    assert [(check.key, check.level) for check in checking.checks(text)] == [
        ("provider", "fine"),
        ("audience", "fine"),
        ("languages", "fine"),
        ("partisan", "fine"),
    ]


def test_A3_a_partisan_word_stops_a_message_until_somebody_answers_for_it(message):
    write(message, "es", subject="Hablan republicanos y demócratas")
    assert look(message, "partisan") == (
        "stops",
        [
            "Spanish: “republicanos” may take a party's side: “Hablan republicanos y demócratas”",
            "Spanish: “demócratas” may take a party's side: “Hablan republicanos y demócratas”",
        ],
    )
    places = [c.reasons[0].place for c in checking.checks(message) if c.key == "partisan"]
    assert places == ["subject"]
    composing.waive(message, "partisan", reason="Both parties speak at it.", by=UserFactory())
    assert (look(message, "partisan")[0], checking.problems(message)) == ("warns", [])


def test_E6_an_email_that_mail_programs_cut_off_does_not_leave(message):
    long = [block("text", f"b{n}", html=f"<p>{'The vote is near. ' * 100}</p>") for n in range(60)]
    both(message, *long)
    assert look(message, "size") == (
        "stops",
        [
            f"{name}: The email is larger than 100 kB: mail programs would cut it off."
            for name in ("English", "Spanish")
        ],
    )
    assert look(message, "languages") == ("fine", [])


def test_E6_an_email_too_large_by_its_words_alone_is_not_drawn_to_know(message):
    both(message, block("text", html=f"<p>{'The vote is near. ' * 6_000}</p>"))
    content = message.contents.first()
    too_large = ["The email is larger than 100 kB: mail programs would cut it off."]
    assert judging.problems(content, draw=lambda _content: pytest.fail("it was drawn")) == too_large
    assert look(message, "size") == ("stops", [f"{name}: {too_large[0]}" for name in ("English", "Spanish")])
    assert look(message, "reading") is None
    assert checking.Subject(message).leaving == []
    content.blocks[0]["value"]["html"] = f"<p>{'{{ first_name | The vote is near. }}' * 6_000}</p>"
    assert not judging.is_overlong(content)  # nobody knows how long a value is


# A second pair of eyes


def test_an_approval_is_asked_for_where_the_coalition_wants_one(message):
    assert look(message, "approval") is None
    Installation.objects.update(second_reader=True)
    assert checking.problems(message) == ["Somebody who did not write it last has to approve it."]
    ana, ben = UserFactory(first_name="Ana", last_name=""), UserFactory(first_name="Ben", last_name="")
    Message.objects.update(created_by=ana)
    message.refresh_from_db()
    approving.ask(message, of=ben, by=ana)
    assert look(message, "approval") == ("stops", ["Ben was asked and has not answered yet."])
    approving.send_back(message, by=ben, note="Say when.")
    assert look(message, "approval") == ("stops", ["Ben sent it back: “Say when.”"])
    approving.approve(message, by=ben)
    assert look(message, "approval") == ("fine", [])
    assert checking.problems(message) == []


def test_a_reader_whose_account_is_gone_has_no_name(message):
    Installation.objects.update(second_reader=True)
    ben = UserFactory()
    approving.send_back(message, by=ben, note="Say when.")
    ben.delete()
    message.refresh_from_db()
    assert look(message, "approval") == ("stops", ["— sent it back: “Say when.”"])


def test_a_colleague_who_was_asked_without_need_keeps_nothing_back(message):
    approving.ask(message, of=UserFactory(first_name="Ben", last_name=""), by=None)
    assert look(message, "approval") == ("warns", ["Ben was asked and has not answered yet."])
    assert checking.problems(message) == []


# What warns


def test_E6_pictures_need_words_of_their_own_in_each_language(message):
    both(message, block("text", html="<p>x</p>"), block("picture", "b2", src=PICTURE, alt="IMG_2031"))
    assert look(message, "pictures") == (
        "warns",
        [f"{name}: “IMG_2031” is a file's name, and says nothing of the picture." for name in LANGUAGES],
    )
    both(message, block("picture", src=PICTURE, alt="Children read"))
    assert look(message, "pictures") == (
        "warns",
        ["Spanish: “Children read” stands there in another language too. Is it translated?"],
    )


def test_a_subject_is_short_says_who_writes_and_does_not_shout(message):
    write(message, subject="RE: THE VOTE ON READING COACHES IS VERY NEAR, CALL", preheader="Today")
    assert look(message, "subject") == (
        "warns",
        [
            "English: Phones show about 45 characters of a subject; this one has 50.",
            "English: The subject is in capitals: it reads as shouting, and filters take it for spam.",
            "English: The subject looks like an answer to somebody, which it is not.",
            "Spanish: There is no preheader: mail programs show the first words of the email instead.",
        ],
    )


def test_hard_words_are_called_hard_with_the_longest_sentences(message):
    hard = "Notwithstanding legislative opposition regarding appropriations, " * 6 + "stakeholders anticipate. "
    write(message, blocks=[block("text", html=f"<p>{hard}</p>")])
    level, reasons = look(message, "reading")
    assert (level, len(reasons)) == ("warns", 2)
    assert reasons[0] == "English: Hard to read: 0 of 100, and 50 are wanted."
    assert reasons[1].startswith("English: This sentence has 32 words: “Notwithstanding")
    Installation.objects.update(reading_ease=0)
    assert look(message, "reading") == ("fine", [])


def test_links_that_do_not_answer_are_named_with_their_language(message):
    gone, well = "https://example.org/gone", "https://example.org/well"
    both(message, block("button", label="Go", url=gone), block("button", "b2", label="Go", url=well))
    assert checking.Subject(message).askable == [gone, well]
    assert look(message, "links")[0] == "warns"
    answering.want(checking.Subject(message).askable)
    assert look(message, "links") == ("busy", [])
    LinkCheck.objects.update(answered_at=timezone.now(), status=200)
    assert look(message, "links") == ("fine", [])
    LinkCheck.objects.filter(url=gone).update(status=404)
    assert look(message, "links") == ("warns", [f"English: There is no such page (404): {gone}"])
    assert checking.problems(message) == []


def test_links_over_plain_http_stop_a_message(message, settings):
    both(message, block("button", label="Go", url="/en/"))
    assert look(message, "https") is None
    both(message, block("button", label="Go", url="http://example.org/"))
    assert look(message, "https") == ("stops", ["English: This link is not https: http://example.org/"])
    settings.DEBUG = True  # on a laptop our own pages have no certificate
    assert look(message, "https") is None


def test_E1_nothing_leaves_from_a_site_without_encryption(message, settings):
    settings.PUBLIC_URL = "http://coalition.example.org"
    stops = ["Every link of ours would leave without encryption: PUBLIC_URL has to begin with https://."]
    assert look(message, "https") == ("stops", stops)
    with pytest.raises(ValidationError):
        sending.start(message)
    settings.PUBLIC_URL = "https://coalition.example.org"
    assert look(message, "https") is None


def test_checking_asks_as_often_for_thirty_links_as_for_one(message):
    counts = []
    for number in (1, 30):
        both(message, *[block("button", f"b{n}", label="Go", url=f"https://example.org/{n}") for n in range(number)])
        with CaptureQueriesContext(connection) as queries:
            checking.checks(message)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 60


def test_a_broken_text_is_not_rendered_for_the_other_checks(message):
    both(message, block("text", html="<p>{{ nickname }}</p>"))
    assert {check.key for check in checking.checks(message)} >= {"languages", "ways_out", "size"}
    assert judging.problems(message.contents.first()) == ["Nobody can fill in “nickname”."]


def test_a_letter_asks_nobody_else_for_anything(message):
    html = rendering.render(message.contents.first()).html
    assert [word for word in ("@import", "googleapis", "<link", "<script") if word in html] == []


def test_E7_a_domain_that_nobody_vouches_for_and_a_sender_that_looks_forged_are_named(message, settings):
    assert look(message, "sender") is None
    settings.EMAIL_PROVIDER, settings.EMAIL_SPF, settings.EMAIL_DKIM = "smtp", "v=spf1 -all", "k1"
    settings.EMAIL_DMARC = ""
    text = "No DMARC is noted for the sending domain: many services take its email for spam."
    assert look(message, "sender") == ("warns", [text])
    settings.EMAIL_DMARC = "v=DMARC1; p=reject"
    assert look(message, "sender") == ("fine", [])
    write(message, sender="senator@example.org")
    assert look(message, "sender") == (
        "warns",
        ["English: A sender's name with an address in it looks like a forgery."],
    )

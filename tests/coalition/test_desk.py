"""A partner's desk: what waits, what changed, what was decided; and deciding with everything that may come between."""

import csv
import io
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from PIL import Image

from coalition import languages, logos, papers, publishing, signing_on
from coalition.models import Decision, Handover, Invitation, Notice
from tests import factories

from .signons import amend, asked, open_round, sign, texts

Choice = Decision.Choice
BOTH = pytest.mark.parametrize("language", ["en", "es"])


def address(name, *args, language="en"):
    with translation.override(language):
        return reverse(name, args=args)


@pytest.fixture
def invitation(round_):
    return asked(round_, name="Harbor Mentors")


@pytest.fixture
def token(invitation):
    return signing_on.token_for(invitation)


@pytest.fixture
def desk(invitation):
    return signing_on.desk_token(invitation.representative)


def answer(version, **more):
    return {"version": version.pk, "seen": "", "signer_name": "Carmen Iris", "signer_title": "Director", **more}


def another_round(editor, title="Another text", days=7):
    publication = factories.PublicationFactory(title={"en": title, "es": title})
    publishing.freeze(publication, texts(en=title, es=title), by=editor)
    return open_round(publication, editor, days=days)


def also_asked(round_, invitation):
    return signing_on.invite(round_, [invitation.representative]).asked[0]


def logo_of(organization, **more):
    picture = io.BytesIO()
    Image.new("RGB", (80, 60), "#0E4A50").save(picture, "PNG")
    return logos.keep(organization, png=picture.getvalue(), **more)


def handed_over(version, organization, at=None):
    return Handover.objects.create(
        publication=version.publication,
        version=version,
        way=Handover.Way.HAND,
        to={"en": "The committee", "es": "El comité"},
        at=at or timezone.now(),
        signatories=[{"organization": organization.pk}],
    )


# What waits


def test_the_desk_shows_what_waits_by_deadline_and_what_was_decided(client, invitation, desk, editor):
    soon, signed = another_round(editor, "Soon", days=2), another_round(editor, "Signed", days=4)
    theirs = another_round(editor, "Of somebody else", days=1)
    also_asked(soon, invitation)
    sign(also_asked(signed, invitation))
    asked(theirs)
    page = client.get(address("desk", desk))
    assert [str(line.publication) for line in page.context["waits"]] == ["Soon", "Every reader by third grade"]
    assert [str(line.publication) for line in page.context["answered"]] == ["Signed"]
    assert page.text.index("Soon") < page.text.index("Every reader by third grade") < page.text.index("Signed")
    assert "Eastern Time" in page.text


@BOTH
def test_an_empty_desk_says_what_will_come(client, invitation, desk, round_, language):
    signing_on.close_round(round_)
    page = client.get(address("desk", desk, language=language))
    assert page.status_code == 200
    assert 'class="empty"' in page.text


def test_the_desk_says_that_the_text_changed_since_it_was_seen_or_answered(client, invitation, desk, editor):
    version = invitation.version
    signing_on.mark_seen(invitation, version)
    sign(invitation)
    amend(version.publication, editor)
    (line,) = client.get(address("desk", desk)).context["waits"]
    assert (line.again, line.saw, line.version.number) == (True, version, 2)
    page = client.get(address("desk", desk))
    assert "You saw version 1; version 2 is the text now." in page.text


def test_a_clerical_correction_asks_nobody_again(client, invitation, desk, editor):
    sign(invitation)
    amend(invitation.version.publication, editor, material=False)
    page = client.get(address("desk", desk))
    assert (page.context["waits"], len(page.context["answered"])) == ([], 1)


def test_more_time_waits_and_says_until_when(client, invitation, desk):
    day = timezone.localdate() + timedelta(days=3)
    sign(invitation, choice=Choice.TIME, until=day)
    page = client.get(address("desk", desk))
    assert [line.answer.until for line in page.context["waits"]] == [day]
    assert "asked for time until" in page.text


def test_G3_a_late_signature_that_waits_for_staff_is_answered(client, invitation, desk, round_):
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        sign(invitation)
        fresh = signing_on.desk_token(invitation.representative)
        page = client.get(address("desk", fresh))
    assert (page.context["waits"], len(page.context["answered"])) == ([], 1)
    assert "After the deadline: the organizers decide." in page.text


def test_who_has_left_the_coalition_is_asked_nothing(client, invitation, desk):
    sign(invitation)
    invitation.organization.stage = "left"
    invitation.organization.save()
    page = client.get(address("desk", desk))
    assert (page.context["waits"], page.context["answered"]) == ([], [])
    assert client.get(address("desk_history", desk)).context["page_obj"].paginator.count == 1


def test_a_colleague_of_who_was_asked_opens_the_text_from_the_desk(client, invitation, round_):
    colleague = factories.RepresentativeFactory(organization=invitation.organization)
    desk = signing_on.desk_token(colleague)
    notices = Notice.objects.count()
    for _press in range(2):
        opened = client.get(address("desk_text", desk, round_.pk))
        assert opened.status_code == 302
    assert client.get(opened.url).context["invitation"].representative == colleague
    assert (Invitation.objects.filter(representative=colleague).count(), Notice.objects.count()) == (1, notices)


def test_the_desk_opens_no_text_that_its_organization_was_not_asked_about(client, invitation, desk, editor):
    theirs = another_round(editor)
    asked(theirs)
    assert client.get(address("desk_text", desk, theirs.pk)).status_code == 404
    signing_on.revoke(invitation)
    assert client.get(address("desk_text", desk, invitation.round_id)).status_code == 404


def test_the_desk_costs_the_same_with_2_and_with_30_texts(
    client, invitation, desk, editor, django_assert_max_num_queries, django_assert_num_queries
):
    sign(also_asked(another_round(editor, "Signed"), invitation))
    for _look in range(2):  # the device is known from the second time on
        client.get(address("desk", desk))
    with django_assert_max_num_queries(20) as few:
        client.get(address("desk", desk))
    for number in range(28):
        one = also_asked(another_round(editor, f"Text {number}"), invitation)
        if number % 2:
            sign(one)
    with django_assert_num_queries(len(few)):
        page = client.get(address("desk", desk))
    assert (len(page.context["waits"]), len(page.context["answered"])) == (15, 5)


def test_a_long_desk_has_pages(client, invitation, desk, editor):
    for number in range(30):
        also_asked(another_round(editor, f"Text {number}"), invitation)
    pages = [client.get(address("desk", desk), {"page": number}).context["waits"] for number in (1, 2, 3)]
    assert [len(lines) for lines in pages] == [15, 15, 1]


# Reading


def test_what_changed_since_the_version_they_last_saw_stands_on_top_without_an_answer(
    client, invitation, token, publication, editor
):
    signing_on.mark_seen(invitation, publication.current_version)
    amend(publication, editor, en="Ten firm steps.")
    page = client.get(address("sign", token))
    assert "What changed from version 1 to version 2" in page.text
    assert "Version 1 is the one you saw last." in page.text
    assert page.text.index("<ins>") < page.text.index('id="the-text"')
    client.get(address("sign", token))
    assert "What changed from" not in client.get(address("sign", token)).text
    assert "What changed from" in client.get(address("sign", token), {"since": 1}).text
    assert client.get(address("sign", token), {"since": "9"}).status_code == 200


@BOTH
def test_the_print_view_is_the_whole_text_with_version_hash_and_quilt(client, token, publication, language):
    page = client.get(address("sign_print", token, language=language))
    version = publication.current_version
    assert version.digest in page.text
    assert {"en": "<p>Ten steps.</p>", "es": "<p>Diez pasos.</p>"}[language] in page.text
    assert 'class="quilt"' in page.text
    assert "<nav" not in page.text
    assert 'name="choice"' not in page.text


def test_a_report_of_60_pages_is_read_and_compared_in_a_fixed_number_of_queries(
    client, invitation, token, publication, editor, django_assert_max_num_queries
):
    long = [f"Paragraph {n} says what {n % 7} schools need in year {n}, and why it matters there." for n in range(1500)]
    publishing.freeze(publication, texts(en="</p><p>".join(long)), by=editor, material=True, note="A long report")
    long[700] = "This paragraph is another one."
    publishing.freeze(publication, texts(en="</p><p>".join(long)), by=editor, material=True, note="One paragraph")
    with django_assert_max_num_queries(40):
        page = client.get(address("sign", token), {"since": 2})
    assert page.text.count('class="difference-row"') == 1
    assert len(page.content) < 1_000_000


# Deciding


def test_every_answer_of_the_form_is_recorded(client, token, publication):
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    version = publication.current_version
    for choice, more in (
        ("time", {"until": day}),
        ("sign", {"attested": "on"}),
        ("support", {}),
        ("abstain", {}),
        ("decline", {"reason": "Our board is split", "reason_private": "on"}),
    ):
        last = Decision.objects.order_by("pk").last()
        page = client.post(address("sign", token), answer(version, choice=choice, **more, seen=last.pk if last else ""))
        assert page.status_code == 302, choice
    said = Decision.objects.order_by("pk").values_list("choice", "attested", "live", "reason_private")
    assert list(said) == [
        ("time", False, False, False),
        ("sign", True, False, False),
        ("support", False, False, False),
        ("abstain", False, False, False),
        ("decline", False, True, True),
    ]


@BOTH
def test_G1_the_very_words_that_were_confirmed_are_kept(client, token, publication, language):
    version = publication.current_version
    title = version.text_in(language).title
    page = client.get(address("sign", token, language=language))
    client.post(address("sign", token, language=language), answer(version, choice="sign", attested="on"))
    decision = Decision.objects.get()
    assert (title in decision.attestation, "Harbor Mentors" in decision.attestation) == (True, True)
    assert decision.attestation in page.text
    receipt = Notice.objects.get(kind="receipt")
    assert decision.attestation in receipt.text


def test_G1_signing_states_a_title(client, token, publication):
    version = publication.current_version
    page = client.post(address("sign", token), answer(version, choice="sign", attested="on", signer_title=""))
    assert (page.status_code, 'href="#id_signer_title"' in page.text) == (422, True)
    page = client.post(address("sign", token), answer(version, choice="abstain", signer_title=""))
    assert page.status_code == 302


def test_more_time_asks_for_a_day_to_come(client, token, publication, round_):
    for until in ("", timezone.localdate().isoformat(), "soon"):
        page = client.post(address("sign", token), answer(publication.current_version, choice="time", until=until))
        assert (page.status_code, 'href="#id_until"' in page.text) == (422, True)
    assert not Decision.objects.exists()


def test_G6_a_logo_has_a_yes_of_its_own_and_is_offered_only_where_one_may_be_used(
    client, invitation, token, publication, private_files
):
    version, organization = publication.current_version, invitation.organization
    assert 'value="sign_logo"' not in client.get(address("sign", token)).text
    refused = client.post(address("sign", token), answer(version, choice="sign_logo", attested="on"))
    assert refused.status_code == 422
    with pytest.raises(ValidationError, match="no logo"):
        sign(invitation, with_logo=True)
    ended = timezone.localdate() - timedelta(days=1)
    logo_of(organization, permitted_by="Carmen", permitted_on=ended, expires_on=ended)
    assert 'value="sign_logo"' not in client.get(address("sign", token)).text
    logo_of(organization, permitted_by="Carmen", permitted_on=ended)
    assert 'value="sign_logo"' in client.get(address("sign", token)).text
    client.post(address("sign", token), answer(version, choice="sign", attested="on"))
    name_only = Decision.objects.get()
    client.post(address("sign", token), answer(version, choice="sign_logo", attested="on", seen=name_only.pk))
    with_logo = Decision.objects.live().get()
    assert [(name_only.choice, name_only.with_logo), (with_logo.choice, with_logo.with_logo)] == [
        ("sign", False),
        ("sign", True),
    ]
    assert "logo" in with_logo.attestation
    assert "logo" not in name_only.attestation


@BOTH
def test_a_colleague_who_answered_meanwhile_is_shown_and_may_be_overruled_on_purpose(
    client, invitation, token, publication, language
):
    colleague = asked(invitation.round, organization=invitation.organization)
    data = answer(publication.current_version, choice="sign", attested="on", reason="With all our heart")
    sign(colleague, choice=Choice.DECLINE, signer_name="Rosa Delgado")
    page = client.post(address("sign", token, language=language), data)
    assert page.status_code == 409
    assert "Rosa Delgado" in page.text
    assert "With all our heart" in page.text
    assert Decision.objects.count() == 1
    seen = Decision.objects.get().pk
    assert f'name="seen" value="{seen}"' in page.text
    assert client.post(address("sign", token), data | {"seen": seen}).status_code == 302
    assert Decision.objects.live().get().choice == "sign"


def test_pressing_twice_records_once_and_is_no_colleague(client, token, publication):
    data = answer(publication.current_version, choice="sign", attested="on")
    assert [client.post(address("sign", token), data).status_code for _press in range(2)] == [302, 302]
    assert Decision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_G4_of_two_signatories_in_the_same_second_one_decides_and_the_other_is_told(installation):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    version = publishing.freeze(publication, texts(), by=editor)
    round_ = open_round(publication, editor)
    organization = factories.OrganizationFactory()
    pages = [signing_on.token_for(asked(round_, organization=organization)) for _n in range(4)]
    together, statuses = threading.Barrier(4), []

    def press(page, choice):
        together.wait()
        try:
            data = answer(version, choice=choice, attested="on")
            statuses.append(Client().post(address("sign", page), data).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=pair) for pair in zip(pages, ["sign", "decline"] * 2, strict=True)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(statuses) == [302, 409, 409, 409]
    assert (Decision.objects.count(), Decision.objects.live().count()) == (1, 1)


@BOTH
def test_G2_a_text_superseded_while_open_stores_nothing_and_loses_nothing(
    client, invitation, token, publication, editor, language
):
    data = answer(publication.current_version, choice="decline", reason="Not the third paragraph", reason_private="on")
    amend(publication, editor, en="Ten firm steps.")
    page = client.post(address("sign", token, language=language), data)
    assert (page.status_code, "Not the third paragraph" in page.text) == (409, True)
    assert page.context["since"].number == 1
    assert page.context["form"]["reason_private"].value() is True
    assert not Decision.objects.exists()


@BOTH
def test_G3_a_deadline_that_passes_during_the_form_is_said_before_and_after(
    client, invitation, token, publication, round_, language
):
    page = client.get(address("sign", token, language=language))
    deadline = languages.format_when(round_.deadline, round_.zone, language)
    answer_part = page.text[page.text.index('id="answer"') :]
    assert deadline in answer_part
    with time_machine.travel(round_.deadline + timedelta(seconds=1)):
        done = client.post(
            address("sign", token, language=language),
            answer(publication.current_version, choice="sign", attested="on"),
            follow=True,
        )
    decision = Decision.objects.get()
    assert (decision.late, decision.live, decision.accepted) == (True, False, None)
    assert done.context["standing"].waiting == decision
    assert Notice.objects.filter(kind="receipt").count() == 1


def test_a_round_that_does_not_ask_this_scope_takes_no_answer(client, invitation, token, publication, round_):
    round_.scopes = ["national", "state"]
    round_.save()
    page = client.get(address("sign", token))
    assert ("This round asks others" in page.text, 'name="choice"' in page.text) == (True, False)
    assert "National" in page.text
    posted = client.post(address("sign", token), answer(publication.current_version, choice="sign", attested="on"))
    assert (posted.status_code, "does not ask your organization" in posted.text) == (409, True)
    with pytest.raises(signing_on.OutsideScope):
        sign(invitation)
    assert not Decision.objects.exists()


# Withdrawing


@BOTH
def test_G7_before_delivery_the_consequence_is_that_the_name_goes(client, invitation, token, language):
    sign(invitation)
    page = client.get(address("sign_withdraw", token, language=language))
    assert page.context["handed_over"] is None
    client.post(address("sign_withdraw", token, language=language))
    assert client.get(address("sign_recorded", token, language=language)).context["handed_over"] is None


@BOTH
def test_G7_after_delivery_the_consequence_is_a_dated_note_said_before_after_and_by_email(
    client, invitation, token, publication, language
):
    sign(invitation)
    handover = handed_over(publication.current_version, invitation.organization)
    before = client.get(address("sign_withdraw", token, language=language))
    assert before.context["handed_over"] == handover
    assert {"en": "The committee", "es": "El comité"}[language] in before.text
    assert client.get(address("sign", token)).context["handed_over"] == handover
    client.post(address("sign_withdraw", token, language=language))
    after = client.get(address("sign_recorded", token, language=language))
    assert after.context["handed_over"] == handover
    assert "a dated note" in Notice.objects.filter(kind="receipt").order_by("pk").last().text


def test_G7_what_was_handed_over_before_or_without_the_name_brings_no_note(invitation, publication, editor):
    organization, version = invitation.organization, publication.current_version
    handed_over(version, organization, at=timezone.now() - timedelta(hours=1))
    sign(invitation)
    assert signing_on.handed_over_with(publication, organization) is None
    second = amend(publication, editor)
    handed_over(second, organization)
    assert signing_on.handed_over_with(publication, organization) is None
    third = amend(publication, editor, material=False, en="Twelve steps.")
    sign(invitation)
    later = handed_over(third, organization)
    assert signing_on.handed_over_with(publication, organization) == later
    signing_on.withdraw(invitation, language="en")
    assert signing_on.handed_over_with(publication, organization) is None


# The receipt, the certificate, the history


@BOTH
def test_the_receipt_comes_at_once_in_their_language_with_everything(client, round_, publication, language):
    invitation = asked(round_, language=language)
    token = signing_on.token_for(invitation)
    version = publication.current_version
    page = client.post(
        address("sign", token, language=language), answer(version, choice="sign", attested="on"), follow=True
    )
    decision = Decision.objects.get()
    receipt = Notice.objects.get(kind="receipt")
    assert receipt.language == language
    for part in (version.digest, "Carmen Iris, Director", decision.attestation):
        assert part in receipt.text
        assert part in page.text
    assert address("sign_certificate", token, language=language) in page.text
    assert 'class="quilt"' in page.text


@BOTH
def test_the_certificate_opens_for_the_partner_and_is_kept_by_nobody(client, invitation, token, desk, language):
    assert client.get(address("sign_certificate", token)).status_code == 302
    decision = sign(invitation, attestation="I may sign.")
    for page in (
        client.get(address("sign_certificate", token, language=language)),
        client.get(address("desk_certificate", desk, decision.pk, language=language)),
    ):
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
        if papers.available():
            assert (page["Content-Type"], page.content[:5]) == ("application/pdf", b"%PDF-")
            assert page["X-Content-Type-Options"] == "nosniff"


def test_where_no_pdf_can_be_made_the_certificate_is_a_page_to_print(client, invitation, token, monkeypatch):
    sign(invitation, attestation="I may sign.")

    def no_pango(*args):
        raise papers.Unavailable

    monkeypatch.setattr(papers, "_weasyprint", no_pango)
    page = client.get(address("sign_certificate", token))
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    for part in (invitation.version.digest, "I may sign.", "Carmen Iris Maldonado", "data-print"):
        assert part in page.text


def test_no_certificate_of_another_organization(client, desk, round_):
    theirs = sign(asked(round_))
    assert client.get(address("desk_certificate", desk, theirs.pk)).status_code == 404


def test_the_history_holds_every_decision_of_the_organization_and_nothing_else(client, invitation, desk, editor):
    colleague = asked(another_round(editor, "Summer lunches"), organization=invitation.organization)
    sign(invitation)
    sign(invitation, choice=Choice.DECLINE, reason="Our board is split", reason_private=True)
    sign(colleague, choice=Choice.ABSTAIN, signer_name="Rosa Delgado")
    sign(asked(invitation.round), signer_name="Somebody Else")
    page = client.get(address("desk_history", desk))
    assert [(d.choice, d.signer_name) for d in page.context["page_obj"]] == [
        ("abstain", "Rosa Delgado"),
        ("decline", "Carmen Iris Maldonado"),
        ("sign", "Carmen Iris Maldonado"),
    ]
    assert "Somebody Else" not in page.text
    for query, found in (
        ({"choice": "decline"}, 1),
        ({"words": "every READER"}, 3),
        ({"year": timezone.localdate().year}, 3),
        ({"choice": "nonsense"}, 3),
        ({"words": "nothing of the kind"}, 0),
    ):
        assert client.get(address("desk_history", desk), query).context["page_obj"].paginator.count == found, query


@BOTH
def test_the_history_leaves_as_a_table_in_which_nothing_runs(client, invitation, desk, language):
    sign(invitation, signer_name="=HYPERLINK(1)", choice=Choice.DECLINE, reason="+1 for our board")
    file = client.get(address("desk_history", desk, language=language), {"as": "csv"})
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    header, row = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
    assert len(header) == len(row)
    assert "'=HYPERLINK(1)" in row
    assert "'+1 for our board" in row
    assert invitation.version.digest in row
    assert "America/New_York" in row


def test_the_history_costs_the_same_with_1_and_with_30_decisions(
    client, invitation, desk, django_assert_max_num_queries, django_assert_num_queries
):
    sign(invitation)
    client.get(address("desk_history", desk))
    client.get(address("desk_history", desk))
    with django_assert_max_num_queries(20) as few:
        client.get(address("desk_history", desk))
    for number in range(30):
        sign(invitation, signer_title=f"Title {number}")
    with django_assert_num_queries(len(few)):
        page = client.get(address("desk_history", desk))
    assert len(page.context["page_obj"]) == 15

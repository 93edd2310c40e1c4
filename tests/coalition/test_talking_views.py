"""A partner's pages before it decides: what was entered is never lost, and nobody else reads along."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from coalition import accounts, organizations, publishing, reviewing, signing_on, talking
from coalition.accounts import Role
from coalition.models import Notice, Remark, Representative, Review
from coalition.signing_on import devices
from tests import factories

from .signons import amend, asked, sign, texts


def address(name, token, *args, language="en"):
    with translation.override(language):
        return reverse(name, args=[token, *args])


@pytest.fixture
def invitation(round_):
    return asked(round_)


@pytest.fixture
def token(invitation):
    return signing_on.token_for(invitation)


@pytest.fixture
def long_text(publication, editor):
    words = "First of all.</p><p>Every child reads.</p><p>Last of all."
    return publishing.freeze(publication, texts(en=words, es=words), by=editor, material=False)


COLLEAGUE = {"name": "Ana Quebracho", "email": "ana@partner.example.org", "language": "es", "note": "¿Qué dices?"}

# Questions


def test_a_question_without_cookies_pressed_twice_is_one(token, invitation):
    client = Client(enforce_csrf_checks=True)
    for _press in range(2):
        page = client.post(address("sign_questions", token, language="es"), {"body": "¿Quién paga?"})
        assert page.status_code == 302
        assert page.url.endswith(f"?done=asked#remark-{Remark.objects.get().pk}")
    assert Remark.objects.get().language == "es"
    shown = client.get(address("sign_questions", token, language="es") + "?done=asked")
    assert "¿Quién paga?" in shown.text
    assert shown["Referrer-Policy"] == "no-referrer"
    assert "no-store" in shown["Cache-Control"]


def test_an_empty_thread_says_what_it_is_for_in_both_languages(client, token):
    for language in ("en", "es"):
        page = client.get(address("sign_questions", token, language=language))
        assert page.status_code == 200
        assert f'<html lang="{language}">' in page.text
        assert 'class="empty"' in page.text
        assert 'id="others"' not in page.text


@pytest.mark.parametrize("body", ["", "x" * 10_000])
def test_a_bad_question_comes_back_with_one_summary_and_what_was_entered(client, token, body):
    page = client.post(address("sign_questions", token), {"body": body})
    assert page.status_code == 422
    assert page.text.count('class="errors"') == 1
    assert 'href="#id_body"' in page.text
    assert body in page.text
    assert not Remark.objects.exists()


def test_html_in_a_question_is_words(client, token):
    client.post(address("sign_questions", token), {"body": "<script>alert(1)</script>"})
    page = client.get(address("sign_questions", token))
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


def test_a_round_that_closes_meanwhile_says_so_calmly_and_gives_the_words_back(client, token, round_):
    client.get(address("sign_questions", token))
    signing_on.close_round(round_)
    page = client.post(address("sign_questions", token), {"body": "Who pays in the end?"})
    assert page.status_code == 409
    assert "Who pays in the end?" in page.text
    assert "<textarea" not in page.text
    assert not Remark.objects.exists()
    assert client.get(address("sign_questions", token)).status_code == 200


def test_only_ones_own_thread_is_shown_and_what_is_shared_names_nobody(client, token, invitation, round_, editor):
    other = asked(round_, name="Union of Secrets")
    question = talking.ask(other, body="We of the Union of Secrets: who pays?", language="es")
    talking.ask(other, body="Between us only", language="en")
    talking.answer(question, body="The state pays.", shared_as="Who pays?", by=editor)
    page = client.get(address("sign_questions", token))
    assert '<div lang="es"><dt>Who pays?</dt><dd>The state pays.</dd></div>' in page.text
    for secret in ("Secrets", "Between us", other.representative.person.name):
        assert secret not in page.text


def test_a_forwarded_link_neither_reads_the_thread_nor_writes(token, invitation):
    talking.ask(invitation, body="Between us only", language="en")
    devices.trust([invitation.representative], "the-first-device-of-its-holder")
    stranger = Client()
    stranger.cookies["device"] = "another"
    for name in ("sign_questions", "sign_propose", "sign_colleagues"):
        for answer in (stranger.get(address(name, token)), stranger.post(address(name, token), {"body": "Mine"})):
            assert answer.status_code == 302
            assert "/prove/" in answer.url
    assert Remark.objects.count() == 1


@pytest.mark.parametrize("name", ["sign_questions", "sign_propose", "sign_colleagues"])
def test_forged_expired_and_revoked_links_open_nothing(client, name, token, invitation, installation):
    assert client.get(address(name, token + "x")).status_code == 404
    with time_machine.travel(timezone.now() - timedelta(days=installation.personal_link_days + 1)):
        stale = signing_on.token_for(invitation)
    assert client.get(address(name, stale)).status_code == 410
    signing_on.revoke(invitation)
    assert client.post(address(name, token), {"body": "Who pays?"}).status_code == 410


@pytest.mark.parametrize(
    ("name", "data", "verb"),
    [
        ("sign_questions", {"body": "Who pays?"}, (talking, "ask")),
        ("sign_propose", None, (talking, "propose")),
        ("sign_colleagues", COLLEAGUE, (reviewing, "ask")),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_who_is_removed_while_the_page_is_open_is_told_calmly(
    client, token, invitation, long_text, monkeypatch, name, data, verb, language
):
    act = getattr(*verb)

    def later(*args, **said):
        organizations.remove_representative(Representative.objects.get())
        return act(*args, **said)

    monkeypatch.setattr(*verb, later)
    page = client.post(address(name, token, language=language), data or proposal(long_text))
    says = {"en": "This link is no longer valid", "es": "Este enlace ya no es válido"}[language]
    assert (page.status_code, says in page.text) == (410, True)
    assert [kind.objects.count() for kind in (Remark, Review)] == [0, 0]


def test_the_thread_costs_the_same_for_one_and_for_thirty(client, token, invitation, editor):
    counts = []
    for _visit in range(2):  # the second one makes the device known
        client.get(address("sign_questions", token))
    for many in (1, 27):
        for number in range(many):
            question = talking.ask(invitation, body=f"Question {many}-{number}", language="en")
            talking.answer(question, body="Yes", by=editor)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address("sign_questions", token)).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


# Proposed edits


def test_every_passage_of_each_language_is_a_link(client, token, long_text):
    page = client.get(address("sign_propose", token) + "?in=es")
    for place in range(5):
        assert f'href="?in=es&amp;p={place}"' in page.text
    assert "p=5" not in page.text
    assert 'lang="es">Que todos lean<' in page.text
    assert client.get(address("sign_propose", token) + "?in=xx").context["language"] == "en"


@pytest.mark.parametrize("place", ["5", "-1", "x", "²", "9" * 30])
def test_a_passage_that_is_not_there_is_not_found(client, token, long_text, place):
    assert client.get(address("sign_propose", token), {"in": "en", "p": place}).status_code == 404


def proposal(version, **more):
    return {"version": version.pk, "language": "en", "paragraph": "3", "proposal": "All read.", "body": "Why", **more}


def test_a_proposal_pressed_twice_is_one_and_shown_word_by_word(client, token, long_text):
    form = client.get(address("sign_propose", token), {"in": "en", "p": 3})
    assert "Every child reads.</textarea>" in form.text
    for _press in range(2):
        page = client.post(address("sign_propose", token), proposal(long_text, proposal="Every child reads well."))
        assert page.status_code == 302
    assert Remark.objects.get().passage == "Every child reads."
    shown = client.get(address("sign_questions", token)).text
    assert "reads.<span" in shown
    assert "reads well.<span" in shown
    assert "You proposed an edit" in client.get(address("sign_propose", token) + "?in=en").text


def test_a_proposal_that_says_nothing_comes_back(client, token, long_text):
    page = client.post(address("sign_propose", token), proposal(long_text, proposal="", body=""))
    assert page.status_code == 422
    assert 'href="#id_body"' in page.text
    assert "Every child reads." in page.text


def test_a_form_that_was_tampered_with_files_nothing(client, token, long_text, editor):
    other = factories.PublicationFactory()
    foreign = publishing.freeze(other, texts(en="Other"), by=editor)
    for said in (
        proposal(foreign),
        proposal(long_text, paragraph="99"),
        proposal(long_text, paragraph="-1"),
        proposal(long_text, language="xx"),
        {},
    ):
        page = client.post(address("sign_propose", token), said)
        assert (page.status_code, page.url) == (302, address("sign_propose", token))
    assert not Remark.objects.exists()


def test_G2_a_text_amended_meanwhile_keeps_the_entry_on_the_passage_as_it_stands_now(
    client, token, long_text, publication, editor
):
    new = amend(publication, editor, en="New.</p><p>First of all.</p><p>Every kid reads.")
    said = proposal(long_text, proposal="Everybody reads.", body="My long reason")
    page = client.post(address("sign_propose", token), said)
    assert page.status_code == 409
    assert "The text changed while you were writing" in page.text
    assert "What changed in the passage" in page.text
    assert "Everybody reads.</textarea>" in page.text
    assert "My long reason" in page.text
    assert f'name="version" value="{new.pk}"' in page.text
    assert 'name="paragraph" value="4"' in page.text
    assert not Remark.objects.exists()
    assert client.post(address("sign_propose", token), said | {"version": new.pk, "paragraph": 4}).status_code == 302
    assert Remark.objects.get().passage == "Every kid reads."
    # Another that stands word for word says so.
    page = client.post(address("sign_propose", token), proposal(long_text, paragraph=2))
    assert (page.status_code, "Your passage did not change" in page.text) == (409, True)


def test_a_closed_round_leads_back_to_the_thread(client, token, long_text, round_):
    signing_on.close_round(round_)
    for page in (client.get(address("sign_propose", token)), client.post(address("sign_propose", token), {})):
        assert (page.status_code, page.url) == (302, address("sign_questions", token))


# Colleagues


def test_a_colleague_is_asked_once_asked_again_and_closed(client, token, invitation, publication, editor):
    for _press in range(2):
        assert client.post(address("sign_colleagues", token), COLLEAGUE).status_code == 302
    review = Review.objects.get()
    reviewing.recommend(review, version=publication.current_version, recommendation="changes", comment="Not step 4")
    page = client.get(address("sign_colleagues", token))
    assert "Not step 4" in page.text
    assert "Only with changes" in page.text
    assert "Ask about the new text" not in page.text
    amend(publication, editor)
    assert "Ask about the new text" in client.get(address("sign_colleagues", token)).text
    for _press in range(2):
        client.post(address("sign_colleague_again", token, review.pk))
    assert Review.objects.count() == 2
    client.post(address("sign_colleague_revoke", token, review.pk))
    assert Review.objects.get(pk=review.pk).revoked_at is not None


def test_bad_input_about_a_colleague_comes_back(client, token):
    said = COLLEAGUE | {"name": "Visit https://evil.example.org", "email": "nobody"}
    page = client.post(address("sign_colleagues", token), said)
    assert page.status_code == 422
    assert 'href="#id_name"' in page.text
    assert 'href="#id_email"' in page.text
    assert "¿Qué dices?" in page.text
    assert not Review.objects.exists()


def test_colleagues_of_another_link_are_out_of_reach(client, token, round_, invitation):
    client.post(address("sign_colleagues", token), {})  # from now on a device that is known
    second = asked(round_, organization=invitation.organization)
    review = reviewing.ask(second, **COLLEAGUE)
    for name in ("sign_colleague_again", "sign_colleague_revoke"):
        assert client.get(address(name, token, review.pk)).status_code == 405
        assert client.post(address(name, token, review.pk)).status_code == 404
    assert "Quebracho" not in client.get(address("sign_colleagues", token)).text


# The colleague's own page


@pytest.fixture
def review(invitation):
    return reviewing.ask(invitation, **COLLEAGUE)


def recommendation(version, **more):
    return {"version": version.pk, "recommendation": "yes", "comment": "", **more}


def test_a_colleague_reads_exactly_the_frozen_text_and_recommends(review, publication):
    client, link = Client(enforce_csrf_checks=True), reviewing.token_for(review)
    page = client.get(address("review", link, language="es"))
    assert "<p>Diez pasos.</p>" in page.text
    assert publication.current_version.digest[:4] in page.text
    assert "checked" not in page.text
    assert page["Referrer-Policy"] == "no-referrer"
    for _press in range(2):
        assert client.post(address("review", link), recommendation(publication.current_version)).status_code == 302
    assert Review.objects.get().recommendation == "yes"
    assert Notice.objects.filter(kind="recommended").count() == 1
    assert "Thank you" in client.get(address("review", link) + "?done=1").text


def test_a_recommendation_without_its_words_comes_back(client, review, publication):
    link = address("review", reviewing.token_for(review))
    version = publication.current_version
    for said, field in (({"recommendation": "changes"}, "id_comment"), ({"recommendation": ""}, "id_recommendation_0")):
        page = client.post(link, recommendation(version, **said))
        assert page.status_code == 422
        assert f'href="#{field}"' in page.text
    assert Review.objects.get().recommendation == ""


def test_G2_a_colleagues_old_link_shows_the_new_text_and_the_difference(client, review, publication, editor):
    read, link = publication.current_version, address("review", reviewing.token_for(review))
    client.post(link, recommendation(read))
    new = amend(publication, editor)
    page = client.get(link)
    assert page.context["notes"] == ["One more step"]
    assert page.text.index("<del>") < page.text.index('id="the-text"')
    assert "<p>Eleven steps.</p>" in page.text
    assert "On version 1 you said: “Yes, sign”." in page.text
    page = client.post(link, recommendation(read, recommendation="changes", comment="Only ten"))
    assert page.status_code == 409
    assert "Only ten" in page.text
    assert f'name="version" value="{new.pk}"' in page.text
    client.post(link, recommendation(new, recommendation="no"))
    assert list(Review.objects.order_by("pk").values_list("version__number", "recommendation")) == [
        (1, "yes"),
        (2, "no"),
    ]


def test_a_colleagues_link_forged_closed_or_of_a_closed_round(client, review, round_, token):
    link = reviewing.token_for(review)
    assert client.get(address("review", link + "x")).status_code == 404
    assert client.get(address("review", token)).status_code == 404
    assert client.get(address("sign", link)).status_code == 404
    signing_on.close_round(round_)
    page = client.post(address("review", link), recommendation(review.version))
    assert (page.status_code, "Nothing more is needed" in page.text) == (409, True)
    assert "<form" not in page.text
    reviewing.revoke(review)
    assert client.get(address("review", link)).status_code == 410


# Who sees what beside the decision, and who never does


def test_beside_the_decision_stands_what_colleagues_recommend_for_the_own_device_only(client, token, review):
    reviewing.recommend(review, version=review.version, recommendation="no", comment="Too timid")
    assert "Too timid" in client.get(address("sign", token)).text
    devices.trust([review.invitation.representative], "the-first-device-of-its-holder")
    stranger = Client()
    stranger.cookies["device"] = "another"
    page = stranger.get(address("sign", token))
    assert page.status_code == 200
    assert "Too timid" not in page.text
    assert "Quebracho" not in page.text


SECRETS = ("Quebracho", "ana@partner.example.org", "Too timid", "Qué dices", "Only with changes")


@pytest.fixture
def secret(review):
    reviewing.recommend(review, version=review.version, recommendation="changes", comment="Too timid")
    return review.invitation


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.ORGANIZER])
def test_no_page_of_the_back_office_shows_what_a_colleague_recommends(client, secret, round_, role, publication):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    pages = [
        reverse("rounds:inspect", args=[round_.pk]),
        reverse("rounds:remarks", args=[round_.pk]),
        reverse("publications:inspect", args=[publication.pk]),
        reverse("organizations:inspect", args=[secret.organization_id]),
        reverse("people:inspect", args=[secret.representative.person_id]),
        reverse("wagtailadmin_home"),
    ]
    if role == Role.ADMINISTRATOR:
        pages.append(reverse("audit:index"))
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200
        for word in SECRETS:
            assert word not in response.text


def test_no_file_that_leaves_holds_what_a_colleague_recommends(client, secret, publication):
    sign(secret)
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.ADMINISTRATOR))
    version = publication.current_version
    for address in (
        reverse("exports:people"),
        reverse("exports:organizations"),
        reverse("exports:signatures", args=[version.pk]),
    ):
        form = client.get(address).context["form"]
        columns = [key for _heading, columns in form.groups() for key, _label, _ticked in columns]
        said = {"kind": "csv", "columns": columns, "reason": "Letters"}
        file = client.post(address, said).getvalue().decode()
        assert secret.organization.name in file or secret.representative.person.family_name in file
        for word in SECRETS:
            assert word not in file


def test_a_colleague_who_was_erased_is_asked_nothing_more(client, token, review):
    Review.objects.update(name="", email="", note="", revoked_at=timezone.now())
    page = client.get(address("sign_colleagues", token))
    assert "Somebody who was erased" in page.text
    assert "Ask again" not in page.text

"""A partner's pages: the personal link is the proof, and what was entered is never lost."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from coalition import publishing, signing_on
from coalition.models import Decision, Notice
from tests import factories

from .signons import amend, asked, sign, texts

Choice = Decision.Choice


def address(name, token, language="en"):
    with translation.override(language):
        return reverse(name, args=[token])


@pytest.fixture
def invitation(round_):
    return asked(round_)


@pytest.fixture
def token(invitation):
    return signing_on.token_for(invitation)


def answer(version, **more):
    return {"version": version.pk, "signer_name": "Carmen Iris", "signer_title": "Director", "reason": "", **more}


def test_the_page_shows_exactly_the_frozen_text_in_the_language_of_the_page(client, invitation, token, publication):
    english, spanish = (client.get(address("sign", token, language)) for language in ("en", "es"))
    assert (english.status_code, spanish.status_code) == (200, 200)
    assert "<p>Ten steps.</p>" in english.text
    assert "<p>Diez pasos.</p>" in spanish.text
    assert '<html lang="es">' in spanish.text
    assert publication.current_version.digest[:4] in english.text
    assert "Eastern Time" in english.text
    assert "hora del este" in spanish.text
    assert 'name="attested"' in english.text
    assert "checked" not in english.text
    invitation.refresh_from_db()
    assert invitation.seen_at is not None


def test_the_page_is_told_to_nobody_and_kept_by_nobody(client, token):
    page = client.get(address("sign", token))
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in page["Cache-Control"]
    assert '<meta name="robots" content="noindex">' in page.text


def test_signing_without_cookies_and_pressing_twice(token, invitation, publication):
    client = Client(enforce_csrf_checks=True)
    data = answer(publication.current_version, choice="sign", attested="on")
    for _press in range(2):
        page = client.post(address("sign", token, "es"), data)
        assert (page.status_code, page.url) == (302, address("sign_recorded", token, "es"))
    decision = Decision.objects.get()
    assert (decision.organization, decision.choice, decision.language) == (invitation.organization, "sign", "es")
    assert Notice.objects.filter(kind="receipt").count() == 1
    shown = client.get(address("sign_recorded", token))
    assert (shown.status_code, "Carmen Iris, Director" in shown.text) == (200, True)


def test_G1_an_unticked_box_comes_back_with_one_summary_and_what_was_entered(client, token, publication):
    page = client.post(
        address("sign", token), answer(publication.current_version, choice="sign", reason="We read it twice")
    )
    assert page.status_code == 422
    assert page.text.count('class="errors"') == 1
    assert 'href="#id_attested"' in page.text
    assert "We read it twice" in page.text
    assert not Decision.objects.exists()


def test_declining_needs_no_attestation_and_no_reason(client, token, publication):
    client.post(address("sign", token), answer(publication.current_version, choice="decline"))
    assert Decision.objects.get().choice == "decline"


def test_withdrawing_by_the_form_is_not_an_answer_and_neither_is_nonsense(client, token, publication):
    for choice in ("withdraw", "rule", ""):
        page = client.post(address("sign", token), answer(publication.current_version, choice=choice, attested="on"))
        assert page.status_code == 422
    assert not Decision.objects.exists()


def test_G2_a_superseded_page_is_shown_the_difference_and_keeps_what_was_entered(
    client,
    token,
    publication,
    editor,
):
    read = publication.current_version
    amend(publication, editor, en="Ten firm steps.")
    data = answer(read, choice="sign", attested="on", reason="With all our heart")
    page = client.post(address("sign", token), data)
    assert page.status_code == 409
    assert "The text changed while you were reading" in page.text
    assert re.findall(r"</span>([^<]+)<span[^>]*>]</span></ins>", page.text) == ["firm"]
    assert "With all our heart" in page.text
    assert f'name="version" value="{publication.current_version.pk}"' in page.text
    assert "checked" not in page.text.split('name="attested"')[1].split(">")[0]
    assert not Decision.objects.exists()
    client.post(address("sign", token), data | {"version": publication.current_version.pk})
    assert Decision.objects.get().version == publication.current_version


def test_an_amended_text_shows_the_difference_on_top(client, invitation, token, publication, editor):
    sign(invitation)
    amend(publication, editor)
    page = client.get(address("sign", token))
    assert "Please decide again" in page.text
    assert page.context["notes"] == ["One more step"]
    assert page.text.index("<del>") < page.text.index('id="the-text"')


def test_the_version_of_another_publication_is_refused(client, token, editor):
    other = factories.PublicationFactory()
    version = publishing.freeze(other, texts(en="Another text"), by=editor)
    page = client.post(address("sign", token), answer(version, choice="sign", attested="on"))
    assert page.status_code == 422
    assert not Decision.objects.exists()


def test_a_stale_link_is_410_and_can_ask_for_a_new_one(client, invitation, installation):
    with time_machine.travel(timezone.now() - timedelta(days=installation.personal_link_days + 1)):
        stale = signing_on.token_for(invitation)
    page = client.get(address("sign", stale, "es"))
    assert page.status_code == 410
    assert address("sign_renew", stale, "es") in page.text
    assert invitation.organization.name not in page.text
    assert client.post(address("sign", stale), {"choice": "sign"}).status_code == 410
    assert client.post(address("sign_renew", stale)).status_code == 200
    assert Notice.objects.get(kind="link").person == invitation.representative.person
    assert not Decision.objects.exists()


def test_a_revoked_link_is_410_and_an_altered_one_404(client, invitation, token):
    for name in ("sign", "sign_recorded", "sign_withdraw"):
        assert client.get(address(name, token[:-1] + "x")).status_code == 404
    assert client.post(address("sign_renew", "nonsense")).status_code == 404
    signing_on.revoke(invitation)
    assert client.get(address("sign", token)).status_code == 410
    assert client.post(address("sign_renew", token)).status_code == 410
    assert not Notice.objects.filter(kind="link").exists()


def test_a_foreign_link_shows_and_changes_only_its_own_organization(client, round_, publication):
    ours, theirs = asked(round_, name="Harbor Mentors"), asked(round_, name="Valley Readers")
    sign(theirs)
    token = signing_on.token_for(ours)
    client.post(
        address("sign", token),
        answer(
            publication.current_version, choice="decline", organization=theirs.organization_id, invitation=theirs.pk
        ),
    )
    said = Decision.objects.live().order_by("pk").values_list("organization__name", "choice")
    assert list(said) == [("Valley Readers", "sign"), ("Harbor Mentors", "decline")]
    assert "Valley Readers" not in client.get(address("sign", token)).text


def test_G3_a_late_answer_says_so_and_waits(client, invitation, publication, round_):
    with time_machine.travel(round_.deadline + timedelta(minutes=5)):
        token = signing_on.token_for(invitation)
        assert "The deadline has passed" in client.get(address("sign", token)).text
        page = client.post(
            address("sign", token), answer(publication.current_version, choice="sign", attested="on"), follow=True
        )
    assert "came after the deadline" in page.text
    assert Decision.objects.get().live is False


def test_a_closed_round_is_read_only_and_withdrawing_stays_possible(client, invitation, token, round_, publication):
    sign(invitation)
    signing_on.close_round(round_)
    page = client.get(address("sign", token))
    assert "This round is closed" in page.text
    assert 'name="choice"' not in page.text
    refused = client.post(address("sign", token), answer(publication.current_version, choice="decline"))
    assert (refused.status_code, "could not be recorded" in refused.text) == (409, True)
    assert Decision.objects.live().get().choice == "sign"
    assert "taken off the public list" in client.get(address("sign_withdraw", token)).text
    assert Decision.objects.live().get().choice == "sign"
    done = client.post(address("sign_withdraw", token), follow=True)
    assert "You withdrew" in done.text
    assert client.post(address("sign_withdraw", token)).status_code == 302
    assert Decision.objects.count() == 2


def test_G1_who_may_not_sign_reads_and_is_told_so(client, invitation, token, publication):
    invitation.representative.may_sign = False
    invitation.representative.save()
    page = client.get(address("sign", token))
    assert ("<p>Ten steps.</p>" in page.text, 'name="choice"' in page.text) == (True, False)
    posted = client.post(address("sign", token), answer(publication.current_version, choice="sign", attested="on"))
    assert posted.status_code == 409
    assert not Decision.objects.exists()


def test_the_language_switch_stays_on_the_page(client, token):
    assert f'href="{address("sign", token, "es")}"' in client.get(address("sign", token)).text

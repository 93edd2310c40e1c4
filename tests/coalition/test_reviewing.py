"""A colleague reads the frozen text and recommends: it binds nobody, organizers never see it, and it is forgotten."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from coalition import consent, notices, reviewing, signing_on, tasks
from coalition.models import Address, AuditLine, Entry, Notice, Review
from tests import factories

from .signons import amend, asked

ANA = {"name": "Ana Quebracho", "email": "ana@partner.example.org", "language": "es", "note": "¿Qué dices?"}


@pytest.fixture
def invitation(round_):
    return asked(round_)


@pytest.fixture
def review(invitation):
    return reviewing.ask(invitation, **ANA)


def recommend(review, recommendation="yes", version=None, **more):
    version = version or review.invitation.round.publication.current_version
    return reviewing.recommend(review, version=version, recommendation=recommendation, **more)


# Asking


def test_a_colleague_is_written_to_once_in_their_language(review, invitation, publication):
    assert reviewing.ask(invitation, **ANA) == review
    assert reviewing.ask(invitation, **ANA | {"email": " ANA@partner.example.org "}) == review
    assert (review.version, review.email) == (publication.current_version, "ana@partner.example.org")
    notice = Notice.objects.get(kind="review")
    assert (notice.value, notice.language, notice.person, notice.by) == (review.email, "es", None, None)
    assert "/es/review/" in notice.text
    assert "¿Qué dices?" in notice.text
    assert "90" in notice.text


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"name": "  "}, "name", "required"),
        ({"email": ""}, "email", "email"),
        ({"email": "ana@x.example.org\r\nBcc: all@x.example.org"}, "email", "email"),
        ({"note": "x" * 10_000}, "note", "max_length"),
    ],
)
def test_bad_input_writes_to_nobody(invitation, said, field, code):
    with pytest.raises(ValidationError) as refused:
        reviewing.ask(invitation, **ANA | said)
    assert [error.code for error in refused.value.error_dict[field]] == [code]
    assert (Review.objects.count(), Notice.objects.filter(kind="review").count()) == (0, 0)


def test_names_neither_break_a_header_nor_become_html(invitation):
    reviewing.ask(invitation, **ANA | {"name": "Ana\r\nBcc: x@x.example.org", "note": "<script>alert(1)</script>"})
    notice = Notice.objects.get(kind="review")
    assert Review.objects.get().name == "Ana Bcc: x@x.example.org"
    assert "\n" not in notice.subject
    assert "<script>" not in notice.html


def test_an_address_that_wants_no_email_gets_none(invitation):
    own = invitation.representative.person.primary_email.value
    consent.withdraw("email", "stopped@x.example.org", source="one-click")
    bounced = factories.PersonFactory(email="bounced@x.example.org")
    Address.objects.filter(person=bounced).update(fault=Address.Fault.BOUNCED)
    for email, code in ((own, "own"), ("stopped@x.example.org", "closed"), ("bounced@x.example.org", "closed")):
        with pytest.raises(ValidationError) as refused:
            reviewing.ask(invitation, **ANA | {"email": email})
        assert [error.code for error in refused.value.error_dict["email"]] == [code]
    assert not Notice.objects.filter(kind="review").exists()


def test_nobody_mails_a_crowd_or_one_person_over_and_over_through_us(round_, invitation):
    for number in range(reviewing.A_DAY):
        reviewing.ask(invitation, **ANA | {"email": f"colleague{number}@x.example.org"})
    with pytest.raises(ValidationError, match="many colleagues today"):
        reviewing.ask(invitation, **ANA)
    second = asked(round_, organization=invitation.organization)
    with pytest.raises(ValidationError, match="many colleagues today"):
        reviewing.ask(second, **ANA)
    others = [asked(round_) for _number in range(reviewing.TO_ONE + 1)]
    for other in others[:-1]:
        reviewing.ask(other, **ANA)
    with pytest.raises(ValidationError, match="written to today"):
        reviewing.ask(others[-1], **ANA)
    assert Notice.objects.filter(kind="review").count() == reviewing.A_DAY + reviewing.TO_ONE


def test_asking_over_and_over_by_revoking_meets_the_same_limit(invitation):
    for _number in range(reviewing.TO_ONE):
        reviewing.revoke(reviewing.ask(invitation, **ANA))
    with pytest.raises(ValidationError, match="written to today"):
        reviewing.ask(invitation, **ANA)


def test_a_closed_round_asks_and_takes_nothing_more(review, invitation, round_):
    signing_on.close_round(round_)
    for act in (lambda: reviewing.ask(invitation, **ANA), lambda: recommend(review)):
        with pytest.raises(signing_on.RoundClosed):
            act()
    review.refresh_from_db()
    assert review.recommendation == ""


# The link


def test_a_link_opens_one_review_and_no_other_door(review, invitation):
    token = reviewing.token_for(review)
    assert reviewing.open_link(token) == review
    for forged in (token[:-1], token + "x", "", review.nonce, signing_on.token_for(invitation)):
        with pytest.raises(signing_on.UnknownLink):
            reviewing.open_link(forged)
    with pytest.raises(signing_on.UnknownLink):
        signing_on.open_link(token)


def test_a_link_expires_is_revoked_and_ends_with_the_one_who_asked(round_, installation):
    first, second, third = (reviewing.ask(asked(round_), **ANA | {"email": f"{n}@x.example.org"}) for n in range(3))
    with time_machine.travel(timezone.now() - timedelta(days=installation.personal_link_days + 1)):
        stale = reviewing.token_for(first)
    with pytest.raises(signing_on.ExpiredLink):
        reviewing.open_link(stale)
    assert (reviewing.revoke(first), reviewing.revoke(first)) == (True, False)
    signing_on.revoke(second.invitation)
    third.invitation.representative.delete()
    for review in (first, second, third):
        with pytest.raises(signing_on.RevokedLink):
            reviewing.open_link(reviewing.token_for(review))
    held = signing_on.links.invitations().get(pk=first.invitation_id)
    with pytest.raises(signing_on.RevokedLink):
        recommend(Review.objects.get(pk=first.pk))
    assert held.reviews.get().recommendation == ""


def test_what_was_not_sent_yet_stays_here_once_the_link_is_closed(review):
    reviewing.revoke(review)
    assert Notice.objects.get(kind="review").state == "failed"


# Recommending


def test_a_recommendation_is_kept_told_without_words_and_can_change(review, invitation):
    recommend(review, "changes", comment="Only without step 4")
    recommend(review, "no", comment="Never")
    held = Review.objects.get()
    assert (held.recommendation, held.comment) == ("no", "Never")
    notice = Notice.objects.get(kind="recommended")
    assert notice.person == invitation.representative.person
    for word in ("Quebracho", "ana@partner", "step 4", "changes"):
        assert word not in notice.text + notice.html + notice.subject
    assert "/colleagues/" in notice.text


def test_changes_without_a_word_of_which_are_refused(review):
    with pytest.raises(ValidationError):
        recommend(review, "changes", comment="  ")
    with pytest.raises(ValidationError):
        recommend(review, "yes", comment="x" * 10_000)
    assert Review.objects.get().answered_at is None


def test_G2_what_was_recommended_on_an_earlier_text_is_not_taken_for_the_new_one(
    review, invitation, publication, editor
):
    read = publication.current_version
    recommend(review, "yes")
    new = amend(publication, editor)
    with pytest.raises(signing_on.Superseded) as refused:
        recommend(review, "no", version=read)
    assert refused.value.version == new
    assert [(line.review.recommendation, line.outdated) for line in reviewing.lines(invitation, new)] == [("yes", True)]
    assert reviewing.said(review, new) is None
    recommend(review, "no")
    rows = Review.objects.order_by("pk").values_list("version__number", "recommendation")
    assert list(rows) == [(1, "yes"), (2, "no")]
    recommend(review, "yes")
    assert list(rows.all()) == [(1, "yes"), (2, "yes")]
    assert Notice.objects.filter(kind="review").count() == 1


def test_a_clerical_correction_leaves_what_was_recommended(review, invitation, publication, editor):
    said = recommend(review, "yes")
    new = amend(publication, editor, material=False)
    assert reviewing.said(said, new) == review
    (line,) = reviewing.lines(invitation, new)
    assert (line.outdated, line.may_ask_again) == (False, False)


def test_a_material_change_asks_a_colleague_anew_by_a_button_only(review, invitation, publication, editor):
    recommend(review, "yes")
    new = amend(publication, editor)
    assert Notice.objects.filter(kind="review").count() == 1
    (line,) = reviewing.lines(invitation, new)
    assert line.may_ask_again
    again = [reviewing.ask_again(review) for _press in range(2)]
    assert again[0] == again[1] != review
    assert again[0].version == new
    assert Notice.objects.filter(kind="review").count() == 2
    lines = reviewing.lines(invitation, new)
    assert [(each.review.pk, each.outdated, each.may_ask_again) for each in lines] == [
        (review.pk, True, False),
        (again[0].pk, False, False),
    ]
    # Both links lead to the row on the new text.
    recommend(review, "no")
    assert Review.objects.get(pk=again[0].pk).recommendation == "no"
    assert Review.objects.get(pk=review.pk).recommendation == "yes"


def test_a_silent_colleague_can_be_reminded_a_day_later(review, invitation, publication):
    assert reviewing.ask_again(review).asked_at == review.asked_at
    assert Notice.objects.filter(kind="review").count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        (line,) = reviewing.lines(invitation, publication.current_version)
        assert line.may_ask_again
        for _press in range(2):
            assert reviewing.ask_again(review) == review
    assert Notice.objects.filter(kind="review").count() == 2


# Who sees it


def test_organizers_never_see_that_or_what_a_colleague_was_asked(review, invitation):
    recommend(review, "changes", comment="Too timid")
    secrets = ("Quebracho", "ana@partner.example.org", "Qué dices", "Too timid")
    said = [str(line.text) for line in Entry.objects.all()] + [str(line.details) for line in AuditLine.objects.all()]
    assert said
    for words in said:
        assert "review" not in words.lower()
        for secret in secrets:
            assert secret not in words
    assert not AuditLine.objects.filter(subject="coalition.review").exists()


def test_the_email_is_forgotten_once_it_has_left(review, mailoutbox):
    while notices.send_due():
        pass
    assert ["Quebracho" in message.body for message in mailoutbox if "/review/" in message.body] == [True]
    notice = Notice.objects.get(kind="review")
    assert (notice.state, notice.value, notice.text, notice.html, notice.subject) == ("sent", "", "", "", "")


def test_an_email_that_did_not_arrive_is_said(review, invitation, publication):
    Notice.objects.filter(kind="review").update(state=Notice.State.BOUNCED)
    (line,) = reviewing.lines(invitation, publication.current_version)
    assert not line.reached


def test_P6_colleagues_are_forgotten_some_time_after_the_round(round_, review, publication):
    other = reviewing.ask(asked(round_), **ANA | {"email": "bea@x.example.org"})
    recommend(other, "no")
    signing_on.close_round(round_)
    almost = timezone.now() + reviewing.FORGET_AFTER - timedelta(hours=1)
    assert reviewing.forget_old(almost) == 0
    with time_machine.travel(timezone.now() + reviewing.FORGET_AFTER + timedelta(hours=1)):
        tasks.retain()
    assert not Review.objects.exists()
    assert not Notice.objects.filter(kind="review").exists()
    assert reviewing.forget_old() == 0


def test_P6_a_round_that_nobody_closes_forgets_by_its_deadline(round_, review):
    assert reviewing.forget_old(round_.deadline + reviewing.FORGET_AFTER - timedelta(hours=1)) == 0
    assert reviewing.forget_old(round_.deadline + reviewing.FORGET_AFTER + timedelta(hours=1)) == 1


def test_the_list_costs_the_same_for_one_and_for_many(invitation, publication, django_assert_num_queries):
    version = publication.current_version
    counts = []
    for number in range(2):
        for each in range(1 if number == 0 else 8):
            reviewing.ask(invitation, **ANA | {"email": f"c{number}-{each}@x.example.org"})
        with django_assert_num_queries(3):
            counts.append(len(reviewing.lines(invitation, version)))
    assert counts == [1, 9]

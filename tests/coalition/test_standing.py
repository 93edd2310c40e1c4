"""Standing authorizations: given by an explicit act (G1), used once, told at once, taken back by one press (G7)."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from coalition import counting, logos, organizations, policies, publishing, signing_on
from coalition.models import AuditLine, Decision, Invitation, Notice, Organization, StandingAuthorization
from coalition.signing_on import authorizing, standing
from tests import factories

from .signons import Choice, amend, open_round, sign, texts
from .test_logos import picture

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


@pytest.fixture
def partner():
    return factories.OrganizationFactory(name="Teachers United")


@pytest.fixture
def signer(partner):
    return factories.RepresentativeFactory(organization=partner)


@pytest.fixture
def colleague(partner):
    """Somebody else who may sign, and reads Spanish."""
    person = factories.PersonFactory(email=True, language="es")
    return factories.RepresentativeFactory(organization=partner, person=person)


def give(signer, topics, **more):
    day = more.pop("expires_on", timezone.localdate() + 100 * DAY)
    words = authorizing.words(signer.organization, topics, with_logo=more.get("with_logo", False), expires_on=day)
    said = {"signer_name": "Carmen Iris Maldonado", "signer_title": "Director", "language": "en", "attested": True}
    return authorizing.give(signer, topics=topics, expires_on=day, attestation=words, **said | more)


def about(publication, *topics):
    publication.topics.set(topics)
    return publication


def asked_quietly(round_, representative):
    """An invitation as inviting writes it, before anybody is told."""
    return Invitation.objects.create(
        round=round_,
        organization=representative.organization,
        representative=representative,
        version=round_.publication.current_version,
        nonce=f"quiet-{representative.pk}",
        invited_at=timezone.now(),
    )


def told(kind):
    """[(who, subject)] of the notices of a kind."""
    return sorted(Notice.objects.filter(kind=kind).values_list("person", "subject"))


# Giving it


def test_G1_it_is_given_in_words_that_are_kept(signer, colleague, topics):
    authorization = give(signer, topics[:2])
    day = timezone.localdate() + 100 * DAY
    words = authorizing.words(signer.organization, topics[:2], with_logo=False, expires_on=day)
    assert authorization.attestation == words
    assert "I am authorized to bind Teachers United." in words
    assert (authorization.signer, authorization.signer_name) == (signer.person, "Carmen Iris Maldonado")
    assert authorization.is_in_force
    assert [person for person, _subject in told("authorization")] == sorted([signer.person_id, colleague.person_id])
    spanish = Notice.objects.get(kind="authorization", person=colleague.person)
    assert words in spanish.text  # what was confirmed stays as it was read
    line = AuditLine.objects.get(subject="coalition.standingauthorization")
    assert (line.action, line.details["did"]) == ("sign_on", "authorization given")
    assert "Maldonado" not in str(line.details)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"attested": False}, "attested"),
        ({"signer_name": " "}, "signer_name"),
        ({"expires_on": datetime.date(2026, 5, 5)}, "expires_on"),
        ({"expires_on": datetime.date(2027, 5, 6)}, "expires_on"),
    ],
)
def test_G1_silence_gives_no_authorization(signer, topics, wrong, field, time_machine):
    time_machine.move_to(datetime.datetime(2026, 5, 5, 16, tzinfo=datetime.UTC), tick=False)
    with pytest.raises(ValidationError) as refused:
        give(signer, topics, **wrong)
    assert list(refused.value.message_dict) == [field]
    with pytest.raises(ValidationError):
        give(signer, [])
    assert not StandingAuthorization.objects.exists()
    assert give(signer, topics, expires_on=datetime.date(2027, 5, 5)).is_in_force


def test_G1_only_who_may_sign_gives_or_revokes_one(signer, topics):
    other = factories.RepresentativeFactory(organization=signer.organization, may_sign=False)
    stranger = factories.RepresentativeFactory()
    with pytest.raises(signing_on.MayNotSign):
        give(other, topics)
    authorization = give(signer, topics)
    for representative in (other, stranger):
        with pytest.raises(signing_on.MayNotSign):
            authorizing.revoke(authorization, representative=representative)
    assert authorization.is_in_force


def test_pressed_twice_it_is_given_once(signer, topics):
    assert give(signer, topics) == give(signer, topics)
    assert Notice.objects.filter(kind="authorization").count() == 1


def test_an_extension_takes_the_place_of_the_one_before(signer, colleague, topics):
    first = give(signer, topics)
    later = timezone.localdate() + 300 * DAY
    second = give(colleague, topics, expires_on=later, extends=first)
    first.refresh_from_db()
    assert (first.is_in_force, first.revoked_by, second.expires_on) == (False, "", later)
    with pytest.raises(authorizing.NotInForce):
        give(colleague, topics, expires_on=later - DAY, extends=first)
    assert list(StandingAuthorization.objects.in_force()) == [second]


def test_any_signatory_revokes_it_and_so_do_staff(signer, colleague, topics, editor):
    first, second = give(signer, topics[:1]), give(signer, topics[1:])
    assert authorizing.revoke(first, representative=colleague)
    assert not authorizing.revoke(first, representative=signer)
    assert authorizing.revoke(second, by=editor, who="Ana Ruiz, by phone")
    assert [a.revoked_by for a in (first, second)] == [str(colleague.person), "Ana Ruiz, by phone"]
    revoked = Notice.objects.filter(kind="authorization", key__contains="-revoked-")
    assert sorted(revoked.values_list("person", flat=True)) == sorted([signer.person_id, colleague.person_id] * 2)
    lines = [str(entry.text) for entry in signer.organization.entries.filter(text__icontains="revoked")]
    assert len(lines) == 2


def test_signatories_are_told_before_it_ends(signer, topics, time_machine):
    time_machine.move_to(datetime.datetime(2026, 5, 5, 16, tzinfo=datetime.UTC), tick=False)
    give(signer, topics, expires_on=datetime.date(2026, 7, 1))
    give(signer, topics[:1], expires_on=datetime.date(2026, 5, 20))  # too short for the first of the two
    seen = []
    for day in (5, 6, 13, 14, 32, 33, 51, 52, 55, 58):
        time_machine.move_to(datetime.datetime(2026, 5, 1, 16, tzinfo=datetime.UTC) + (day - 1) * DAY, tick=False)
        seen.append((day, authorizing.tell_of_ends()))
    assert [day for day, number in seen if number] == [13, 32, 55]
    assert {number for _day, number in seen} == {0, 1}


# Using it


def test_G1_a_covered_publication_is_signed_at_once_and_everybody_is_told(round_, signer, colleague, topics):
    about(round_.publication, *topics[:2])
    authorization = give(signer, topics)
    assert standing.authorization_for(signer.organization, round_.publication) == authorization
    decision = standing.sign(asked_quietly(round_, colleague), authorization)
    assert (decision.via, decision.choice, decision.live, decision.late) == ("standing", Choice.SIGN, True, False)
    assert (decision.signer, decision.signer_name, decision.attested) == (signer.person, "Carmen Iris Maldonado", True)
    assert (decision.attestation, decision.authorization) == (authorization.attestation, authorization)
    assert decision.version == round_.publication.current_version
    assert [person for person, _subject in told("standing")] == sorted([signer.person_id, colleague.person_id])
    assert not Notice.objects.filter(kind="receipt").exists()
    letter = Notice.objects.get(kind="standing", person=colleague.person)
    assert letter.language == "es"
    assert "Que todos lean" in letter.subject  # the text in the reader's language
    assert f"/signed/{decision.pk}/" in letter.text
    assert [part["certificate"] for part in letter.attachments] == [decision.pk]
    entry = signer.organization.entries.get(text__icontains="by its standing authorization")
    assert "Carmen Iris Maldonado" in str(entry.text)
    assert AuditLine.objects.get(subject="coalition.decision").details["via"] == "standing"


def test_G1_what_it_never_signs(round_, signer, topics, editor):
    publication, organization = round_.publication, signer.organization

    def covered():
        return standing.authorization_for(organization, publication) is not None

    authorization = give(signer, topics[:2])
    assert not covered()  # the publication has no topic
    about(publication, *topics)
    assert not covered()  # it has a topic that is not named
    about(publication, topics[0])
    assert covered()
    policies.keep(organization, favours=[], never=[topics[0]])
    assert not covered()  # a topic it never signs
    policies.keep(organization, favours=[], never=[])
    assert covered()
    organizations.change_representative(signer, role=signer.role, title=signer.title, may_sign=False)
    assert not covered()  # who gave it may no longer sign
    organizations.change_representative(signer, role=signer.role, title=signer.title, may_sign=True)
    organizations.move(organization, Organization.Stage.LEFT)
    assert not covered()
    organizations.move(organization, Organization.Stage.PARTNER)
    organizations.discard(organization)
    assert not covered()
    organizations.restore(organization)
    at = timezone.now() + 102 * DAY
    assert standing.authorization_for(organization, publication, at) is None  # it has ended
    assert covered()
    authorizing.revoke(authorization, by=editor, who="Ana")
    assert not covered()


def test_G1_who_gave_it_and_was_removed_signs_nothing(round_, signer, colleague, topics):
    about(round_.publication, topics[0])
    authorization = give(signer, topics)
    invitation = asked_quietly(round_, colleague)
    organizations.remove_representative(signer)
    assert standing.authorization_for(colleague.organization, round_.publication) is None
    with pytest.raises(authorizing.NotInForce):
        standing.sign(invitation, authorization)
    assert not Decision.objects.exists()


def test_G2_it_never_signs_a_material_amendment(round_, signer, topics, editor):
    about(round_.publication, topics[0])
    authorization = give(signer, topics)
    invitation = asked_quietly(round_, signer)
    first = standing.sign(invitation, authorization)
    amend(round_.publication, editor)
    assert standing.authorization_for(signer.organization, round_.publication) is None
    invitation.refresh_from_db()
    with pytest.raises(authorizing.NotInForce):
        standing.sign(invitation, authorization)
    assert list(Decision.objects.all()) == [first]
    stands = counting.standing(invitation)
    assert (stands.live, stands.current, stands.decided) == (first, False, False)  # it is asked like everybody


def test_G2_nor_a_version_that_came_in_between(round_, signer, topics, editor):
    about(round_.publication, topics[0])
    authorization, invitation = give(signer, topics), asked_quietly(round_, signer)
    publishing.freeze(round_.publication, texts(en="Eleven steps."), by=editor, material=True, note="One more")
    Invitation.objects.filter(pk=invitation.pk).update(version=round_.publication.versions.get(number=1))
    with pytest.raises(signing_on.Superseded):
        standing.sign(invitation, authorization)


def test_it_signs_only_what_nobody_of_the_organization_answered(round_, signer, topics):
    about(round_.publication, topics[0])
    authorization, invitation = give(signer, topics), asked_quietly(round_, signer)
    sign(invitation, choice=Choice.ABSTAIN)
    assert standing.authorization_for(signer.organization, round_.publication) is None
    with pytest.raises(authorizing.NotInForce):
        standing.sign(invitation, authorization)
    assert Decision.objects.get().choice == Choice.ABSTAIN


def test_it_keeps_to_the_round(round_, signer, topics, editor):
    about(round_.publication, topics[0])
    authorization, invitation = give(signer, topics), asked_quietly(round_, signer)
    round_.scopes = ["national"]
    round_.save()
    with pytest.raises(signing_on.OutsideScope):
        standing.sign(invitation, authorization)
    round_.scopes = []
    round_.save()
    signing_on.close_round(round_)
    with pytest.raises(signing_on.RoundClosed):
        standing.sign(invitation, authorization)
    assert not Decision.objects.exists()


def test_G3_after_the_deadline_it_waits_for_staff(round_, signer, topics, editor):
    about(round_.publication, topics[0])
    authorization, invitation = give(signer, topics), asked_quietly(round_, signer)
    decision = standing.sign(invitation, authorization, at=round_.deadline + datetime.timedelta(minutes=1))
    assert (decision.live, decision.late, decision.accepted) == (False, True, None)
    assert "The deadline had passed" in Notice.objects.get(kind="standing").text
    assert signing_on.accept(decision, by=editor)


def test_G6_it_signs_with_the_logo_only_where_its_use_is_allowed(publication, signer, topics, editor, private_files):
    about(publication, topics[0])
    authorization = give(signer, topics, with_logo=True)
    round_ = open_round(publication, editor)
    assert standing.sign(asked_quietly(round_, signer), authorization).with_logo is False
    other = factories.RepresentativeFactory()
    logos.keep(other.organization, png=logos.redraw(picture()), permitted_by="Ana", permitted_on=timezone.localdate())
    theirs = give(other, topics, with_logo=True)
    assert standing.sign(asked_quietly(round_, other), theirs).with_logo is True


def test_G7_one_press_takes_it_back_by_anybody_who_may_sign(round_, signer, colleague, topics):
    about(round_.publication, topics[0])
    decision = standing.sign(asked_quietly(round_, signer), give(signer, topics))
    outsider, silent = (
        factories.RepresentativeFactory(),
        factories.RepresentativeFactory(organization=signer.organization, may_sign=False),
    )
    for representative in (outsider, silent):
        with pytest.raises(signing_on.MayNotSign):
            standing.take_back(decision, representative, language="en")
    back = standing.take_back(decision, colleague, language="es")  # who was never asked in this round
    assert (back.choice, back.signer, back.live) == (Choice.WITHDRAW, colleague.person, True)
    decision.refresh_from_db()
    assert not decision.live
    with pytest.raises(signing_on.NothingToWithdraw):
        standing.take_back(decision, signer, language="en")
    assert Decision.objects.count() == 2


def test_G7_a_closed_link_closes_no_way_out(round_, signer, topics):
    about(round_.publication, topics[0])
    invitation = asked_quietly(round_, signer)
    decision = standing.sign(invitation, give(signer, topics))
    signing_on.revoke(invitation)
    assert standing.take_back(decision, signer, language="en").choice == Choice.WITHDRAW


def test_taking_back_never_touches_an_answer_that_a_person_gave_since(round_, signer, topics, editor):
    about(round_.publication, topics[0])
    invitation = asked_quietly(round_, signer)
    decision = standing.sign(invitation, give(signer, topics))
    amend(round_.publication, editor)
    again = sign(Invitation.objects.get(pk=invitation.pk))
    with pytest.raises(signing_on.NothingToWithdraw):
        standing.take_back(decision, signer, language="en")
    again.refresh_from_db()
    assert again.live


def test_what_it_signed_is_listed(round_, signer, topics):
    about(round_.publication, topics[0])
    authorization = give(signer, topics)
    decision = standing.sign(asked_quietly(round_, signer), authorization)
    assert list(standing.signed_by(authorization)) == [decision]
    assert standing.still_stand([decision]) == {decision.pk: True}
    standing.take_back(decision, signer, language="en")
    assert standing.still_stand([decision]) == {decision.pk: False}


@pytest.mark.parametrize("number", [1, 30])
def test_it_is_looked_up_for_many_partners_with_six_queries(publication, topics, number, django_assert_num_queries):
    about(publication, topics[0])
    signers = [factories.RepresentativeFactory() for _ in range(number)]
    for one in signers:
        give(one, topics)
    partners = [one.organization for one in signers] + [factories.OrganizationFactory()]
    with django_assert_num_queries(6):
        found = standing.authorizations_for(partners, publication)
    assert set(found) == {one.organization_id for one in signers}

"""A partner and the organizers talk about a text: nothing is lost, nobody else's is shown, both hear of it."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from coalition import publishing, signing_on, talking
from coalition.models import AuditLine, Entry, Notice, Remark
from tests import factories

from .signons import amend, asked, texts

TEXT = "<p>First of all.</p><p>Every child reads.</p><p>Last of all.</p>"


@pytest.fixture
def long_text(publication, editor):
    return publishing.freeze(
        publication, texts(en=TEXT[3:-4], es=TEXT[3:-4].replace("child", "niña o niño")), by=editor, material=False
    )


@pytest.fixture
def invitation(round_):
    return asked(round_)


def propose(invitation, version=None, **more):
    version = version or invitation.round.publication.current_version
    said = {"language": "en", "paragraph": 3, "proposal": "Every child reads well.", "body": "Because", **more}
    return talking.propose(invitation, version=version, **said)


# Questions


def test_a_question_is_kept_told_and_noted_once(invitation, editor, publication):
    remarks = [talking.ask(invitation, body="  Who pays?  ", language="en") for _press in range(2)]
    assert remarks[0] == remarks[1] == Remark.objects.get()
    remark, person = remarks[0], invitation.representative.person
    assert (remark.body, remark.kind, remark.state) == ("Who pays?", "question", "open")
    assert (remark.version, remark.organization, remark.person) == (
        publication.current_version,
        invitation.organization,
        person,
    )
    notice = Notice.objects.get(kind="remark")
    assert (notice.value, notice.person) == (editor.email, None)
    assert "Who pays?" in notice.text
    assert f"/questions/?kind=question&partner={invitation.organization_id}" in notice.text
    lines = Entry.objects.filter(text__contains="asked the organizers")
    assert {(line.organization, line.person) for line in lines} == {(invitation.organization, None), (None, person)}
    assert not any("Who pays?" in str(line.text) for line in Entry.objects.all())


def test_who_opened_the_round_and_left_is_replaced_by_the_coalitions_address(invitation, editor, installation):
    editor.is_active = False
    editor.save()
    talking.ask(invitation, body="Who pays?", language="en")
    notice = Notice.objects.get(kind="remark")
    assert (notice.value, notice.language) == (installation.email, "en")


def test_a_coalition_without_an_address_keeps_the_question(invitation, editor, installation):
    installation.email = ""
    installation.save()
    editor.delete()
    talking.ask(invitation, body="Who pays?", language="en")
    assert not Notice.objects.filter(kind="remark").exists()
    assert Remark.objects.count() == 1


@pytest.mark.parametrize(("body", "code"), [("", "required"), (" \n ", "required"), ("x" * 10_000, "max_length")])
def test_nothing_and_too_much_are_refused(invitation, body, code):
    with pytest.raises(ValidationError) as refused:
        talking.ask(invitation, body=body, language="en")
    assert [error.code for error in refused.value.error_dict["body"]] == [code]
    assert not Remark.objects.exists()


def test_a_machine_cannot_flood_the_organizers(invitation):
    for number in range(talking.A_DAY):
        talking.ask(invitation, body=f"Question {number}", language="en")
    with pytest.raises(ValidationError, match="a lot today"):
        talking.ask(invitation, body="One more", language="en")
    assert Notice.objects.filter(kind="remark").count() == talking.A_DAY
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert talking.ask(invitation, body="One more", language="en")


def test_a_closed_round_and_a_revoked_link_take_no_question(invitation, round_):
    stale = signing_on.links.invitations().get(pk=invitation.pk)
    signing_on.revoke(invitation)
    with pytest.raises(signing_on.RevokedLink):
        talking.ask(stale, body="Who pays?", language="en")
    other = asked(round_)
    signing_on.close_round(round_)
    with pytest.raises(signing_on.RoundClosed):
        talking.ask(other, body="Who pays?", language="en")
    assert not Remark.objects.exists()


def test_who_may_not_sign_may_ask(invitation):
    representative = invitation.representative
    representative.may_sign = False
    representative.save()
    assert talking.ask(invitation, body="Who pays?", language="en")


def test_names_neither_break_a_header_nor_become_html(round_):
    invitation = asked(round_, name="Evil\r\nBcc: all@x.example.org <script>alert(1)</script>")
    talking.ask(invitation, body="<img src=x onerror=alert(1)>", language="en")
    notice = Notice.objects.get(kind="remark")
    assert "\n" not in notice.subject
    assert "\r" not in notice.subject
    assert "<script>" not in notice.html
    assert "<img src=x" not in notice.html


# Answers


def test_an_answer_goes_to_who_asked_in_their_language_once(round_, editor):
    invitation = asked(round_, language="es")
    question = talking.ask(invitation, body="¿Quién paga?", language="es")
    answers = [talking.answer(question, body="El estado.", by=editor) for _press in range(2)]
    assert answers[0] == answers[1]
    question.refresh_from_db()
    assert (question.state, question.settled_by) == ("taken", editor)
    notice = Notice.objects.get(kind="answered")
    assert (notice.person, notice.language) == (invitation.representative.person, "es")
    assert "El estado." in notice.text
    assert "/es/sign/" in notice.text
    line = AuditLine.objects.get(subject="coalition.remark")
    assert (line.by, line.details) == (
        editor,
        {"organization": invitation.organization_id, "kind": "question", "state": "taken"},
    )
    assert Entry.objects.filter(organization=invitation.organization, by=editor).count() == 1


def test_an_answer_reaches_a_colleague_where_who_asked_left(round_, editor):
    first = asked(round_)
    second = asked(round_, organization=first.organization)
    question = talking.ask(first, body="Who pays?", language="en")
    first.representative.delete()
    talking.answer(question, body="The state.", by=editor)
    assert Notice.objects.get(kind="answered").person == second.representative.person


def test_an_answer_stands_where_nobody_is_left_to_be_told(invitation, editor):
    question = talking.ask(invitation, body="Who pays?", language="en")
    invitation.representative.delete()
    assert talking.answer(question, body="The state.", by=editor).about == question
    assert not Notice.objects.filter(kind="answered").exists()


def test_only_a_shared_answer_is_read_by_others_and_nobody_is_named(round_, editor):
    mine, theirs = asked(round_), asked(round_, name="Union of Secrets")
    first = talking.ask(theirs, body="We of the Union of Secrets ask: who pays?", language="en")
    second = talking.ask(theirs, body="Between us: is it safe?", language="en")
    shared = talking.answer(first, body="The state.", shared_as="Who pays?", by=editor)
    talking.answer(second, body="It is.", by=editor)
    assert [(each.shared_as, each.body) for each in talking.shared(round_, mine.organization)] == [
        ("Who pays?", "The state.")
    ]
    assert list(talking.shared(round_, theirs.organization)) == []
    assert list(talking.thread(round_, mine.organization)) == []
    assert list(talking.thread(round_, theirs.organization)[0].answers.all()) == [shared]


# Proposed edits


def test_a_proposal_keeps_the_very_passage_and_version_that_were_read(invitation, long_text):
    first, again = propose(invitation), propose(invitation)
    assert first == again == Remark.objects.get()
    assert (first.passage, first.proposal, first.body) == ("Every child reads.", "Every child reads well.", "Because")
    assert (first.version, first.language) == (long_text, "en")
    assert "Every child reads well." in Notice.objects.get(kind="remark").text
    # The title is a passage too, in each language.
    assert propose(invitation, language="es", paragraph=0, proposal="Otro").passage == "Que todos lean"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"proposal": "Every child reads."}, "proposal"),
        ({"proposal": " Every  child reads. "}, "proposal"),
        ({"proposal": "", "body": " "}, "body"),
        ({"proposal": "x" * 10_001}, "proposal"),
        ({"body": "x" * 10_000}, "body"),
    ],
)
def test_a_proposal_that_says_nothing_is_refused(invitation, long_text, said, field):
    with pytest.raises(ValidationError) as refused:
        propose(invitation, **said)
    assert list(refused.value.error_dict) == [field]
    assert not Remark.objects.exists()


def test_a_passage_can_be_proposed_to_go(invitation, long_text):
    assert propose(invitation, proposal="", body="It says nothing").proposal == ""
    assert "The passage goes." in Notice.objects.get(kind="remark").text


def test_a_superseded_version_takes_no_proposal_and_the_passage_is_found_again(invitation, long_text, editor):
    new = amend(invitation.round.publication, editor, en="New first.</p><p>First of all.</p><p>Every kid reads.")
    with pytest.raises(signing_on.Superseded) as refused:
        propose(invitation, version=long_text)
    assert refused.value.version == new
    assert not Remark.objects.exists()
    assert talking.stands_at("First of all.", new, "en", near=2) == (3, True)
    assert talking.stands_at("Every child reads.", new, "en", near=3) == (4, False)


def test_proposals_stand_under_their_passage_in_the_order_of_the_text(round_, long_text, editor):
    one, two = asked(round_), asked(round_)
    last = propose(one, paragraph=4, proposal="At last.")
    first = propose(one)
    other = propose(two, proposal="All children read.")
    found = talking.by_passage([last, first, other], long_text)
    assert [(each.place, each.words, each.proposals) for each in found] == [
        (3, "Every child reads.", [first, other]),
        (4, "Last of all.", [last]),
    ]
    new = amend(round_.publication, editor, en="Last of all.")
    assert [(each.place, each.words) for each in talking.by_passage([last, first], new)] == [
        (2, "Last of all."),
        (None, "Every child reads."),
    ]


def test_what_is_taken_up_waits_for_the_editor_until_the_text_is_frozen_again(round_, long_text, editor):
    invitation = asked(round_)
    taken, left = propose(invitation), propose(invitation, proposal="Something else")
    talking.settle(taken, taken=True, by=editor)
    talking.settle(left, taken=False, body="It says less", by=editor)
    assert [remark.state for remark in talking.thread(round_, invitation.organization)] == ["taken", "declined"]
    assert [each.proposals for each in talking.to_take_up(round_.publication)] == [[taken]]
    subjects = Notice.objects.filter(kind="answered").order_by("pk").values_list("subject", flat=True)
    assert [subject.split(" “")[0] for subject in subjects] == ["Your edit to", "About the edit you proposed to"]
    amend(round_.publication, editor, en="Every child reads well.")
    assert talking.to_take_up(round_.publication) == []
    late = talking.settle(left, taken=True, body="After all", by=editor)
    assert (late.version.number, late.about.version.number) == (3, 2)
    assert [(each.place, each.proposals) for each in talking.to_take_up(round_.publication)] == [(None, [left])]


def test_leaving_a_proposal_needs_a_word_of_why(invitation, long_text, editor):
    proposal = propose(invitation)
    with pytest.raises(ValidationError):
        talking.settle(proposal, taken=False, body="  ", by=editor)
    proposal.refresh_from_db()
    assert (proposal.state, Remark.objects.count()) == ("open", 1)
    with pytest.raises(ValueError, match="Only a question"):
        talking.answer(proposal, body="Yes", by=editor)


# For the organizers


def test_what_waits_comes_first_and_words_are_looked_for_everywhere(round_, long_text, editor):
    river, lake = asked(round_, name="Río Unido"), asked(round_, name="Lake Union")
    answered = talking.ask(river, body="Who pays?", language="en")
    talking.answer(answered, body="The treasury.", by=editor)
    waits = talking.ask(river, body="Who decides?", language="en")
    proposal = propose(lake)
    assert list(talking.of_round(round_, kind="question")) == [waits, answered]
    assert list(talking.of_round(round_, words="treasury")) == [answered]
    assert list(talking.of_round(round_, words="rio unido")) == [waits, answered]
    assert list(talking.of_round(round_, words="reads well")) == [proposal]
    assert list(talking.of_round(round_, partner=lake.organization_id)) == [proposal]
    assert list(talking.of_round(round_, state="taken")) == [answered]
    assert talking.counts(round_) == {("question", "open"): 1, ("question", "taken"): 1, ("proposal", "open"): 1}
    assert talking.waiting() == {round_.pk: [1, 1]}
    talking.settle(proposal, taken=True, by=editor)
    talking.answer(waits, body="You do.", by=editor)
    assert talking.waiting() == {}


def test_a_round_of_another_publication_shows_nothing_of_this_one(invitation, editor):
    talking.ask(invitation, body="Who pays?", language="en")
    other = factories.PublicationFactory()
    publishing.freeze(other, texts(en="Other"), by=editor)
    elsewhere = signing_on.open_round(
        other, deadline=timezone.now() + timedelta(days=3), zone="America/New_York", by=editor
    )
    assert list(talking.of_round(elsewhere)) == []
    assert list(talking.thread(elsewhere, invitation.organization)) == []

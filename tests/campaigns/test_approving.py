"""A second pair of eyes: asked, approved or sent back, never by whoever wrote last, and only for the words as read."""

import pytest
from django.contrib.auth.models import Group
from wagtail.users.models import UserProfile

from campaigns import approving, composing
from campaigns.models import Message
from coalition import accounts
from coalition.models import Installation, Notice, Segment, Topic
from tests.factories import MessageFactory, UserFactory


@pytest.fixture
def message(installation):
    return MessageFactory()


@pytest.fixture
def staff(db):
    """(who writes, who reads) among organizers, beside a viewer who may do neither."""
    accounts.ensure_roles()
    found = [UserFactory(is_superuser=False, first_name=name) for name in ("Ana", "Ben", "Cy")]
    for user, role in zip(found, [accounts.Role.ORGANIZER, accounts.Role.ORGANIZER, None], strict=True):
        if role:
            user.groups.add(Group.objects.get(name=role))
    return found[:2]


def write(message, subject, by):
    return composing.write(message, contents={"en": {"subject": subject}}, by=by)


def stands(message):
    message.refresh_from_db()
    found = approving.standing(message)
    return found.state, found.by, found.note, found.misses


def test_a_colleague_is_asked_in_their_own_language(message, staff):
    ana, ben = staff
    UserProfile.objects.create(user=ben, preferred_language="es")
    write(message, "The vote is near", ana)
    approving.ask(message, of=ben, by=ana)
    assert stands(message) == ("asked", ben, "", False)
    notice = Notice.objects.get()
    assert (notice.kind, notice.value, notice.language) == ("message_approval", ben.email, "es")
    assert f"/admin/messages/{message.pk}/check/" in notice.text
    assert list(Message.objects.filter(approving.waiting())) == [message]


def test_an_approval_is_told_to_whoever_wrote_and_nobody_waits_any_more(message, staff):
    ana, ben = staff
    write(message, "The vote is near", ana)
    approving.ask(message, of=ben, by=ana)
    approving.approve(message, by=ben, note="Fine.", seen=composing.as_read(message))
    assert stands(message) == ("approved", ben, "Fine.", False)
    assert [(n.kind, n.value) for n in Notice.objects.order_by("pk")] == [
        ("message_approval", ben.email),
        ("message_answer", ana.email),
    ]
    assert not Message.objects.filter(approving.waiting()).exists()


def test_whoever_wrote_last_cannot_be_asked_and_cannot_approve(message, staff):
    ana, ben = staff
    write(message, "The vote is near", ben)
    write(message, "The vote is very near", ana)
    with pytest.raises(approving.OwnWords):
        approving.approve(message, by=ana)
    with pytest.raises(approving.OwnWords):
        approving.ask(message, of=ana, by=ben)
    assert stands(message) == ("", None, "", False)
    assert [user for user in approving.readers(message) if user in staff] == [ben]
    approving.approve(message, by=ben)
    assert stands(message)[0] == "approved"


def test_a_change_of_words_takes_the_approval_away(message, staff):
    ana, ben = staff
    Installation.objects.update(second_reader=True)
    write(message, "The vote is near", ana)
    approving.approve(message, by=ben)
    assert stands(message) == ("approved", ben, "", False)
    write(message, "The vote is very near", ana)
    assert stands(message) == ("", None, "", True)


def test_a_change_of_whom_it_is_for_takes_the_approval_away(message, staff):
    _ana, ben = staff
    teachers, parents = Segment.objects.create(name="Teachers"), Segment.objects.create(name="Parents")
    topic = Topic.objects.create(slug="schools", name={"en": "Schools"})
    narrow = {"included": [teachers], "excluded": [parents], "share": 10, "topic": topic}
    composing.write(message, contents={}, **narrow)
    approving.approve(message, by=ben)
    composing.write(message, contents={}, name="Vote!", source="spring", **narrow)
    assert stands(message)[:2] == ("approved", ben)
    for wider in ({"included": []}, {"excluded": []}, {"share": 100}, {"topic": None}):
        composing.write(message, contents={}, **narrow)
        approving.approve(message, by=ben)
        composing.write(message, contents={}, **narrow | wider)
        assert stands(message)[:2] == ("", None), wider


def test_whoever_changed_only_whom_it_is_for_cannot_approve_that(message, staff):
    ana, ben = staff
    write(message, "The vote is near", ana)
    composing.write(message, contents={}, by=ben, included=[Segment.objects.create(name="Teachers")])
    with pytest.raises(approving.OwnWords):
        approving.approve(message, by=ben)
    assert [user for user in approving.readers(message) if user in staff] == [ana]
    approving.approve(message, by=ana)
    assert stands(message)[:2] == ("approved", ana)


def test_an_audience_that_changed_while_it_was_read_is_not_approved(message, staff):
    ana, ben = staff
    seen = composing.as_read(message)
    composing.write(message, contents={}, by=ana, included=[Segment.objects.create(name="Teachers")])
    with pytest.raises(approving.Changed):
        approving.approve(message, by=ben, seen=seen)
    approving.approve(message, by=ben, seen=composing.as_read(message))
    assert stands(message)[0] == "approved"


def test_words_that_changed_while_they_were_read_are_not_approved(message, staff):
    ana, ben = staff
    write(message, "The vote is near", ana)
    seen = composing.as_read(message)
    write(message, "The vote is very near", ana)
    with pytest.raises(approving.Changed):
        approving.approve(message, by=ben, seen=seen)
    assert stands(message)[0] == ""


def test_a_message_that_was_sent_back_says_why_until_somebody_is_asked_again(message, staff):
    ana, ben = staff
    write(message, "The vote is near", ana)
    approving.ask(message, of=ben, by=ana)
    approving.send_back(message, by=ben, note="Say when.")
    assert stands(message) == ("sent_back", ben, "Say when.", False)
    assert "Say when." in Notice.objects.get(kind="message_answer").text
    approving.ask(message, of=ben, by=ana)
    assert stands(message) == ("asked", ben, "", False)


def test_what_has_left_is_not_approved(message, staff):
    Message.objects.update(state=Message.State.SENDING)
    with pytest.raises(composing.Fixed):
        approving.approve(message, by=staff[0])

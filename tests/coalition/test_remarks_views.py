"""The organizers' page of what partners ask and propose: what waits first, answered in place."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, publishing, talking
from coalition.accounts import Role
from coalition.models import Notice, Remark
from tests import factories

from .signons import amend, asked, open_round, texts


@pytest.fixture
def long_text(publication, editor):
    words = "First of all.</p><p>Every child reads.</p><p>Last of all."
    return publishing.freeze(publication, texts(en=words, es=words), by=editor, material=False)


@pytest.fixture
def staff(client, editor):
    client.force_login(editor)
    return client


@pytest.fixture
def page(round_):
    return reverse("rounds:remarks", args=[round_.pk])


def propose(invitation, version, **more):
    said = {"language": "en", "paragraph": 3, "proposal": "Every child reads well.", "body": "", **more}
    return talking.propose(invitation, version=version, **said)


def reply(staff, remark, query="", **said):
    address = reverse("rounds:reply", args=[remark.round_id, remark.pk]) + query
    return staff.post(address, {f"remark-{remark.pk}-{name}": value for name, value in said.items()})


def test_an_empty_page_says_what_will_stand_here(staff, page):
    for kind in ("question", "proposal", "nonsense"):
        shown = staff.get(page, {"kind": kind})
        assert shown.status_code == 200
        assert "bo-empty" in shown.text


def test_a_question_is_answered_in_place_once(staff, page, round_):
    question = talking.ask(asked(round_), body="Who <b>pays</b>?", language="en")
    shown = staff.get(page)
    assert "Who &lt;b&gt;pays&lt;/b&gt;?" in shown.text
    for _press in range(2):
        answer = reply(staff, question, "?kind=question&q=pays", body="The state.", shared_as="Who pays?")
        assert answer.url == f"{page}?kind=question&q=pays#remark-{question.pk}"
    assert Remark.objects.filter(about=question).values_list("body", "shared_as").get() == ("The state.", "")
    assert Notice.objects.filter(kind="answered").count() == 1
    reply(staff, question, body="The state, of course.", shared="on", shared_as="Who pays?")
    assert "every partner asked can read it" in staff.get(page).text


def test_what_is_wrong_with_an_answer_comes_back_with_what_was_entered(staff, round_):
    question = talking.ask(asked(round_), body="Who pays?", language="en")
    for said, field in (
        ({"body": " ", "shared_as": "Somebody asks"}, "body"),
        ({"body": "x" * 10_000}, "body"),
        ({"body": "The state.", "shared": "on", "shared_as": " "}, "shared_as"),
    ):
        shown = reply(staff, question, **said)
        assert shown.status_code == 422
        assert f'href="#id_remark-{question.pk}-{field}"' in shown.text
        assert "<details open>" in shown.text
    assert not Remark.objects.filter(kind="answer").exists()


def test_proposals_stand_under_their_passage_and_are_settled_in_place(staff, page, round_, long_text, publication):
    first, second = asked(round_), asked(round_)
    one, other = propose(first, long_text), propose(second, long_text, proposal="All children read.")
    shown = staff.get(page, {"kind": "proposal"})
    assert shown.text.count('class="remarks-passage"') == 1
    assert "reads well.<span" in shown.text
    assert reply(staff, one, taken="no").status_code == 422
    assert reply(staff, one, taken="").status_code == 422
    assert reply(staff, one, "?kind=proposal", taken="yes").status_code == 302
    assert reply(staff, other, "?kind=proposal", taken="no", body="One is enough").status_code == 302
    states = Remark.objects.filter(about=None).order_by("pk").values_list("state", flat=True)
    assert list(states) == ["taken", "declined"]
    shown = staff.get(page, {"kind": "proposal"}).text
    assert "Taken up, to be written into the next version" in shown
    amend(publication, factories.UserFactory(), en="Every child reads well.")
    shown = staff.get(page, {"kind": "proposal"}).text
    assert "to be written into the next version" not in shown
    assert "A passage that no longer stands in the text" in shown
    assert "on version 2" in shown


def test_filters_and_words_narrow_the_list(staff, page, round_, long_text, editor):
    river, lake = asked(round_, name="Río Unido"), asked(round_, name="Lake Union")
    answered = talking.ask(river, body="Who pays?", language="en")
    talking.answer(answered, body="The treasury.", by=editor)
    waits = talking.ask(lake, body="Who decides?", language="en")

    def found(**query):
        return [remark.pk for remark in staff.get(page, query).context["page_obj"].object_list]

    assert found() == [waits.pk, answered.pk]
    assert found(state="open") == [waits.pk]
    assert found(state="taken") == [answered.pk]
    assert found(partner=str(river.organization_id)) == [answered.pk]
    assert found(q="treasury") == [answered.pk]
    assert found(q="rio") == [answered.pk]
    assert found(q="nothing of the kind") == []
    assert found(state="declined", partner="x", q="\x00") == [waits.pk, answered.pk]
    assert found(partner="9" * 40) == []


def test_remarks_of_another_round_are_out_of_reach(staff, round_, editor):
    other = factories.PublicationFactory()
    publishing.freeze(other, texts(en="Other"), by=editor)
    elsewhere = open_round(other, editor)
    remark = talking.ask(asked(elsewhere), body="Who pays?", language="en")
    assert staff.post(reverse("rounds:reply", args=[round_.pk, remark.pk]), {}).status_code == 404


def test_who_may_not_change_reads_and_who_may_not_see_does_not(client, page, round_):
    invitation = asked(round_)
    remark = talking.ask(invitation, body="Who pays?", language="en")
    for role, status in ((Role.EDITOR, 200), (Role.TRANSLATOR, 302), (Role.ANALYST, 200)):
        user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
        if not user.has_perm("coalition.view_round"):
            status = 302
        client.force_login(user)
        shown = client.get(page)
        assert shown.status_code == status
        if status == 200:
            assert '<form class="bo-form"' not in shown.text
            if not user.has_perm("coalition.view_person"):
                assert invitation.representative.person.name not in shown.text
        assert reply(client, remark, body="Mine").status_code == 302
    assert not Remark.objects.filter(kind="answer").exists()


@pytest.mark.parametrize("kind", ["question", "proposal"])
def test_the_list_costs_the_same_for_one_and_for_thirty(staff, page, round_, long_text, editor, kind):
    counts = []

    def say(number):
        invitation = asked(round_)
        if kind == "question":
            talking.answer(talking.ask(invitation, body=f"{number}?", language="en"), body="Yes", by=editor)
        else:
            talking.settle(propose(invitation, long_text, proposal=f"Way {number}"), taken=True, by=editor)

    for many in (range(1), range(1, 15)):
        for number in many:
            say(number)
        staff.get(page, {"kind": kind})
        with CaptureQueriesContext(connection) as seen:
            staff.get(page, {"kind": kind})
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_what_waits_stands_on_the_first_page(client, round_, long_text):
    invitation = asked(round_)
    talking.ask(invitation, body="Who pays?", language="en")
    talking.ask(invitation, body="Who decides?", language="en")
    propose(invitation, long_text)
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER))
    shown = client.get(reverse("wagtailadmin_home"))
    assert "2 questions wait · 1 proposed edit waits" in shown.text
    assert reverse("rounds:remarks", args=[round_.pk]) in shown.text
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.TRANSLATOR))
    assert "questions wait" not in client.get(reverse("wagtailadmin_home")).text


def test_what_is_taken_up_stands_where_the_text_is_written_and_frozen(staff, round_, long_text, publication, editor):
    proposal = propose(asked(round_), long_text)
    publication.stand_alone = True
    publication.draft = {
        code: {"title": text.title, "summary": text.summary, "html": text.html}
        for code, text in ((text.language, text) for text in long_text.texts.all())
    }
    publication.save()
    names = ("publications:inspect", "publications:write", "publications:freeze", "rounds:inspect")
    pages = [reverse(name, args=[(round_ if name[0] == "r" else publication).pk]) for name in names]
    assert not any("to be written into the next version" in staff.get(page).text for page in pages)
    assert "Questions and proposals <b>1<" in staff.get(pages[-1]).text
    talking.settle(proposal, taken=True, by=editor)
    assert ["to be written into the next version" in staff.get(page).text for page in pages] == [
        True,
        True,
        True,
        False,
    ]
    assert "Questions and proposals</a>" in staff.get(pages[-1]).text

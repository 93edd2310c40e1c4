"""Partners × publications: what each sign says, what narrows it, and that it does not grow with the coalition."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, matrix, publishing, signing_on
from coalition.accounts import Role
from coalition.counting import State
from coalition.models import Organization, Publication, Region, Topic
from tests import factories

from .signons import Choice, amend, asked, open_round, sign, texts


def cells():
    columns = list(matrix.publications())
    return {
        (row.organization.name, cell.publication.pk): cell.state
        for row in matrix.rows(matrix.partners(), columns)
        for cell in row.cells
    }


def frozen(editor, **fields):
    publication = factories.PublicationFactory(**fields)
    publishing.freeze(publication, texts(en=f"Text {publication.pk}."), by=editor)
    return publication


def test_each_cell_says_where_the_partner_stands_as_the_board_does(round_, publication, editor):
    said = {
        "Signs": Choice.SIGN,
        "Supports": Choice.SUPPORT,
        "Abstains": Choice.ABSTAIN,
        "Declines": Choice.DECLINE,
    }
    for name, choice in said.items():
        sign(asked(round_, name=name), choice)
    asked(round_, name="Silent")
    signing_on.mark_seen(asked(round_, name="Opened"))
    signing_on.withdraw(leaver := sign(asked(round_, name="Leaves")).invitation, language="en")
    sign(asked(round_, name="Thinks"), "time", until=timezone.localdate() + timedelta(days=5), attested=False)
    factories.OrganizationFactory(name="Never asked")
    other = frozen(editor)
    assert cells() == {
        **{(name, other.pk): None for name in [*said, "Silent", "Opened", "Leaves", "Thinks", "Never asked"]},
        ("Signs", publication.pk): State.SIGN,
        ("Supports", publication.pk): State.SUPPORT,
        ("Abstains", publication.pk): State.ABSTAIN,
        ("Declines", publication.pk): State.DECLINE,
        ("Silent", publication.pk): State.ASKED,
        ("Opened", publication.pk): State.SEEN,
        ("Leaves", publication.pk): State.WITHDRAW,
        ("Thinks", publication.pk): State.TIME,
        ("Never asked", publication.pk): None,
    }
    assert leaver.organization.name == "Leaves"
    amend(publication, editor)
    assert cells()[("Signs", publication.pk)] == State.AGAIN


def test_G3_a_late_signature_waits_in_its_cell(round_, publication):
    round_.deadline = timezone.now() - timedelta(hours=1)
    round_.save()
    sign(asked(round_, name="Late"))
    assert cells() == {("Late", publication.pk): State.LATE}


def test_only_who_still_owes_an_answer(round_, publication, editor):
    sign(asked(round_, name="Signs"))
    owes, thinks = asked(round_, name="Owes"), asked(round_, name="Thinks")
    sign(thinks, "time", until=timezone.localdate() + timedelta(days=5), attested=False)
    closed = open_round(frozen(editor), editor)
    asked(closed, name="Silent in a closed round")
    signing_on.close_round(closed)
    columns = matrix.publications(undecided=True)
    assert list(columns) == [publication]
    found = matrix.partners(undecided_on=columns)
    assert list(found) == [owes.organization, thinks.organization]


def test_rows_and_columns_are_narrowed(db, editor, installation):
    valley = Region.objects.create(name={"en": "Pioneer Valley", "es": "Valle"}, slug="valley")
    literacy = Topic.objects.create(name={"en": "Literacy", "es": "Lectura"}, slug="literacy-6")
    one = factories.OrganizationFactory(name="Él Faro", scope="state", kind="union")
    other = factories.OrganizationFactory(name="Harbor", scope="local", kind="faith")
    factories.OrganizationFactory(name="Identified", stage=Organization.Stage.IDENTIFIED)
    one.regions.add(valley)
    letter, brief = frozen(editor, kind="letter"), frozen(editor)
    factories.PublicationFactory(kind="letter")  # nothing is frozen
    letter.topics.add(literacy)
    before = timezone.now() - timedelta(days=800)
    Publication.objects.filter(pk=letter.pk).update(created_at=before)
    assert list(matrix.partners()) == [one, other]
    for asked_for in ({"scope": "state"}, {"kind": "union"}, {"region": valley}, {"words": "el far"}):
        assert list(matrix.partners(**asked_for)) == [one]
    assert list(matrix.publications()) == [brief, letter]
    year = timezone.localtime(before).year
    for asked_for in ({"kind": "letter"}, {"topic": literacy}, {"year": year}):
        assert list(matrix.publications(**asked_for)) == [letter]
    assert matrix.years() == [timezone.localdate().year, year]


def test_the_page_leads_to_the_boards_and_says_each_sign_in_words(client, round_, publication, editor):
    client.force_login(editor)
    invitation = asked(round_, name="Harbor Mentors")
    sign(invitation)
    page = client.get(reverse("rounds:matrix")).text
    board = reverse("rounds:inspect", args=[round_.pk]) + f"?partner={invitation.organization_id}#partners"
    assert f'href="{board}"' in page
    assert "<b>Signed</b>: Every reader by third grade" in page
    assert "✓" in page
    assert "What the signs mean" in page
    assert "Nothing to show" in client.get(reverse("rounds:matrix") + "?q=nobody").text
    everything = client.get(reverse("rounds:matrix") + "?scope=x&region=999&year=abc&topic=-1&c=99&p=99")
    assert everything.status_code == 200
    assert len(everything.context["rows"]) == 1


def test_it_pages_in_both_directions(client, editor, installation, monkeypatch):
    monkeypatch.setattr("coalition.views.rounds.matrix.ROWS", 2)
    monkeypatch.setattr("coalition.views.rounds.matrix.COLUMNS", 1)
    client.force_login(editor)
    for number in range(3):
        factories.OrganizationFactory(name=f"Partner {number}")
    newest = [frozen(editor) for _number in range(2)][-1]
    page = client.get(reverse("rounds:matrix"), {"p": "2", "scope": "local"})
    assert [row.organization.name for row in page.context["rows"]] == ["Partner 2"]
    assert [cell.publication for cell in page.context["rows"][0].cells] == [newest]
    assert "scope=local&amp;p=2&amp;c=2" in page.text
    assert "scope=local&amp;c=1&amp;p=1" in page.text


def test_it_asks_the_same_queries_whatever_the_size(client, editor, installation):
    client.force_login(editor)

    def grow(publications, partners):
        held = [factories.OrganizationFactory() for _number in range(partners)]
        for _number in range(publications):
            round_ = open_round(frozen(editor), editor)
            for organization in held:
                sign(asked(round_, organization=organization))

    def queries(address):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    addresses = [reverse("rounds:matrix") + asked_for for asked_for in ("", "?undecided=on", "?q=e")]
    grow(1, 1)
    asked(open_round(frozen(editor), editor))
    client.get(addresses[0])
    before = [queries(address) for address in addresses]
    grow(4, 6)
    asked(open_round(frozen(editor), editor))
    assert [queries(address) for address in addresses] == before


def test_who_may_not_see_rounds_sees_no_matrix(client, installation):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.TRANSLATOR))
    assert client.get(reverse("rounds:matrix")).status_code == 302

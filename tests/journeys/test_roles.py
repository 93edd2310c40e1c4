"""Every screen of the back office, asked by every role: who may not see people sees nobody, and no screen breaks.

The walk goes over the resolver, so that a new screen is walked the day it is added.
"""

import re

import pytest
from django.apps import apps
from django.db import connection
from django.urls import URLPattern, get_resolver

from campaigns import receiving, registering, sending
from campaigns.models import Answer, Choice
from coalition import accounts, audit, people, publishing, signing_on
from coalition.accounts import Role
from coalition.models import (
    BulkAction,
    FollowUp,
    Import,
    ImportedRow,
    Lookalike,
    Merge,
    Segment,
    Sensitive,
    SignIn,
    Topic,
)
from tests import factories
from tests.coalition.signons import open_round, texts

LEAKS = ["Zoraida", "Quintanilla", "zoraida@", "5550143", "555-0143", "quebracho"]
# What Wagtail brings along and what knows nothing of people, left out for the time it takes.
ELSEWHERE = re.compile(
    r"admin/(pages|images|documents|collections|workflows|redirects|sites|failwhale|localize/(?!api)|logout|users|groups"
    r"|password_reset|tag-autocomplete|link_chooser|jsi18n|sprite|icons|choose-|translation)"
)
PARAMETER = re.compile(r"<(\w+):(\w+)>|\(\?P<(\w+)>[^)]*\)")
ASKED = ("", "?q=a&export=csv&format=csv")  # a first page, and what libraries listen to beside our own words
FIRST = 7000  # the key under which whatever is made first for the walk is kept, in every table
BLIND = [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST]

# Who may open the first page of each room. A room that is not named is walked for leaks all the same.
ALL = set(Role)
BOSS, SEES = {Role.ADMINISTRATOR}, {Role.ADMINISTRATOR, Role.ORGANIZER}
COUNTS = {*SEES, Role.ANALYST}
ROOMS = {
    "audit": BOSS,
    "many": SEES,
    "coalition-settings": BOSS,
    "conversations": SEES,
    "duplicates": SEES,
    "imports": SEES,
    "messages": ALL,
    "my-sign-in": ALL,
    "organizations": {*COUNTS, Role.EDITOR},
    "people": SEES,
    "publications": ALL,
    "retention": BOSS,
    "segments": COUNTS,
    "staff-sign-ins": BOSS,
    "topics": SEES,
    "webinars": {*COUNTS, Role.EDITOR},
}


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def addresses(route):
    """Concrete addresses of a route, with the primary key of what was made first in the place of its numbers."""
    words = {"app_label": "coalition", "model_name": "person", "app_name": "coalition", "language": "en", "way": "up"}
    if not PARAMETER.search(route):
        return [f"/{route}{asked}" for asked in (ASKED if route.count("/") == 2 else ASKED[:1])]
    return ["/" + PARAMETER.sub(lambda m: words.get(m[2] or m[3], str(FIRST)), route)]


@pytest.fixture
def everywhere(installation):
    """Somebody on every list there is: she and what is hers have the primary key FIRST in every table."""
    ours = [model for model in apps.get_models() if model._meta.app_label in ("coalition", "campaigns")]
    numbered = [model for model in ours if model._meta.pk.name == "id"]
    with connection.cursor() as cursor:
        for model in numbered:
            sequence = f"pg_get_serial_sequence('{model._meta.db_table}', 'id')"
            cursor.execute(f"SELECT setval({sequence}, {FIRST}, false)")
    person = factories.PersonFactory(
        given_name="Zoraida",
        family_name="Quintanilla",
        email="zoraida@quebracho.example",
        phone="+14135550143",
        opted_in=True,
    )
    staff, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=staff)
    round_ = open_round(publication, staff)
    representative = factories.RepresentativeFactory(person=person)
    invited = signing_on.invite(round_, [representative], by=staff).asked[0]
    signing_on.decide(
        invited,
        version=publication.current_version,
        choice="sign",
        signer_name="Zoraida Quintanilla",
        attested=True,
        language="en",
    )
    Segment.objects.create(name="Everybody")
    message = factories.MessageFactory()
    sending.start(message, by=staff)
    sending.send_next_batch(message)
    choice = Choice.objects.create(message=message, label={"en": "Yes", "es": "Sí"}, words="YES")
    Answer.objects.create(message=message, person=person, choice=choice, at=message.created_at)
    receiving.receive(sid="SM1", number="+14135550143", body="This is Zoraida")
    registering.register(
        factories.WebinarFactory(), name="Zoraida Quintanilla", email="zoraida@quebracho.example", language="en"
    )
    twin = factories.PersonFactory(given_name="Zoraida", family_name="Quintanilla")
    Lookalike.objects.create(first=person, second=twin, score=97, reasons=[])
    Merge.objects.create(kept=person, record={"people": [], "steps": [], "left": []})
    batch = Import.objects.create(name="people.csv", state=Import.State.DONE, created_by=staff, rows=1, done=1)
    ImportedRow.objects.create(
        batch=batch, line=1, outcome="refused", reason="no_address", data={"row": [["Name", "Zoraida Quintanilla"]]}
    )
    BulkAction.objects.create(kind="bin", state=BulkAction.State.DONE, query="q=Zoraida", by=staff)
    FollowUp.objects.create(person=person, text="Call Zoraida", due="2026-12-01", owner=staff)
    Sensitive.objects.create(person=person, constituencies=["families"])
    Topic.objects.create(slug="schools", name={"en": "Schools", "es": "Escuelas"})
    SignIn.objects.create(user=staff, session_key="x")
    people.write_note(person, "Zoraida likes mornings.", by=staff)
    audit.record(audit.Action.ERASE, person, by=staff)


def enter(client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    client.raise_request_exception = False  # a chooser without pages to choose from is not what is asked here


def walk(client):
    """[(address, status, body)] of every address of the back office that a GET reaches."""
    for route in routes(get_resolver()):
        if not route.startswith("admin/") or ELSEWHERE.match(route) or re.search(r"[\^$\[|]", PARAMETER.sub("", route)):
            continue
        for address in addresses(route):
            answer = client.get(address)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            yield address, answer.status_code, body


@pytest.mark.parametrize("role", BLIND)
def test_who_may_not_see_people_sees_nobody_anywhere_in_the_back_office(everywhere, client, role):
    enter(client, role)
    shown, opened = [], 0
    for address, status, body in walk(client):
        opened += status == 200
        shown += [(address, word) for word in LEAKS if word.encode() in body]
    assert shown == []
    assert opened > 10  # the walk went through open doors as well


def test_the_walk_would_find_her(everywhere, client):
    """Where an organizer goes, she is to be found: what the others' walk proves is not that nothing is there."""
    enter(client, Role.ORGANIZER)
    rooms, broken = set(), []
    for address, status, body in walk(client):
        if status == 200 and any(word.encode() in body for word in LEAKS):
            rooms.add(address.split("/")[2])
        if status >= 500 and not address.startswith("/admin/localize/"):
            broken.append((address, status))
    assert broken == []
    assert rooms >= {"people", "organizations", "rounds", "messages", "webinars", "conversations", "duplicates"}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_each_room_opens_to_its_roles_only(installation, client, room):
    """302 leads away with a word about the permission; nothing of the room is shown."""
    statuses = {}
    for role in Role:
        enter(client, role)
        statuses[role] = client.get(f"/admin/{room}/").status_code
    assert statuses == {role: 200 if role in ROOMS[room] else 302 for role in Role}


def test_nobody_enters_without_signing_in(everywhere, client):
    """Every address of the back office leads to the door, whatever it is asked for."""
    free = re.compile(r"/admin/(login|password_reset|jsi18n|sprite)")
    open_ = [(address, status) for address, status, _body in walk(client) if status == 200]
    assert [address for address, _status in open_ if not free.match(address)] == []


@pytest.mark.parametrize("address", ["", "1/"])
def test_the_list_of_snippets_that_asks_for_no_permission_is_closed(everywhere, client, address):
    client.force_login(factories.UserFactory())
    assert client.get(f"/admin/localize/api/snippets/coalition/person/{address}").status_code == 404

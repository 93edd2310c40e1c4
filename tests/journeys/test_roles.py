"""Every screen of the back office, asked by roles that may not see people: none of them shows a person."""

import re

import pytest
from django.apps import apps
from django.urls import URLPattern, get_resolver

from campaigns import receiving, registering, sending
from coalition import accounts, publishing, signing_on
from coalition.accounts import Role
from coalition.models import Segment
from tests import factories
from tests.coalition.signons import open_round, texts

LEAKS = ["Zoraida", "Quintanilla", "zoraida@", "5550143", "555-0143", "quebracho"]
# What Wagtail brings along and what knows nothing of people, left out for the time it takes.
ELSEWHERE = re.compile(
    r"admin/(pages|images|documents|collections|workflows|redirects|sites|failwhale|localize/(?!api)|logout)/"
)
PARAMETER = re.compile(r"<(\w+):(\w+)>")
ASKED = ("", "?q=a", "?export=csv", "?export=xlsx", "?format=csv")


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def addresses(route, pks):
    """Concrete addresses of a route, with every primary key in the place of its numbers."""
    words = {"app_label": "coalition", "model_name": "person", "app_name": "coalition", "language": "en"}
    if not PARAMETER.search(route):
        return [f"/{route}{asked}" for asked in ASKED]
    found = []
    for pk in map(str, pks):
        values = {name: pk if kind == "int" else words.get(name, pk) for kind, name in PARAMETER.findall(route)}
        found.append("/" + PARAMETER.sub(lambda match, values=values: values[match[2]], route))
    return found


@pytest.fixture
def pks(installation):
    """Somebody on every list there is; the primary keys under which she may be asked for."""
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
    invited = signing_on.invite(round_, [factories.RepresentativeFactory(person=person)], by=staff).asked[0]
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
    receiving.receive(sid="SM1", number="+14135550143", body="This is Zoraida")
    registering.register(
        factories.WebinarFactory(), name="Zoraida Quintanilla", email="zoraida@quebracho.example", language="en"
    )
    ours = [model for model in apps.get_models() if model._meta.app_label in ("coalition", "campaigns")]
    found = {model._default_manager.order_by("-pk").values_list("pk", flat=True).first() for model in ours}
    return sorted(pk for pk in found if isinstance(pk, int))


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_who_may_not_see_people_sees_nobody_anywhere_in_the_back_office(pks, client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    client.raise_request_exception = False  # a chooser without pages to choose from is not what is asked here
    shown, opened = [], 0
    for route in routes(get_resolver()):
        if not route.startswith("admin/") or ELSEWHERE.match(route) or re.search(r"[()^$\[]", route):
            continue
        for address in addresses(route, pks):
            answer = client.get(address)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            opened += answer.status_code == 200
            shown += [(address, word) for word in LEAKS if word.encode() in body]
    assert shown == []
    assert opened > 10  # the walk went through open doors as well


@pytest.mark.parametrize("address", ["", "1/"])
def test_the_list_of_snippets_that_asks_for_no_permission_is_closed(pks, client, address):
    client.force_login(factories.UserFactory())
    assert client.get(f"/admin/localize/api/snippets/coalition/person/{address}").status_code == 404

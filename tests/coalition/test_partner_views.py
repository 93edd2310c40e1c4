"""The rooms of a desk where a partner keeps its own record, and the same in the back office."""

import datetime
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from coalition import accounts, logos, organizations, policies, signing_on, speaking
from coalition.accounts import Role
from coalition.models import (
    Decision,
    Handover,
    Logo,
    Notice,
    Organization,
    Policy,
    RoleChange,
    StandingAuthorization,
)
from coalition.signing_on import standing
from coalition.viewsets import home
from tests import factories

from .signons import asked, sign
from .test_logos import picture
from .test_standing import asked_quietly, give

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("language", ["en", "es"])
DAY = datetime.timedelta(days=1)


@pytest.fixture
def partner(installation):
    return factories.OrganizationFactory(name="Teachers United", city="Lowell", state="MA")


def speaker(partner, name, **more):
    person = factories.PersonFactory(name=name, given_name=name, email=f"{name.lower()}@partner.example.org")
    return factories.RepresentativeFactory(organization=partner, person=person, **more)


@pytest.fixture
def carmen(partner):
    return speaker(partner, "Carmen")


@pytest.fixture
def joy(partner):
    """Speaks for it, and may not sign."""
    return speaker(partner, "Joy", may_sign=False)


def at(representative, name, *args, language="en"):
    with translation.override(language):
        return reverse(name, args=[signing_on.desk_token(representative), *args])


def words(response):
    return " ".join(response.content.decode().split())


# Our organization


@BOTH
def test_the_profile_shows_what_we_hold_in_both_languages(client, partner, carmen, joy, language):
    partner.printed_name = {"en": "Teachers United", "es": "Docentes Unidos"}
    partner.save()
    page = words(client.get(at(carmen, "desk_profile", language=language)))
    for said in ("Docentes Unidos", "Lowell, MA", "Carmen", "joy@<wbr>partner.example.org"):
        assert said in page
    assert f'lang="{language}"' in page


def test_the_profile_is_changed_and_the_timeline_says_so(client, partner, carmen):
    sent = {
        "printed_name_en": "Teachers  United",
        "printed_name_es": "Docentes Unidos",
        "city": "Boston",
        "state": "MA",
    }
    answer = client.post(
        at(carmen, "desk_profile_edit"), sent | {"website": "teachers.example.org", "languages": ["es"]}
    )
    assert answer.status_code == 302
    partner.refresh_from_db()
    assert (partner.name_in("es"), partner.city, partner.website) == (
        "Docentes Unidos",
        "Boston",
        "https://teachers.example.org",
    )
    assert "Carmen changed at the desk:" in str(partner.entries.latest("pk").text)


@BOTH
def test_who_may_not_sign_changes_the_contact_and_not_the_printed_name(client, partner, joy, language):
    page = client.get(at(joy, "desk_profile_edit", language=language))
    assert ("printed_name_en" in page.text, 'name="look"' in page.text) == (False, False)
    with translation.override(language):
        said = gettext("Somebody who may sign for your organization can change how its name is printed.")
    assert said in page.text
    sent = {"printed_name_en": "Somebody else", "city": "Boston", "state": "MA"}
    for more in ({}, {"look": "1"}):
        assert client.post(at(joy, "desk_profile_edit", language=language), sent | more).status_code == 302
    partner.refresh_from_db()
    assert (partner.printed_name, partner.city) == ("", "Boston")
    given = organizations.change_at_desk(partner, {"printed_name": {"en": "Else"}}, person=joy.person)
    assert given == []


def test_the_name_is_seen_in_the_list_before_it_is_kept(client, round_, partner, carmen):
    for name in ("Alliance", "The Tenants", "Zebra"):
        sign(asked(round_, organization=factories.OrganizationFactory(name=name)))
    factories.OrganizationFactory(name="Teachers in secret")  # a partner that signed nothing is told of to nobody
    answer = client.post(at(carmen, "desk_profile_edit"), {"printed_name_en": "The Teachers", "look": "1"})
    seen = [(line["before"], line["name"], line["after"]) for line in answer.context["printed"]]
    assert seen == [(["Alliance"], "The Teachers", ["The Tenants", "Zebra"])] * 2  # one language stands in for another
    page = words(answer)
    assert page.index("Alliance") < page.index("<b>The Teachers</b>") < page.index("The Tenants")
    assert "secret" not in page
    partner.refresh_from_db()
    assert not partner.printed_name


def test_what_is_wrong_in_the_profile_is_said_and_kept(client, carmen):
    answer = client.post(at(carmen, "desk_profile_edit"), {"zip": "12", "city": "Kept as typed"})
    assert answer.status_code == 422
    assert "Enter a ZIP code of five digits" in words(answer)
    assert "Kept as typed" in words(answer)


def test_a_device_nobody_knows_sees_and_changes_nothing(client, partner, carmen):
    client.post(at(carmen, "desk_profile_edit"), {"city": "Boston"})  # the first device is the person's own
    stranger = type(client)()
    for name in ("desk_profile", "desk_policy", "desk_logo"):
        assert "/prove/" in stranger.get(at(carmen, name)).url
    assert "/prove/" in stranger.post(at(carmen, "desk_profile_edit"), {"city": "Elsewhere"}).url
    partner.refresh_from_db()
    assert partner.city == "Boston"


def test_G6_a_logo_is_shown_only_after_its_own_yes_and_until_it_is_ended(client, partner, carmen, private_files):
    page = words(client.get(at(carmen, "desk_logo")))
    assert "checked" not in page
    client.post(at(carmen, "desk_logo"), {"image": picture()})
    assert not Logo.objects.get().may_be_used
    until = timezone.localdate() + 30 * DAY
    client.post(at(carmen, "desk_logo"), {"allowed": "on", "expires_on": until.isoformat()})
    logo = Logo.objects.get()
    assert (logo.permitted_by, logo.permitted_on, logo.expires_on) == ("Carmen", timezone.localdate(), until)
    client.post(at(carmen, "desk_logo"), {"image": picture(size=(300, 300))})  # another picture, the same yes
    assert Logo.objects.get().may_be_used
    assert b"".join(client.get(at(carmen, "desk_logo_picture")).streaming_content)
    client.post(at(carmen, "desk_logo_end"))
    assert not Logo.objects.get().may_be_used
    assert client.get(logos.url_of(Logo.objects.get())).status_code == 404


def test_G6_who_may_not_sign_gives_no_yes_and_changes_no_picture_and_may_end_it(
    client, partner, carmen, joy, private_files
):
    client.post(at(carmen, "desk_logo"), {"image": picture(), "allowed": "on"})
    held = Logo.objects.get()
    # A link made a second later is another one: where this leads is told by its page.
    led = urlsplit(client.get(at(joy, "desk_logo")).url)
    assert (resolve(led.path).url_name, led.fragment) == ("desk_profile", "logo")
    client.post(at(joy, "desk_logo"), {"image": picture(size=(300, 300)), "allowed": "on"})
    now = Logo.objects.get()
    assert (now.image.name, now.permitted_by) == (held.image.name, "Carmen")
    doors = [client.get(at(one, "desk_profile")).text.count('/organization/logo/"') for one in (joy, carmen)]
    assert doors == [0, 1]
    client.post(at(joy, "desk_logo_end"))
    assert not Logo.objects.get().may_be_used


def test_a_logo_that_is_a_script_is_refused_at_the_desk_in_plain_words(client, carmen):
    script = SimpleUploadedFile("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    answer = client.post(at(carmen, "desk_logo"), {"image": script, "allowed": "on"})
    assert answer.status_code == 422
    assert "This file holds a program, or loads something from elsewhere." in words(answer)
    assert not Logo.objects.exists()


# Who speaks for us

ANA = {"name": "Ana Ruiz", "email": "ana@people.example.org", "language": "es", "role": "signatory", "may_sign": "on"}


def test_a_signatory_adds_changes_orders_and_removes(client, partner, carmen):
    client.post(at(carmen, "desk_speaker_add"), ANA | {"title_en": "Chair", "title_es": "Presidenta"})
    ana = speaking.speakers(partner).get(person__name="Ana Ruiz")
    assert (ana.title.localize("es"), ana.may_sign) == ("Presidenta", True)
    client.post(at(carmen, "desk_speaker_move", ana.pk), {"up": "1"})
    assert [s.person.name for s in speaking.speakers(partner)] == ["Ana Ruiz", "Carmen"]
    client.post(at(carmen, "desk_speaker", ana.pk), {"role": "designee", "title_en": "Chair"})
    ana.refresh_from_db()
    assert (ana.role, ana.may_sign) == ("designee", False)
    client.post(at(carmen, "desk_speaker_remove", ana.pk), {"note": "She moved"})
    assert [s.person.name for s in speaking.speakers(partner)] == ["Carmen"]


def test_somebody_else_asks_and_a_signatory_confirms_on_the_page_of_the_email(client, partner, carmen, joy):
    answer = client.post(at(joy, "desk_speaker_add"), ANA, follow=True)
    assert "It holds once somebody who may sign, or the staff, confirm it." in words(answer)
    change = RoleChange.objects.get()
    link = at(carmen, "desk_role", change.pk)
    for name in ("desk", "desk_profile"):
        assert "Confirm or refuse" in words(client.get(at(carmen, name)))
    page = words(client.get(link))
    assert "Ana Ruiz speaks for Teachers United and may sign." in page
    client.post(link, {"confirm": "1"})
    assert speaking.speakers(partner).filter(person__name="Ana Ruiz", may_sign=True).exists()
    again = client.post(link, {"refuse": "1"}, follow=True)
    assert "This was settled a moment ago." in words(again)


def test_who_may_not_sign_settles_and_orders_nothing(client, partner, carmen, joy):
    change = speaking.propose(joy, "add", **{**ANA, "may_sign": True})
    client.post(at(joy, "desk_role", change.pk), {"confirm": "1"})
    assert client.post(at(joy, "desk_speaker_move", joy.pk), {"up": "1"}).status_code == 404
    change.refresh_from_db()
    assert change.state == "waiting"
    other = factories.RepresentativeFactory()
    assert client.get(at(other, "desk_role", change.pk)).status_code == 404
    assert client.get(at(other, "desk_speaker", carmen.pk)).status_code == 404


def test_the_last_who_may_sign_is_told_in_plain_words(client, partner, carmen, joy):
    answer = client.post(at(carmen, "desk_speaker_remove", carmen.pk), {})
    assert answer.status_code == 409
    assert "Carmen is the only person who may sign. First name another one, or tick the box below" in words(answer)
    assert not RoleChange.objects.exists()
    answer = client.post(at(carmen, "desk_speaker_remove", carmen.pk), {"to_staff": "on"}, follow=True)
    assert "The staff of the coalition look into it" in words(answer)
    assert RoleChange.objects.get().state == "waiting"


def test_a_signatory_objects_and_staff_undo_it(client, partner, carmen, editor):
    luis = speaker(partner, "Luis")
    client.post(at(carmen, "desk_speaker", luis.pk), {"role": "signatory", "title_en": "Member"})
    change = RoleChange.objects.get()
    client.post(at(luis, "desk_role", change.pk), {"object": "1", "note": "Nobody asked me"})
    objection = RoleChange.objects.get(undoes=change)
    assert (objection.state, objection.note) == ("waiting", "Nobody asked me")
    client.force_login(editor)
    page = words(client.get(reverse("organizations:inspect", args=[partner.pk])))
    assert "Luis objects to a change and asks" in page
    client.post(reverse("organizations:role_change", args=[partner.pk, objection.pk]), {"confirm": "1"})
    luis.refresh_from_db()
    assert luis.may_sign


# How we decide


@BOTH
def test_how_we_decide_is_kept_and_shown(client, partner, carmen, topics, language):
    sent = {"favours": [topics[0].pk], "never": [topics[1].pk], "approvers": "The board", "lead_days": "10"}
    client.post(at(carmen, "desk_policy_edit", language=language), sent | {"asks_a_month": "2"})
    policy = Policy.objects.get()
    assert (policy.lead_days, policy.asks_a_month, policy.changed_by) == (10, 2, carmen.person)
    page = words(client.get(at(carmen, "desk_policy", language=language)))
    assert topics[1].name.localize(language) in page
    assert "The board" in page


def test_a_topic_on_both_sides_is_said(client, carmen, topics):
    answer = client.post(at(carmen, "desk_policy_edit"), {"favours": [topics[0].pk], "never": [topics[0].pk]})
    assert answer.status_code == 422
    assert "Choose for Reading: you favor it, or you never sign it." in words(answer)


def test_only_who_may_sign_changes_how_it_decides(client, partner, carmen, joy, topics):
    client.post(at(joy, "desk_policy_edit"), {"lead_days": "10"})
    client.post(at(joy, "desk_authorization_give"), {"topics": [topics[0].pk]})
    assert not Policy.objects.exists()
    assert not StandingAuthorization.objects.exists()


def chosen(topics, **more):
    until = timezone.localdate() + 200 * DAY
    said = {"topics": [topic.pk for topic in topics], "expires_on": until.isoformat(), "signer_name": "Carmen Iris"}
    return said | more


@BOTH
def test_G1_an_authorization_is_given_by_confirming_the_very_words(client, partner, carmen, topics, language):
    link = at(carmen, "desk_authorization_give", language=language)
    assert "checked" not in words(client.get(link))
    shown = client.post(link, chosen(topics[:2]))
    said = shown.context["confirm"].words
    assert topics[0].name.localize(language) in said
    assert not StandingAuthorization.objects.exists()  # choosing gives nothing
    silent = client.post(link, chosen(topics[:2], shown=said))
    assert silent.status_code == 422  # nor does silence
    assert not StandingAuthorization.objects.exists()
    client.post(link, chosen(topics[:2], shown=said, attested="on"))
    authorization = StandingAuthorization.objects.get()
    assert (authorization.attestation, authorization.language) == (said, language)
    assert set(authorization.topics.all()) == set(topics[:2])
    assert Notice.objects.filter(kind="authorization").count() == 1


def test_G1_other_words_than_were_read_are_never_attested(client, partner, carmen, topics):
    link = at(carmen, "desk_authorization_give")
    said = client.post(link, chosen(topics[:1])).context["confirm"].words
    answer = client.post(link, chosen(topics, shown=said, attested="on"))  # more topics than were read
    assert "The words changed while you were reading." in words(answer)
    assert not StandingAuthorization.objects.exists()
    fresh = answer.context["confirm"]
    client.post(link, chosen(topics, shown=fresh.data["shown"], attested="on"))
    assert StandingAuthorization.objects.get().attestation == fresh.words


def test_a_topic_it_never_signs_is_not_offered(client, partner, carmen, topics):
    policies.keep(partner, favours=[], never=topics[:1], person=carmen.person)
    page = words(client.get(at(carmen, "desk_authorization_give")))
    assert "Not offered, because you never sign on it: Reading" in page
    assert client.post(at(carmen, "desk_authorization_give"), chosen(topics[:1])).status_code == 422


def test_it_is_extended_and_revoked(client, partner, carmen, topics):
    first = give(carmen, topics[:1])
    link = at(carmen, "desk_authorization_extend", first.pk)
    until = (timezone.localdate() + 300 * DAY).isoformat()
    said = client.post(link, {"expires_on": until, "signer_name": "Carmen"}).context["confirm"].words
    client.post(link, {"expires_on": until, "signer_name": "Carmen", "shown": said, "attested": "on"})
    newest = StandingAuthorization.objects.in_force().get()
    assert newest.pk != first.pk
    client.post(at(carmen, "desk_authorization_revoke", newest.pk))
    assert not StandingAuthorization.objects.in_force().exists()
    page = words(client.get(at(carmen, "desk_policy")))
    assert "Revoked" in page
    assert "Extended by a newer one" in page


@BOTH
def test_G7_one_press_on_the_page_of_the_notice_takes_the_signature_back(
    client, round_, partner, carmen, topics, language
):
    round_.publication.topics.set(topics[:1])
    decision = standing.sign(asked_quietly(round_, carmen), give(carmen, topics))
    link = at(carmen, "desk_standing", decision.pk, language=language)
    page = words(client.get(link))
    assert {"en": "Ten steps.", "es": "Diez pasos."}[language] in page
    client.post(link)
    assert Decision.objects.live().get().choice == "withdraw"
    client.post(link)  # pressed twice
    assert Decision.objects.count() == 2
    assert "Carmen" in words(client.get(link))


def test_G7_after_delivery_the_page_says_that_a_dated_note_stays(client, round_, partner, carmen, topics):
    round_.publication.topics.set(topics[:1])
    decision = standing.sign(asked_quietly(round_, carmen), give(carmen, topics))
    Handover.objects.create(
        publication=round_.publication,
        version=decision.version,
        way="email",
        to="The committee",
        at=timezone.now(),
        zone="America/New_York",
    )
    page = words(client.get(at(carmen, "desk_standing", decision.pk)))
    assert "The public list keeps your name there, with a note that says on which day you withdrew." in page
    client.post(at(carmen, "desk_standing", decision.pk))
    assert Decision.objects.live().get().choice == "withdraw"


def test_a_signature_of_another_partner_is_not_shown_nor_taken_back(client, round_, carmen, topics):
    round_.publication.topics.set(topics[:1])
    other = factories.RepresentativeFactory()
    decision = standing.sign(asked_quietly(round_, other), give(other, topics))
    authorization = decision.authorization
    client.get(at(carmen, "desk"))
    assert client.post(at(carmen, "desk_standing", decision.pk)).status_code == 404
    assert client.get(at(carmen, "desk_authorization", authorization.pk)).status_code == 404
    assert client.post(at(carmen, "desk_authorization_revoke", authorization.pk)).status_code == 404
    assert authorization.is_in_force


@pytest.mark.parametrize("number", [1, 30])
def test_the_rooms_cost_the_same_for_one_and_for_many(
    client, round_, partner, carmen, topics, number, django_assert_num_queries
):
    for place in range(number):
        speaker(partner, f"Person{place}", may_sign=False)
        give(carmen, topics[:2], expires_on=timezone.localdate() + (place + 1) * DAY)
    client.get(at(carmen, "desk_profile"))
    with django_assert_num_queries(22):
        assert client.get(at(carmen, "desk_profile")).status_code == 200
    with django_assert_num_queries(12):
        assert client.get(at(carmen, "desk_policy")).status_code == 200


# In the back office


def enter(client, role):
    user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(user)
    return user


def test_staff_record_a_policy_with_who_said_so(client, partner, topics):
    enter(client, Role.ORGANIZER)
    address = reverse("organizations:policy", args=[partner.pk])
    assert "Enter who of the organization said so." in words(client.post(address, {"lead_days": "5"}))
    client.post(address, {"lead_days": "5", "never": [topics[0].pk], "who": "Ana Ruiz, by phone"})
    page = words(client.get(reverse("organizations:inspect", args=[partner.pk])))
    assert "Never signs on" in page
    assert "as Ana Ruiz, by phone told us" in page


def test_staff_revoke_an_authorization_at_the_partners_wish(client, partner, carmen, topics):
    authorization = give(carmen, topics)
    enter(client, Role.ORGANIZER)
    address = reverse("organizations:authorization", args=[partner.pk, authorization.pk])
    assert authorization.attestation in words(client.get(address)).replace("&#x27;", "'")
    client.post(address, {"who": ""})
    assert StandingAuthorization.objects.in_force().exists()
    client.post(address, {"who": "Ana Ruiz"})
    assert StandingAuthorization.objects.get().revoked_by == "Ana Ruiz"


@pytest.mark.parametrize("role", [Role.ANALYST, Role.EDITOR, Role.TRANSLATOR])
def test_what_names_people_and_what_changes_is_for_organizers(client, partner, carmen, joy, topics, role):
    authorization = give(carmen, topics)
    change = speaking.propose(joy, "remove", representative=joy)
    enter(client, role)
    page = words(client.get(reverse("organizations:inspect", args=[partner.pk]), follow=True))
    assert "Carmen" not in page
    assert client.get(reverse("organizations:authorization", args=[partner.pk, authorization.pk])).status_code == 302
    client.post(reverse("organizations:authorization", args=[partner.pk, authorization.pk]), {"who": "x"})
    client.post(reverse("organizations:policy", args=[partner.pk]), {"lead_days": "5", "who": "x"})
    client.post(reverse("organizations:role_change", args=[partner.pk, change.pk]), {"confirm": "1"})
    assert authorization.is_in_force
    assert not Policy.objects.exists()
    assert RoleChange.objects.get().state == "waiting"


def test_the_first_page_names_what_partners_ask(rf, client, partner, carmen, joy):
    user = enter(client, Role.ORGANIZER)
    speaking.propose(joy, "remove", representative=joy)
    luis = speaker(partner, "Luis")
    speaking.object_to(speaking.propose(carmen, "add", **{**ANA, "may_sign": True}), luis)
    request = rf.get("/")
    request.user = user
    panel = home.SpeakersPanel(request)
    assert panel.is_shown
    assert [(line["words"], line["note"].split(" ·")[0], line["tone"]) for line in panel.lines] == [
        ("Teachers United", "Joy asks for a change", "warn"),
        ("Teachers United", "Luis objects to a change", "bad"),
    ]


def test_the_list_finds_who_decided_something_once(client, partner, carmen, topics):
    enter(client, Role.ORGANIZER)
    silent = factories.OrganizationFactory(name="Silent Partners")
    policies.keep(partner, favours=[], never=[], lead_days=3)
    listed = reverse("organizations:index")
    page = words(client.get(listed, {"decides": "policy"}))
    assert ("Teachers United" in page, silent.name in page) == (True, False)
    assert "Teachers United" not in words(client.get(listed, {"decides": "authorization"}))
    give(carmen, topics)
    assert "Teachers United" in words(client.get(listed, {"decides": "authorization"}))


def test_an_organization_that_left_keeps_what_it_recorded(client, partner, carmen):
    organizations.move(partner, Organization.Stage.LEFT)
    assert client.get(at(carmen, "desk_profile")).status_code == 200

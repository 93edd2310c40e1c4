"""What columns hold: layouts of other systems, names in two languages, cells that speak for themselves."""

import pytest
from django.core.exceptions import ValidationError

from coalition import layouts
from coalition.models import CustomField

pytestmark = pytest.mark.django_db

NATIONBUILDER = (
    "nationbuilder_id,external_id,prefix,first_name,middle_name,last_name,suffix,email,email_opt_in,is_email1_bad,"
    "phone_number,mobile_number,is_mobile_bad,mobile_opt_in,do_not_call,do_not_contact,primary_address1,primary_city,"
    "primary_state,primary_zip,tag_list,support_level,language,created_at,unsubscribed_at"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,Address,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,REGION,"
    "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,LEID,EUID,NOTES,TAGS"
)
ACTION_NETWORK = (
    "uuid,first_name,last_name,email,Phone Number,can2_phone,can2_user_address,can2_user_city,can2_user_state,zip_code,"
    "County,can2_user_tags,can2_subscription_status,can2_sms_status"
)
CIVICRM = (
    "Contact ID,Contact Type,Do Not Email,Do Not Phone,Do Not Sms,No Bulk Emails (User Opt Out),External Identifier,"
    "Display Name,Preferred Language,First Name,Middle Name,Last Name,Street Address,City,State,Postal Code,Email,"
    "On Hold,Phone,Tag(s)"
)
EVERYACTION = (
    "VANID,LastName,FirstName,MidName,Suffix,mAddress,mCity,mState,mZip5,Preferred Phone,Cell Phone,PreferredEmail,"
    "EmailSubscriptionStatus,Do Not Call"
)
SPOKE = (
    "campaignId,campaign,assignmentId,texter[firstName],texter[cell],contact[firstName],contact[lastName],contact[cell],"
    "contact[zip],contact[city],contact[state],contact[optOut],contact[messageStatus],contact[external_id]"
)
ZOOM = (
    "Attended,User Name (Original Name),First Name,Last Name,Email,Phone,Registration Time,Approval Status,Join Time,"
    "Leave Time,Time in Session (minutes),Is Guest"
)
HELD = {
    NATIONBUILDER: (
        "nationbuilder",
        "external_id,,,given_name,middle_name,family_name,suffix,email,email_yes,email_bad,phone,mobile,mobile_bad,"
        "text_yes,no_calls,no_contact,street,city,state,zip,tags,,language,,left_at",
    ),
    MAILCHIMP: (
        "mailchimp",
        "email,given_name,family_name,whole_address,phone,,,,email_yes_at,state,left_at,,,,external_id,,tags",
    ),
    ACTION_NETWORK: (
        "action_network",
        "external_id,given_name,family_name,email,phone,mobile,street,city,state,zip,county,tags,email_status,text_status",
    ),
    CIVICRM: (
        "civicrm",
        "external_id,,email_no,no_calls,text_no,email_no,,,language,given_name,middle_name,family_name,street,city,state,"
        "zip,email,email_bad,phone,tags",
    ),
    EVERYACTION: (
        "everyaction",
        "external_id,family_name,given_name,middle_name,suffix,street,city,state,zip,phone,mobile,email,email_status,"
        "no_calls",
    ),
    SPOKE: ("spoke", ",,,,,given_name,family_name,mobile,zip,city,state,text_no,,external_id"),
    ZOOM: ("zoom", "attended,,given_name,family_name,email,phone,,,,,minutes,"),
}


@pytest.mark.parametrize("header", HELD, ids=[layout for layout, _held in HELD.values()])
def test_layouts_are_recognised_by_their_headers_and_mapped(header):
    layout, held = HELD[header]
    names = header.split(",")
    assert layouts.layout_of(names) == layout
    assert list(layouts.suggest(names).values()) == held.split(",")
    layouts.check_mapping(layouts.suggest(names))


def test_what_a_file_says_of_everybody_in_it():
    unsubscribed, without = (
        MAILCHIMP.split(","),
        [name for name in MAILCHIMP.split(",") if not name.startswith("UNSUB")],
    )
    cleaned = [*without, "CLEAN_TIME"]
    assert [layouts.everybody_of(header) for header in (unsubscribed, without, cleaned, ["email", "unsub_time"])] == [
        "left_email",
        "",
        "bounced",
        "",
    ]


def test_columns_are_suggested_in_both_languages():
    assert layouts.layout_of(["Email", "Name"]) == ""
    assert layouts.suggest(["Correo electrónico", "Apellidos", "Código postal", "Celular", "Condado", "Zapatos"]) == {
        "Correo electrónico": "email",
        "Apellidos": "family_name",
        "Código postal": "zip",
        "Celular": "mobile",
        "Condado": "county",
        "Zapatos": "",
    }
    assert layouts.suggest(["Email", "E-mail", "Email 2"]) == {"Email": "email", "E-mail": "", "Email 2": "email2"}


def test_columns_without_a_name_are_suggested_by_what_stands_in_them():
    cells = [["Ana Ruiz", "a@x.org", "(413) 555-0100", "01103", "MA", "9"], ["Ben", "b@x.org", "", "", "mn", "8"]]
    suggested = layouts.suggest([f"#{number}" for number in range(1, 7)], list(enumerate(cells, 1)))
    assert list(suggested.values()) == ["", "email", "phone", "zip", "state", ""]
    suggested = layouts.suggest(["Reach them", "Colour"], [(2, ["a@x.org", "b@x.org"])])
    assert suggested == {"Reach them": "email", "Colour": ""}


def test_a_field_of_our_own_can_be_filled_at_once_by_its_key_or_its_label_in_either_language():
    CustomField.objects.create(key="shoe_size", kind="number", label={"en": "Shoe size", "es": "Talla de zapato"})
    CustomField.objects.create(key="secret", kind="text", label={"en": "Secret", "es": "Secreto"}, sealed=True)
    for name in ("shoe_size", "Shoe Size", "talla de zapato"):
        assert layouts.suggest([name]) == {name: "custom:shoe_size"}
    assert layouts.suggest(["Secret", "secreto"]) == {"Secret": "", "secreto": ""}  # sealed: no file fills it
    assert layouts.fields()["custom:shoe_size"] == "Shoe size"
    assert layouts.choices()[-1][1] == [("custom:shoe_size", "Shoe size")]


def test_some_fields_may_stand_in_several_columns_and_others_not():
    layouts.check_mapping({"a": "email", "b": "email2", "c": "email2", "d": "no_calls", "e": "no_calls"})
    with pytest.raises(ValidationError) as refused:
        layouts.check_mapping({"a": "email", "b": "email"})
    assert refused.value.messages == ["Two columns cannot both hold “Email”: choose one of them."]
    with pytest.raises(ValidationError):
        layouts.check_mapping({"a": "name", "b": "city"})
    layouts.check_mapping({"a": "name", "b": "zip"})


def test_what_stands_above_a_webinars_report():
    above = [(1, ["Attendee Report"]), (2, ["Topic", "Webinar ID", "Actual Start Time", "Other"])]
    above += [(3, [" Vivienda digna,  ahora ", "847 0000", "12/03/2026 06:01:12 PM", "9"]), (4, ["Attendee Details"])]
    assert layouts.about("zoom", above) == {
        "topic": "Vivienda digna, ahora",
        "webinar": "847 0000",
        "started": "12/03/2026 06:01:12 PM",
    }
    assert layouts.about("", above) == layouts.about("zoom", above[:1]) == {}


@pytest.mark.parametrize(
    "name", ["Under 18", "Minor?", "under_age", "Menor de edad", "¿Es menor?", "Entre 13 y 17 años"]
)
def test_P2_a_column_of_who_is_under_age_is_recognised_in_both_languages(name):
    assert layouts.suggest(["Email", name])[name] == "is_minor"
    assert "is_minor" in [key for _group, choices in layouts.choices() for key, _label in choices]

"""Addresses of a partner's desk, below `desk/`."""

from django.urls import path

from coalition.views import desk, signing, ways_in
from coalition.views.partner import policy, profile, speakers

urlpatterns = [
    path("", ways_in.way_in, name="desk_way_in"),
    path("<str:token>/", desk.home, name="desk"),
    path("<str:token>/texts/<int:pk>/", desk.text, name="desk_text"),
    path("<str:token>/decisions/", desk.history, name="desk_history"),
    path("<str:token>/decisions/<int:pk>/certificate/", signing.desk_certificate, name="desk_certificate"),
    path("<str:token>/prove/", ways_in.prove, name="desk_prove"),
    path("<str:token>/device.svg", ways_in.device, name="desk_device"),
    path("<str:token>/new-link/", ways_in.renew, name="desk_renew"),
    path("<str:token>/close-links/", ways_in.make_useless, name="desk_make_useless"),
    path("<str:token>/organization/", profile.profile, name="desk_profile"),
    path("<str:token>/organization/edit/", profile.edit, name="desk_profile_edit"),
    path("<str:token>/organization/logo/", profile.logo, name="desk_logo"),
    path("<str:token>/organization/logo/end/", profile.end_logo, name="desk_logo_end"),
    path("<str:token>/organization/logo/picture.png", profile.logo_picture, name="desk_logo_picture"),
    path("<str:token>/organization/people/add/", speakers.add, name="desk_speaker_add"),
    path("<str:token>/organization/people/<int:pk>/", speakers.change, name="desk_speaker"),
    path("<str:token>/organization/people/<int:pk>/remove/", speakers.remove, name="desk_speaker_remove"),
    path("<str:token>/organization/people/<int:pk>/move/", speakers.move, name="desk_speaker_move"),
    path("<str:token>/organization/changes/<int:pk>/", speakers.role, name="desk_role"),
    path("<str:token>/how-we-decide/", policy.policy, name="desk_policy"),
    path("<str:token>/how-we-decide/edit/", policy.edit, name="desk_policy_edit"),
    path("<str:token>/authorizations/add/", policy.give, name="desk_authorization_give"),
    path("<str:token>/authorizations/<int:pk>/", policy.authorization, name="desk_authorization"),
    path("<str:token>/authorizations/<int:pk>/extend/", policy.extend, name="desk_authorization_extend"),
    path("<str:token>/authorizations/<int:pk>/revoke/", policy.revoke, name="desk_authorization_revoke"),
    path("<str:token>/signed/<int:pk>/", policy.signed, name="desk_standing"),
]

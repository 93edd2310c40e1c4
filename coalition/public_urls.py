"""Public addresses of the coalition itself, under the language prefix."""

from django.urls import include, path

from coalition.views import preferences, reviewing, signing, staying, talking

urlpatterns = [
    path("sign/<str:token>/", signing.sign, name="sign"),
    path("sign/<str:token>/device.svg", signing.device, name="sign_device"),
    path("sign/<str:token>/print/", signing.paper, name="sign_print"),
    path("sign/<str:token>/certificate/", signing.certificate, name="sign_certificate"),
    path("sign/<str:token>/recorded/", signing.recorded, name="sign_recorded"),
    path("sign/<str:token>/withdraw/", signing.withdraw, name="sign_withdraw"),
    path("sign/<str:token>/new-link/", signing.renew, name="sign_renew"),
    path("sign/<str:token>/questions/", talking.questions, name="sign_questions"),
    path("sign/<str:token>/propose/", talking.propose, name="sign_propose"),
    path("sign/<str:token>/colleagues/", talking.colleagues, name="sign_colleagues"),
    path("sign/<str:token>/colleagues/<int:review>/again/", talking.colleague_again, name="sign_colleague_again"),
    path("sign/<str:token>/colleagues/<int:review>/close/", talking.colleague_revoke, name="sign_colleague_revoke"),
    path("review/<str:token>/", reviewing.review, name="review"),
    path("desk/", include("coalition.desk_urls")),
    path("stay/<str:token>/", staying.stay, name="stay"),
    path("preferences/", preferences.link, name="preferences_link"),
    path("preferences/erased/", preferences.erased, name="preferences_erased"),
    path("preferences/new-address/<str:token>/", preferences.new_address, name="preferences_new_address"),
    path("preferences/<str:token>/", preferences.page, name="preferences"),
    path("preferences/<str:token>/personal/", preferences.personal_link, name="preferences_personal"),
    path("preferences/<str:token>/details/", preferences.details, name="preferences_details"),
    path("preferences/<str:token>/communities/", preferences.communities, name="preferences_communities"),
    path("preferences/<str:token>/address/", preferences.ask_new_address, name="preferences_address"),
    path("preferences/<str:token>/download/", preferences.download, name="preferences_download"),
    path("preferences/<str:token>/erase/", preferences.erase, name="preferences_erase"),
    path("preferences/<str:token>/stop/", preferences.stop, name="preferences_stop"),
]

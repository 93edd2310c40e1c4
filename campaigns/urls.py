"""Public addresses of campaigns, under the language prefix."""

app_name = "campaigns"
urlpatterns = []

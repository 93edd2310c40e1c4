"""What the coalition adds to Wagtail's admin: its look, its menu, its screens."""

from django.templatetags.static import static
from django.utils.html import format_html
from wagtail import hooks


@hooks.register("insert_global_admin_css")
def backoffice_look():
    return format_html('<link rel="stylesheet" href="{}">', static("coalition/backoffice.css"))

"""What the public templates ask of the site."""

from django import template

from cms import navigation

register = template.Library()


@register.simple_tag(takes_context=True)
def frame(context):
    """{% frame as frame %}: menu, language switch and addresses.

    A view may give `alternates` = {language: address}, or `published` = the same for a page that search engines find.
    """
    page = context.get("page")
    if not hasattr(page, "get_translations"):
        page = None
    return navigation.frame(context.get("request"), page, context.get("alternates"), context.get("published"))

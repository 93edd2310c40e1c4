"""What an organizer does to write a message in the back office."""

from django.urls import reverse


def write(visitor, say, contents, *, by, name, campaign, segment=""):
    """Begin a message and write it in both languages."""
    page = visitor.page
    visitor.go(reverse("messages:add"))
    page.locator(f"input[name=channel][value={by}]").check()
    page.locator("input[name=name]").fill(name)
    page.locator("select[name=campaign]").select_option(str(campaign.pk))
    if segment:
        page.locator("select[name=segment]").select_option(label=segment)
        visitor.check()
    page.get_by_role("button", name=say("Start writing")).click()
    page.wait_for_url("**/messages/edit/**")
    for language, content in contents.items():
        if by == "email":
            page.locator(f"input[name={language}-subject]").fill(content[0])
        page.locator(f"textarea[name={language}-body]").fill(content[1] if by == "email" else content)


def save_and_check(page):
    page.locator("button[name=check]").click()
    page.wait_for_url("**/check/")

"""What an organizer does to write a message in the back office."""

from django.urls import reverse

# The editor hands on what is typed a moment later: a form sent before that lacks it.
WRITTEN = "words => [...document.querySelectorAll('[data-contentpath] input')].some(one => one.value.includes(words))"


def write(visitor, say, contents, *, by, name, campaign, segment="", button=None):
    """Begin a message and write it in both languages; `button`: {language: (label, where it leads)}."""
    page = visitor.page
    visitor.go(reverse("messages:add"))
    page.locator(f"input[name=channel][value={by}]").check()
    page.locator("input[name=name]").fill(name)
    page.locator("select[name=campaign]").select_option(str(campaign.pk))
    page.get_by_role("button", name=say("Start writing")).click()
    page.wait_for_url("**/messages/edit/**")
    if segment:
        page.locator("input[name=included]").and_(page.get_by_label(segment)).check()
        visitor.check()
    fill_in(page, contents, by=by)
    if button:
        page.locator(".c-sf-add-button").last.click()
        page.locator(".w-combobox__option").nth(2).click()  # a button
        page.wait_for_function("document.activeElement.closest('.msg-block--button')")
        for language, values in button.items():
            for field, value in zip(("label", "url"), values, strict=True):
                page.locator(f"[data-contentpath={field}_{language}] input").fill(value)


def fill_in(page, contents, *, by="email"):
    """The words of a message that is open in the editor, in the languages of `contents`."""
    if by == "email":
        page.locator(".c-sf-add-button").first.click()
        page.locator(".w-combobox__option").nth(1).click()  # a text
        page.wait_for_function("document.activeElement.isContentEditable")  # it takes the keyboard, a moment later
    for language, content in contents.items():
        if by == "email":
            page.locator(f"input[name={language}-subject]").fill(content[0])
            letter = page.locator(f"[data-contentpath=html_{language}] [contenteditable=true]")
            letter.click()
            for number, paragraph in enumerate(content[1].split("\n\n")):
                if number:
                    page.keyboard.press("Enter")
                page.keyboard.insert_text(paragraph)
                page.wait_for_function(WRITTEN, arg=paragraph)
        else:
            page.locator(f"textarea[name={language}-body]").fill(content)


def save_and_check(page):
    page.locator("button[name=check]").click()
    page.wait_for_url("**/check/")

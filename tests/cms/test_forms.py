"""The manner of every form: label above, hint, error in words beside the field and on top, linked; values kept."""

import re

from django import forms
from django.template.loader import render_to_string


class Sample(forms.Form):
    name = forms.CharField(label="Your name")
    zip = forms.RegexField(r"^\d{5}$", label="ZIP code", help_text="Five digits.", required=False)
    way = forms.ChoiceField(label="How?", choices=[("email", "Email"), ("text", "Text")], widget=forms.RadioSelect)
    updates = forms.BooleanField(label="Send me updates", required=False)
    secret = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self):
        raise forms.ValidationError("Everything is closed today.")


def render(data=None, **context):
    return render_to_string("parts/form.html", {"form": Sample(data), "button": "Register", **context})


def test_an_empty_form_has_labels_hints_and_no_alarm():
    html = render()
    assert re.findall(r'<label for="id_(\w+)">([^<]+?)\s*<', html)[:2] == [("name", "Your name"), ("zip", "ZIP code")]
    assert "(optional)" in re.search(r'<label for="id_zip">.*?</label>', html).group()
    assert 'aria-describedby="id_zip_helptext"' in html
    assert '<div class="hint" id="id_zip_helptext">Five digits.</div>' in html
    assert "<legend>How?</legend>" in html
    assert "role=" not in html
    assert "aria-invalid" not in html
    assert "checked" not in html
    assert '<button class="btn">Register</button>' in html


def test_a_form_that_comes_back_says_what_to_do_twice_and_keeps_the_values():
    html = render({"name": "Marisol", "zip": "0213"})
    summary = re.search(r'<div class="errors" role="alert".*?</div>', html, re.S).group()
    assert "<h2>3 things to fix</h2>" in summary
    assert re.findall(r"<li>(?:<a href=\"(#\w+)\">)?([^<]+)", summary) == [
        ("", "Everything is closed today."),
        ("#id_zip", "ZIP code: Enter a valid value."),
        ("#id_way_0", "How?: This field is required."),
    ]
    assert 'id="id_way_0"' in html
    zip_field = re.search(r'<input type="text" name="zip".*?>', html).group()
    assert 'value="0213"' in zip_field
    assert 'aria-invalid="true"' in zip_field
    assert 'aria-describedby="id_zip_helptext id_zip_error"' in zip_field
    assert '<ul class="errorlist" id="id_zip_error"><li>Enter a valid value.</li></ul>' in html
    assert 'value="Marisol"' in html

"""A letter on the wire says exactly what it says when Django writes it, for any name."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalition.channels.letters import FormLetter, Gaps, gap, plain
from coalition.channels.mime import WireLetter, header_text, quoted

NAME = gap("name")
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ue000\ue001"), max_size=90)


def letter(subject=f"Hola, {NAME}", text=f"Hola, {NAME}:\n\n.\nAdiós\n", html=f"<p>Hola, {NAME} <b>ñ</b></p>\n"):
    headers = {
        "List-ID": Gaps("<a.example.org>"),
        "List-Unsubscribe": Gaps(f"<https://r.example.org/u/{gap('token')}/>"),
    }
    return FormLetter(subject=Gaps(subject), text=Gaps(text), html=Gaps(html), headers=headers)


def wire(made, **values):
    raw = WireLetter(made).fill("ana@example.org", "<delivery-1.x@r.example.org>", values)
    assert raw.endswith(b"\r\n")
    assert not any(line.startswith(b".") for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    return message_from_bytes(raw, policy=policy.default)


def said(message):
    text, html = message.iter_parts()
    return message["Subject"], text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "name", ["Ana", "José Ñ", "", "=3D", ".", "a=", "x" * 200, "ñ" * 100, "😀 é", '<b> & "', "=?utf-8?b?eA==?="]
)
def test_a_filled_letter_reads_as_it_was_written(name):
    made = letter()
    subject, text, html, headers = made.fill({"name": name, "token": "t"})
    message = wire(made, name=name, token="t")
    assert said(message) == (subject, text, html)
    assert message["List-Unsubscribe"] == headers["List-Unsubscribe"]
    frame = [message[name] for name in ("From", "To", "List-ID")]
    assert frame == [
        "Riverbend Education Coalition <hello@riverbend.example.org>",
        "ana@example.org",
        "<a.example.org>",
    ]
    assert message["Message-ID"] == "<delivery-1.x@r.example.org>"
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@given(WORDS, WORDS, WORDS)
def test_any_words_survive_the_wire(subject, text, name):
    made = letter(subject=plain(subject), text=f"{text}{NAME}{text}\n{NAME}", html=f"<p>{NAME}</p>")
    values = {"name": plain(name), "token": "t"}
    message = wire(made, **values)
    _subject, body, html = said(message)
    assert (body.rstrip("\n"), html.rstrip("\n")) == (made.fill(values)[1].rstrip("\n"), made.fill(values)[2])


@given(WORDS)
def test_any_subject_survives_the_wire(words):
    raw = b"Subject: " + header_text(plain(words)) + b"\r\n\r\n"
    assert " ".join(message_from_bytes(raw, policy=policy.default)["Subject"].split()) == plain(words)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_line_of_a_body_never_begins_with_a_dot():
    assert quoted(".\n..\na.\n") == b"=2E\r\n=2E.\r\na.\r\n"

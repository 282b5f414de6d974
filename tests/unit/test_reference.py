"""References to pictures, read from what somebody wrote."""

import base64
import json
from pathlib import Path

import pytest

from config.reference import DataUrl, LocalFile, Reference, Remote, parse_reference, parse_references

PICTURE = b"\x89PNG a picture, long enough to be seen in a message if it were to stand there"
ENCODED = base64.b64encode(PICTURE).decode()
URL = "https://pictures.test/cat.png"


@pytest.mark.parametrize(
    "head",
    [
        *("data:image/png;base64,", "data:image/svg+xml;base64,", "DATA:Image/PNG;BASE64,", "data:;base64,"),
        *("data:image/png;name=cat.png;base64,", "data:image/png; charset=utf-8; base64,", "data:;name=cat;base64,"),
    ],
)
@pytest.mark.parametrize("files", [True, False])
def test_data_url_is_the_picture(head: str, *, files: bool) -> None:
    """Of any type of picture, or of none that is told, and with any parameters."""
    assert parse_reference(head + ENCODED, files=files) == DataUrl(PICTURE)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        *("HTTPS://Pictures.Test/cat.png", "https://pictures.test", "https://pictures.test:8443/a/b?size=1&key=x#part"),
        *("https://192.0.2.1/", "https://[2001:db8::1]:443/", "https://bücher.test/katze.png", f"{URL}?to=me@test"),
        *("https://pictures.test/@cat", URL + "x" * (2048 - len(URL))),
    ],
)
@pytest.mark.parametrize("files", [True, False])
def test_https_address_is_kept_as_it_is(url: str, *, files: bool) -> None:
    """Whether its host may be asked is for others to say."""
    assert parse_reference(url, files=files) == Remote(url)


@pytest.mark.parametrize(
    "path", ["/srv/cat.png", "cat.png", "./a b/cat.png", "../cat", "C:\\cat.png", "at 3:04.png", "data", "猫\u202f.png"]
)
def test_anything_else_is_a_file_where_files_are_allowed(path: str) -> None:
    """Absolute or not; it need not exist yet."""
    assert parse_reference(path, files=True) == LocalFile(Path(path))
    with pytest.raises(ValueError, match=r"which is not allowed here: give an https or data URL$"):
        parse_reference(path, files=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"data:image/png,{ENCODED}",
            "found 'data:image/png...', which is not in base64; allowed: data:image/...;base",
        ),
        (f"data:,{ENCODED}", "found 'data:...', which is not in base64"),
        (f"data:image/png;base64{ENCODED}", "found 'data:image/png...', which is not in base64"),
        (f"data:image/png;base64;name=cat,{ENCODED}", "found 'data:image/png...', which is not in base64"),
        (f"data:text/html;base64,{ENCODED}", "found 'data:text/html...', which is no picture by its type"),
        (f"data:imagery;base64,{ENCODED}", "found 'data:imagery...', which is no picture by its type"),
        ("data:image/png;base64,", "found 'data:image/png...', which is empty"),
        ("data:image/png;base64,AAA%3D", "found 'data:image/png...', which has percent signs where only base64 may"),
        ("data:image/png;base64,AAA", "which has 3 characters of broken base64 (Incorrect padding)"),
        ("data:image/png;base64,AAAAA", "which has 5 characters of broken base64"),
        ("data:image/png;base64,AAA=AAAA", "which has 8 characters of broken base64"),
        ("data:image/png;base64,AA_-", "which has 4 characters of broken base64 (Only base64 data is allowed)"),
        ("data:image/png;base64,AA AA", "which has 5 characters of broken base64"),
        ("data:image/png;base64,AAAA\n", "which has 5 characters of broken base64"),
        ("data:image/png;base64,ÄÄÄÄ", "which has 4 characters of broken base64"),
        ("data:image/png;base64,====", "which has 4 characters of broken base64"),
        (f"data:{'x' * 100};base64,{ENCODED}", f"found 'data:{'x' * 52}...', which is no picture by its type"),
        ("http://pictures.test/cat", "found 'http://pictures.test', which is not encrypted: only https is allowed"),
        ("https://", "found 'https://', which has no host; allowed: https://host/..."),
        ("https:///cat.png", "found 'https:///cat.png', which has no host"),
        ("https:cat.png", "found 'https:cat.png', which has no host"),
        ("https://:443/", "found 'https://:443', which has no host"),
        ("https://[::1/", "found 'https://[::1', which has no valid host or port"),
        ("https://pictures.test:x/", "found 'https://pictures.test:x', which has no valid host or port"),
        (
            "https://pictures.test:65536/",
            "which has no valid host or port; allowed: https://host/..., a port from 1 to",
        ),
        ("https://pictures.test:0/", "which has port 0; allowed: 1 to 65535"),
        ("https://me@pictures.test/", "found 'https://...', which has a user or password, and neither is allowed"),
        (
            "https://pictures.test/a cat.png",
            "found 'https://pictures.test', which has white space or control characters",
        ),
        (f"{URL}\n", "found 'https://pictures.test', which has white space or control characters"),
        ("https://pictures.test/\x00", "which has white space or control characters"),
        ("https://pictures.test/\u202ecat", "which has white space or control characters"),
        (URL + "x" * (2049 - len(URL)), "found 'https://pictures.test', which has 2,049 characters, at most 2,048"),
    ],
)
@pytest.mark.parametrize("files", [True, False])
def test_refusal_says_what_was_found_and_what_is_allowed(text: str, message: str, *, files: bool) -> None:
    """Whether or not files are allowed."""
    with pytest.raises(ValueError, match=r"^found ") as caught:
        parse_reference(text, files=files)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found '', which names no file: allowed are an https or data URL and a path"),
        (" \n", "found '', which names no file"),
        ("cat\0.png", "found 'cat\\x00.png', which names no file"),
        ("cat\ud800.png", "found 'cat\\ud800.png', which names no file"),
        ("file:///srv/cat.png", "found 'file:///srv', which is a URL: give the file's path instead"),
        ("file:cat.png", "found 'file:cat.png', which is a URL: give the file's path instead"),
        (
            "ftp://pictures.test/cat",
            "found 'ftp://pictures.test', which is a URL of another kind: allowed are an https",
        ),
        ("S3://bucket/cat.png", "found 'S3://bucket', which is a URL of another kind"),
    ],
)
def test_what_names_no_file_is_refused(text: str, message: str) -> None:
    """With other words where files are not allowed at all."""
    with pytest.raises(ValueError, match=r"^found ") as caught:
        parse_reference(text, files=True)
    assert str(caught.value).startswith(message)
    with pytest.raises(ValueError, match=r"which is not allowed here: give an https or data URL$"):
        parse_reference(text, files=False)


@pytest.mark.parametrize(
    "text",
    [
        *("https://me:hush@pictures.test:x/", "https://me:hush@pictures.test/", "http://me:hush@pictures.test/"),
        *("https://me:hu/hush@pictures.test:x/", "http://hush?hush@pictures.test/", "https://hush\\@pictures.test/"),
        *("https://pictures.test:x/?key=hush", "https://pictures.test:0#hush", "http://pictures.test?key=hush"),
        *("ftp://me:hush@pictures.test/", "s3://key:hush@bucket/cat.png", "https://a b/hush", "ftp:me:hush@pictures"),
        *(" https://me:hush@pictures.test/", "data:image/png,hush", " data:image/png;base64,hush", "data:a/b,;hush"),
    ],
)
def test_secret_never_prints(text: str) -> None:
    """Neither password nor path nor query nor picture."""
    with pytest.raises(ValueError, match=r"^found ") as caught:
        parse_reference(text, files=False)
    assert "hush" not in str(caught.value)


def test_message_is_short_and_in_one_line() -> None:
    """However much was given."""
    with pytest.raises(ValueError, match=r"^found ") as caught:
        parse_reference("a\n" * 100_000, files=False)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reference", [DataUrl(PICTURE), Remote(f"{URL}?key=hush")])
def test_reference_does_not_print_what_it_holds(reference: Reference) -> None:
    """It may come into a log."""
    assert repr(reference) in {"DataUrl()", "Remote()"}


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("", ()),
        (" \n ", ()),
        ("cat.png", ("cat.png",)),
        (f"  cat.png\t{URL}\n data:image/png;base64,AAAA ", ("cat.png", URL, "data:image/png;base64,AAAA")),
        ("cat.png cat.png", ("cat.png", "cat.png")),
        ("[]", ()),
        (f' ["a cat.png", "{URL}"] ', ("a cat.png", URL)),
        (json.dumps(["猫.png", " cat.png"]), ("猫.png", " cat.png")),
    ],
)
def test_variable_holds_words_or_a_list(text: str, references: tuple[str, ...]) -> None:
    """In the order in which they stand, and unread."""
    assert parse_references(text) == references


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["cat.png"', "found broken JSON; allowed: a JSON list of strings, or words between spaces"),
        ("['cat.png']", "found broken JSON"),
        ("[" * 100_000, "found broken JSON"),
        ('"a cat.png" cat.png', "found broken JSON"),
        ('"a cat.png"', "found a JSON str; allowed: a JSON list of strings"),
        ('{"cat": "cat.png"}', "found a JSON dict; allowed: a JSON list of strings"),
        ('["cat.png", 5]', "found a JSON int as number 2 of the list"),
        ('["cat.png", null]', "found a JSON NoneType as number 2 of the list"),
        ('[["cat.png"]]', "found a JSON list as number 1 of the list"),
        ('[" "]', "found an empty string as number 1 of the list"),
    ],
)
def test_other_values_are_refused(text: str, message: str) -> None:
    """Without a word of what they hold."""
    with pytest.raises(ValueError, match=r"^found ") as caught:
        parse_references(text)
    assert str(caught.value).startswith(message)
    assert "cat.png" not in str(caught.value)

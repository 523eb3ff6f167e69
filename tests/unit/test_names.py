from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.names import MAX_BYTES, check_name, hint, nearest, same_name, shown_name


@pytest.mark.parametrize(
    "name",
    ["host-build", "host-build.vam", "_a", "1st", "a" * 100, "호스트-빌드", "été", "संकलन", "名前"],
)
def test_letters_of_any_script_make_a_name(name: str) -> None:
    """Names are letters, digits and marks of any script, with `-`, `_` and `.`."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is empty"),
        ("../etc", "begins with '.'"),
        ("-rf", "begins with '-'"),
        ("a/b", "has '/'"),
        ("a b", "has a space"),
        ("$(x)", "has '$', '(', ')'"),
        ("a\nb", "has U+000A"),
        ("a\u202eb", "has U+202E"),
        ("\u0301a", "begins with a mark"),
        ("a" * 101, "has 101 characters"),
        ("빌" * 67, "has 201 bytes"),
    ],
)
def test_what_a_shell_or_file_system_would_misread_is_no_name(name: str, said: str) -> None:
    """A name that is refused says why."""
    with pytest.raises(ValueError, match="the name") as error:
        check_name(name)
    assert said in str(error.value)


def test_a_pipeline_name_may_have_words() -> None:
    """Single spaces join words where a name becomes no file."""
    assert check_name("야간 빌드", spaces=True) == "야간 빌드"
    for name in (" a", "a ", "a  b"):
        with pytest.raises(ValueError, match="space"):
            check_name(name, spaces=True)


@given(st.text(max_size=120))
def test_an_accepted_name_is_a_safe_file_name(text: str) -> None:
    """Whatever is accepted is normal, short enough for a file system, and stays in its folder."""
    try:
        name = check_name(text)
    except ValueError:
        return
    assert name == unicodedata.normalize("NFC", text)
    assert len(name.encode()) <= MAX_BYTES
    assert not set(name) & set("/\\\0 \n$`'\"*?~")
    assert name[0] not in ".-"


def test_case_and_composition_do_not_tell_names_apart() -> None:
    """Two names that one file system takes for the same are the same."""
    assert same_name("Host") == same_name("hOST")
    assert same_name("e\u0301") == same_name("\u00c9")
    assert same_name("a") != same_name("b")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("host_build", "host-build"), ("hostbuild", "host-build"), ("IMAGE", "image"), ("xyz", None)],
)
def test_the_nearest_name_is_found(name: str, expected: str | None) -> None:
    """A slip finds the name that was meant; what resembles nothing finds nothing."""
    assert nearest(name, ["image", "host-build"]) == expected


def test_a_long_text_is_compared_with_nothing() -> None:
    """Looking for the nearest name takes no time for what is no name."""
    assert nearest("a" * 100_000, ["a"]) is None


def test_a_hint_names_the_nearest_or_the_known() -> None:
    """An unknown name is answered with what is there."""
    assert hint("imgae", ["image"]) == "; did you mean 'image'?"
    assert hint("x", ["image", "test"]) == "; known: image, test"
    assert hint("x", []) == ""
    assert hint("~", [f"n{number}" for number in range(20)]).endswith(", …")


def test_a_function_is_shown_as_people_write_names() -> None:
    """`yocto_image` is the stage `yocto-image`."""
    assert shown_name("yocto_image") == "yocto-image"
    assert shown_name("_private") == "private"

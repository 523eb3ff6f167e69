"""The tree: places, written text, and what is refused before anything is understood."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from buildorch.errors import DefinitionError
from buildorch.yaml.nodes import ListNode, MappingNode, Node, ScalarNode
from buildorch.yaml.source import MAX_BYTES, as_source, read_source
from buildorch.yaml.tree import MAX_DEPTH, MAX_NODES, parse_tree


def tree(text: str | bytes) -> Node:
    return parse_tree(as_source(text, "a.yaml"))


def refusal(text: str | bytes) -> str:
    with pytest.raises(DefinitionError) as caught:
        tree(text)
    return str(caught.value)


def mapping(text: str | bytes) -> MappingNode:
    node = tree(text)
    assert isinstance(node, MappingNode)
    return node


def values(node: Node | None) -> dict[str, str]:
    assert isinstance(node, MappingNode)
    pairs = ((entry.key.text, entry.value) for entry in node.entries + node.merged)
    return {key: value.text for key, value in pairs if isinstance(value, ScalarNode)}


@pytest.mark.parametrize(
    "written",
    ["1.10", "0644", "010", "no", "on", "1234567e8", "12:30:45", "0x1F", "~", "2024-01-01", ".5"],
)
def test_plain_scalars_stay_as_written(written: str) -> None:
    """No scalar is retyped: its text is what stands in the file."""
    assert values(tree(f"a: {written}")) == {"a": written}


def test_a_node_knows_its_line_and_column() -> None:
    """Lines and columns count from 1, also for keys and items of lists."""
    entry = mapping("# a comment\nstages:\n  - one\n").entries[0]
    assert (entry.key.line, entry.key.column) == (2, 1)
    assert isinstance(entry.value, ListNode)
    assert [(item.line, item.column) for item in entry.value.items] == [(3, 5)]


def test_blocks_keep_or_fold_their_lines() -> None:
    """`|` keeps line ends, `>-` and plain text fold them."""
    text = "a: |\n  x\n  \ty\nb: >-\n  x\n  y\nc:\n  x\n  y\n"
    assert values(tree(text)) == {"a": "x\n\ty\n", "b": "x y", "c": "x y"}


@pytest.mark.parametrize(
    ("text", "null"), [("a: ~", True), ("a:", True), ("a: 'null'", False), ("a: ''", False)]
)
def test_only_plain_scalars_are_null(text: str, *, null: bool) -> None:
    """A quoted null is text."""
    value = mapping(text).entries[0].value
    assert isinstance(value, ScalarNode)
    assert value.is_null is null


def test_an_empty_file_is_a_null() -> None:
    """Nothing, or only comments, is one null scalar."""
    for text in ("", "\n# nothing\n", "---\n"):
        node = tree(text)
        assert isinstance(node, ScalarNode)
        assert node.is_null


def test_bytes_are_utf8_with_or_without_mark_and_with_any_line_end() -> None:
    """A byte order mark and the line ends of Windows and old Macs change nothing."""
    plain = "이름: 야간\nb: 2\n"
    for ends in ("\n", "\r\n", "\r"):
        text = plain.replace("\n", ends)
        for data in (text, text.encode(), text.encode("utf-8-sig"), "\ufeff" + text):
            assert values(tree(data)) == {"이름": "야간", "b": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n\t- b: 2\n", "a.yaml:2:1: a tab where YAML takes spaces"),
        ("a: 1\nb:\n  \tc: 2\n", "a.yaml:3:3: a tab"),
        ("a:\tb\n", "a.yaml:1:3: a tab"),
        ("a: b: c", "a.yaml:1:5: a `: ` inside a value"),
        ("a: 'x\nb: 1\n", "a quote is never closed"),
        ("a: [1, 2\nb: 1\n", "a.yaml:2:2: a list or mapping in brackets is not closed"),
        ("- a\nb: c", "a.yaml:2:1: the indentation does not fit"),
        ("a: @b", "a.yaml:1:4: a value cannot begin with '@'; put it in quotes"),
        ('a: "\\q"', "a.yaml:1:6: \\q is no escape"),
        ('a: "\\UFFFFFFFF"', "a.yaml:1:1: YAML that the parser cannot read"),
        ("%YAML 1.1\n---\na: yes", "a.yaml:1:1: lines that begin with %"),
        ("# x\n%FOO bar\n---\na: 1", "a.yaml:2:1: lines that begin with %"),
        ("a: 1\nb: !!str 2", "a.yaml:2:4: tags are not taken"),
        ("a: !python/object:os.system x", "a.yaml:1:4: tags are not taken"),
        ("a: !\n", "a.yaml:1:4: tags are not taken"),
        ("a: !e!x 1", "a.yaml:1:4: tags are not taken"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: a second document begins here"),
        ("a: 1\nb: *x", "a.yaml:2:4: *x stands for nothing"),
        ("a: &x [1, *x]", "a.yaml:1:11: *x is part of the value"),
        ("? [a, b]\n: 1", "a.yaml:1:3: a list or mapping cannot be a key"),
        ("a: {<<: 1}", "a.yaml:1:9: << takes a mapping"),
        ("a: &x 1\nb: {<<: [*x]}", "a.yaml:2:9: << takes a mapping"),
        ('a: "x\\0y"', "a.yaml:1:4: an escape in the quotes stands for no character"),
        ('a: "\\ud800"', "a.yaml:1:4: an escape in the quotes stands for no character"),
        ("a: 1\nb: \x07", "a.yaml:2:4: a character that cannot be seen (U+0007)"),
        ("a: x\u2028y", "a.yaml:1:5: a character that cannot be seen (U+2028)"),
        ("a: 1\nb: \ud800", "a.yaml:2:4: a character that cannot be seen (U+D800)"),
        ("이름: 1\nb: 한".encode("cp949"), "a.yaml:1:1: byte 0xc0 is no UTF-8"),
        (b"a: 1\nb: x" + b"\xff", "a.yaml:2:5: byte 0xff is no UTF-8"),
        ("a: 1".encode("utf-16"), "a.yaml:1:1: byte 0xff is no UTF-8"),
        (b"a" * (MAX_BYTES + 1), "a.yaml:1:1: longer than 1 MiB"),
    ],
)
def test_what_is_no_clean_yaml_is_refused_with_its_place(text: str | bytes, said: str) -> None:
    """Each slip gives one message with file, line, column and what to do."""
    assert said in refusal(text)


def test_nesting_has_a_limit() -> None:
    """As deep as the limit is read, one deeper is refused, thousands take no time."""
    tree("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "nested too deep" in refusal("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    before = time.monotonic()
    for text in ("[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 100_000):
        assert "nested too deep" in refusal(text)
    assert time.monotonic() - before < 5


def test_aliases_cannot_build_what_nesting_cannot() -> None:
    """Depth is counted through aliases."""
    lines = ["a0: &a0 [1]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH)]
    assert "nested too deep: *a" in refusal("\n".join(lines))


def test_an_alias_stands_for_its_value_and_keeps_its_place() -> None:
    """The value of an alias is the anchored one, with the place where it is written."""
    node = mapping("a: &x\n  - 1\nb: *x\nc: &y k\n*y : 2\n")
    assert node.get("b") is node.get("a")
    assert values(node) == {"c": "k", "k": "2"}


def test_an_alias_bomb_is_refused_at_once() -> None:
    """A file of ten lines that stands for a billion values is refused within a second."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    before = time.monotonic()
    said = refusal("\n".join(lines))
    assert "more than 50000 values, each alias counted in full" in said
    assert time.monotonic() - before < 1


def test_a_merge_bomb_is_refused_at_once() -> None:
    """Merges of merges are bounded like aliases."""
    lines = ["a0: &a0 {k: v}"]
    for n in range(1, 20):
        keys = ", ".join(f"k{n}x{m}: v" for m in range(100))
        merged = ", ".join([f"*a{n - 1}"] * 10)
        lines.append(f"a{n}: &a{n} {{{keys}, <<: [{merged}]}}")
    before = time.monotonic()
    assert f"more than {MAX_NODES} values" in refusal("\n".join(lines))
    assert time.monotonic() - before < 5


def test_merged_keys_fill_in_what_is_not_written() -> None:
    """A written key wins over a merged one, and the first merged mapping over the next."""
    text = (
        "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
        "c: {x: 3, <<: [*a, *b]}\nd: &d {<<: *b, w: 4}\ne: {<<: *d}\n"
    )
    node = mapping(text)
    assert values(node.get("c")) == {"x": "3", "y": "1", "z": "2"}
    assert values(node.get("e")) == {"w": "4", "y": "2", "z": "2"}


def test_quoted_merge_signs_are_ordinary_keys() -> None:
    """Only a plain `<<` merges."""
    assert values(tree("'<<': 1")) == {"<<": "1"}


def test_a_file_that_cannot_be_read_is_a_problem_of_that_file(tmp_path: Path) -> None:
    """A missing file and a folder give a message that names the path."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(DefinitionError, match=f"^{path}: cannot be read: "):
            read_source(path)

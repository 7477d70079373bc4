use proptest::prelude::*;
use serde_json::json;

use super::*;

fn root(text: &str) -> Node {
    parse(text).unwrap().root.unwrap()
}

#[test]
fn places_of_keys_and_values() {
    let node = root("name: demo\ndescription: \"a b\"\nlist:\n  - één x\n  - two\n");
    let (key, value) = node.get_pair("description").unwrap();
    assert_eq!((key.span.line, key.span.column, key.span.end_column), (2, 1, 12));
    assert_eq!((value.span.line, value.span.column, value.span.end_column), (2, 14, 19));
    let items = node.get("list").unwrap().as_sequence().unwrap();
    // Columns count characters, offsets count bytes.
    assert_eq!((items[0].span.line, items[0].span.column, items[0].span.end_column), (4, 5, 10));
    assert_eq!(items[0].span.end - items[0].span.start, "één x".len());
    let list = node.get("list").unwrap().span;
    assert_eq!((list.line, list.end_line, list.end_column), (4, 5, 8));
}

#[test]
fn places_are_those_of_the_file() {
    let file = "---\na: 1\nb: [x,\n y]\n---\n";
    let document = parse_at(&file[4..20], Start { line: 2, offset: 4 }).unwrap();
    let node = document.root.unwrap();
    let b = node.get("b").unwrap();
    assert_eq!(&file[b.span.start..b.span.end], "[x,\n y]");
    assert_eq!((b.span.line, b.span.column, b.span.end_line, b.span.end_column), (3, 4, 4, 4));
    assert!(b.flow);
}

#[test]
fn block_scalars_end_at_their_last_character() {
    let text = "a: |\n  one\n  two\n\n# note\nb: >-\n  x\n  y\n";
    let node = root(text);
    let a = node.get("a").unwrap();
    assert_eq!(a.text(), Some("one\ntwo\n"));
    assert_eq!((a.span.end_line, a.span.end_column), (3, 6));
    assert_eq!(node.get("b").unwrap().as_str(), Some("x y"));
}

#[test]
fn types_follow_the_core_schema() {
    let text = "[1, -2, +3, 0x1F, 0o17, 1.5, .5, 1e3, true, False, null, ~, no, 2020-01-01, '1', .inf, 1_0, !!str 7, 18446744073709551615, e3, '']";
    assert_eq!(
        root(text).to_json(),
        json!([
            1,
            -2,
            3,
            31,
            15,
            1.5,
            0.5,
            1000.0,
            true,
            false,
            null,
            null,
            "no",
            "2020-01-01",
            "1",
            ".inf",
            "1_0",
            "7",
            18_446_744_073_709_551_615_u64,
            "e3",
            ""
        ])
    );
    let absent = root("a:\nb: ~");
    assert_eq!((absent.get("a").unwrap().kind(), absent.get("a").unwrap().text()), ("nothing", Some("")));
    assert_eq!(absent.get("b").unwrap().text(), Some("~"));
}

#[test]
fn duplicate_keys_stay_with_both_places() {
    let node = root("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n");
    assert_eq!(node.duplicates().len(), 1);
    let all = node.all_duplicates();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].0.span.line, all[0].1.span.line), (1, 5));
    assert_eq!((all[1].0.span.line, all[1].1.span.line), (3, 4));
    assert_eq!(node.get("a").unwrap().to_json(), json!(2));
}

#[test]
fn errors_say_where_and_what() {
    let kinds = [
        ("description: Use when: x", YamlErrorKind::UnquotedColon, (1, 22)),
        ("a:\n\tb: 1", YamlErrorKind::Tab, (2, 2)),
        ("a: *x", YamlErrorKind::Alias, (1, 4)),
        ("a: &x 1\nb: *x", YamlErrorKind::Alias, (2, 4)),
        ("a: \"open\nb: 1", YamlErrorKind::UnclosedQuote, (1, 4)),
        ("a: 1\n---\nb: 2", YamlErrorKind::Syntax, (2, 1)),
    ];
    for (text, kind, place) in kinds {
        let error = parse(text).unwrap_err();
        assert_eq!((error.kind, error.line, error.column), (kind, place.0, place.1), "{text}: {error}");
        assert!(!error.help.is_empty());
    }
}

#[test]
fn hostile_text_is_bounded() {
    let deep = "[".repeat(20_000);
    assert_eq!(parse(&deep).unwrap_err().kind, YamlErrorKind::TooLarge);
    let deep = (0..2_000).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n");
    assert!(matches!(parse(&deep).unwrap_err().kind, YamlErrorKind::TooLarge));
    assert_eq!(parse(&"- 1\n".repeat(MAX_NODES + 1)).unwrap_err().kind, YamlErrorKind::TooLarge);
    assert_eq!(parse(&"a".repeat(MAX_BYTES + 1)).unwrap_err().kind, YamlErrorKind::TooLarge);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    assert_eq!(parse(bomb).unwrap_err().kind, YamlErrorKind::Alias);
}

#[test]
fn nothing_and_comments() {
    assert!(parse("").unwrap().root.is_none());
    let document = parse("# one\n\nkey: value # two\n").unwrap();
    let texts: Vec<_> = document.comments.iter().map(|c| (c.text.as_str(), c.span.line)).collect();
    assert_eq!(texts, [(" one", 1), (" two", 3)]);
}

#[test]
fn carriage_returns_count_as_lines() {
    for text in ["a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r"] {
        assert_eq!(root(text).get("b").unwrap().span.line, 2, "{text:?}");
    }
}

fn by_pyyaml(text: &str) -> Result<Json, YamlError> {
    pyyaml::value(&pyyaml::parse_at(text, Start::default())?.root.unwrap())
}

/// Each answer is that of PyYAML 6.0; `tests/pyyaml` asks it itself.
#[test]
fn types_and_merges_of_pyyaml() {
    let types = "[yes, No, on, y, 0777, 0o17, 0x1F, 0b101, 1_000, 1:30, 1e3, 1.5e+3, .5, -.5, .inf, 08, 2024-01-01, ~, ! 7]";
    let read = json!([
        true,
        false,
        true,
        "y",
        511,
        "0o17",
        31,
        5,
        1000,
        90,
        "1e3",
        1500.0,
        0.5,
        "-.5",
        ".inf",
        "08",
        "2024-01-01",
        null,
        7
    ]);
    assert_eq!(by_pyyaml(types).unwrap(), read);
    let merged = "base: &b {x: 1, y: 2}\nmore:\n  <<: [*b, {y: 3, z: 4}]\n  x: 5\nagain: *b\n";
    let read = json!({
        "base": {"x": 1, "y": 2}, "more": {"y": 2, "z": 4, "x": 5}, "again": {"x": 1, "y": 2}
    });
    assert_eq!(by_pyyaml(merged).unwrap(), read);
    let breaks = "a: \"x\u{2028} y \u{85} z\"\nb: w\u{85}\nc: 'it''s'# touches\n";
    assert_eq!(by_pyyaml(breaks).unwrap(), json!({"a": "x\u{2028}y z", "b": "w", "c": "it's"}));
}

#[test]
fn what_pyyaml_refuses() {
    let texts = [
        ("a:\tb", YamlErrorKind::Tab, (1, 3)),
        ("a: b\t# c", YamlErrorKind::Tab, (1, 5)),
        ("a: *b", YamlErrorKind::Alias, (1, 4)),
        ("a: &b [*b]", YamlErrorKind::Alias, (1, 8)),
        ("a: &b 1\nc: &b 2", YamlErrorKind::Syntax, (2, 4)),
        ("a: [x?y]", YamlErrorKind::Syntax, (1, 5)),
        ("a: 2024-13-01", YamlErrorKind::Syntax, (1, 4)),
        ("a: !custom b", YamlErrorKind::Syntax, (1, 12)),
        ("a: {{ b }}", YamlErrorKind::Syntax, (1, 5)),
        ("a: b\u{7}", YamlErrorKind::Syntax, (1, 4)),
        ("<<: b", YamlErrorKind::Syntax, (1, 5)),
        ("a: =", YamlErrorKind::Syntax, (1, 4)),
    ];
    for (text, kind, place) in texts {
        let error = by_pyyaml(text).unwrap_err();
        assert_eq!((error.kind, error.line, error.column), (kind, place.0, place.1), "{text}: {error}");
    }
}

#[test]
fn aliases_do_not_go_off() {
    let bomb = (1..30).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |text, number| {
        let before = number - 1;
        text + &format!("a{number}: &a{number} [*a{before}, *a{before}, *a{before}]\n")
    });
    assert_eq!(by_pyyaml(&bomb).unwrap_err().kind, YamlErrorKind::TooLarge);
    let comments = "- 'x'# y\n".repeat(5000);
    assert_eq!(by_pyyaml(&comments).unwrap_err().kind, YamlErrorKind::CommentTouches);
}

proptest! {
    /// Any text at all: an answer, and spans that lie inside the text on character boundaries.
    #[test]
    fn never_panics(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%@` \t\r\n\u{e9}\u{85}\u{2028}\u{1f600}]{0,80}") {
        fn check(node: &Node, text: &str) {
            assert!(text.get(node.span.start..node.span.end).is_some(), "{node:?}");
            for (key, value) in node.as_mapping().unwrap_or_default() {
                check(key, text);
                check(value, text);
            }
            for item in node.as_sequence().unwrap_or_default() {
                check(item, text);
            }
        }
        if let Ok(Document { root: Some(node), .. }) = parse(&text) {
            check(&node, &text);
            let _ = node.to_json();
        }
        if let Ok(Document { root: Some(node), .. }) = pyyaml::parse_at(&text, Start::default()) {
            let _ = pyyaml::value(&node);
        }
    }
}

//! Markdown of all kinds at all widths.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::flow::columns;
use super::*;

fn plain(text: &str, width: usize) -> Rendered {
    render(text, Frame { width, ascii: false }, &mut |_, _| None)
}

fn text(rendered: &Rendered) -> String {
    rendered.lines.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{:>3} {}", line.source + 1, line.text().trim_end());
        out
    })
}

const SAMPLE: &str = "\
---
name: demo
description: Does a thing that takes many words to tell. Use when the user asks for it.
metadata: {version: 1}
---
# Title

A paragraph with **bold**, *italic*, ~~struck~~ and `code`,
see [the guide](references/guide.md) or <https://example.org>.

## Steps

1. First
   - nested
     - deeper
   - [x] done
   - [ ] open
2. Second, which is long enough to be wrapped to another line

> [!WARNING]
> Careful.

| name | kind | what it does |
| :--- | ---: | --- |
| `city` | string | the name of the city that the forecast is for |
| days | integer | how many |

```python
def main(argv):
    return 1
```

![alt text](image.png)

***

End[^1] <b>html</b><br>next

[^1]: A note.

<!-- hidden
comment -->
";

#[test]
fn every_kind_of_block_is_laid_out() {
    insta::assert_snapshot!("sample_60", text(&plain(SAMPLE, 60)));
    insta::assert_snapshot!("sample_28", text(&plain(SAMPLE, 28)));
    let ascii = render(SAMPLE, Frame { width: 60, ascii: true }, &mut |_, _| None);
    assert!(text(&ascii).is_ascii(), "{}", text(&ascii));
}

#[test]
fn places_go_over_and_come_back() {
    let rendered = plain(SAMPLE, 40);
    for (source, words) in
        [(1, "demo"), (5, "Title"), (10, "Steps"), (15, "[x] done"), (28, "def main"), (38, "A note")]
    {
        let line = rendered.line_of(source);
        assert!(rendered.lines[line].text().contains(words), "{source}: {}", rendered.lines[line].text());
        assert_eq!(rendered.source_of(line), source);
        assert!(rendered.sources_of(line).contains(&source));
    }
    assert_eq!(rendered.source_of(rendered.line_of(6)), 5, "a blank line is at the one above");
    assert_eq!(Rendered::default().line_of(7), 0);
    assert_eq!(Rendered::default().source_of(7), 0);
}

#[test]
fn faces_follow_the_text() {
    let rendered = plain("a **b *c*** `d` [e](f) ~~g~~", 80);
    let faces: Vec<(&str, Face)> =
        rendered.lines[0].pieces.iter().map(|piece| (piece.text.trim(), piece.face)).collect();
    let find = |wanted: &str| faces.iter().find(|(text, _)| *text == wanted).unwrap().1;
    assert!(find("b").bold && !find("b").italic);
    assert!(find("c").bold && find("c").italic);
    assert_eq!((find("d").ink, find("e").ink, find("(f)").ink), (Ink::Code, Ink::Link, Ink::Faint));
    assert!(find("g").strike);
}

#[test]
fn code_is_coloured_by_its_language() {
    let mut asked = Vec::new();
    let mut colour = |language: &str, text: &str| {
        asked.push((language.to_owned(), text.to_owned()));
        Some(vec![vec![(0..2, Syntax::Keyword)]])
    };
    let rendered =
        render("```sh title=x\nif\ttrue\n```\n\n    plain\n", Frame { width: 40, ascii: false }, &mut colour);
    assert_eq!(asked, [("sh".to_owned(), "if  true\n".to_owned())]);
    assert!(rendered.has_code);
    let line = rendered.lines.iter().find(|line| line.text().contains("true")).unwrap();
    assert!(
        line.pieces.iter().any(|p| p.text == "if" && p.face.ink == Ink::Syntax(Syntax::Keyword)),
        "{line:?}"
    );
}

#[test]
fn front_matter_that_cannot_be_read_is_shown_as_it_is() {
    let rendered = plain("---\nname: [open\n---\ntext\n", 30);
    assert!(text(&rendered).contains("  2 │ name: [open"), "{}", text(&rendered));
    assert_eq!(front_matter_end("no\n---\n"), 0);
    assert_eq!(front_matter_end("---\nopen"), 0);
    assert_eq!(front_matter_end("\u{feff}---\na: b\n---\nx"), 16);
}

#[test]
fn hostile_text_is_made_harmless() {
    let nasty = "a\u{1b}]52;c;x\u{7} \u{202e}b **\u{9b}31m** `\u{200b}` [l\u{feff}](u\u{2028})\n\n```a\u{1b}b\nx\u{1b}[1m\n```\n\n|\u{7f}|\n|-|\n|\u{1b}|\n";
    for line in plain(nasty, 60).lines {
        let text = line.text();
        assert!(
            text.chars()
                .all(|c| !c.is_control() && !matches!(c, '\u{200b}' | '\u{202e}' | '\u{feff}' | '\u{2028}')),
            "{text:?}"
        );
    }
}

/// The bounds of every line, and that places only go down.
fn check(rendered: &Rendered, width: usize) {
    assert!(rendered.lines.len() <= MAX_LINES + 100, "{} lines", rendered.lines.len());
    let mut above = 0;
    for line in &rendered.lines {
        let used: usize = line.pieces.iter().map(|piece| columns(&piece.text)).sum();
        assert!(used <= width, "{used} of {width} columns: {:?}", line.text());
        assert!(line.source >= above, "places go back at {:?}", line.text());
        above = line.source;
    }
}

#[test]
fn what_is_huge_stays_bounded() {
    let line = "word ".repeat(1024 * 1024 / 5);
    let one_word = "x".repeat(2 * 1024 * 1024);
    let cells = format!("|{}|\n|{}|\n|{}|\n", "a|".repeat(100), "-|".repeat(100), "b|".repeat(10_000));
    let many_columns =
        format!("|{}\n|{}\n{}", "a|".repeat(10_000), "-|".repeat(10_000), "|b|\n".repeat(2000));
    let deep_quotes = format!("{}x", "> ".repeat(5000));
    let deep_lists = (0..500).fold(String::new(), |text, depth| text + &"  ".repeat(depth) + "- x\n");
    let stars = "*a **b ".repeat(20_000);
    let brackets = "[".repeat(50_000);
    let fences = "```\n".repeat(30_000);
    let texts = [line, one_word, cells, many_columns, deep_quotes, deep_lists, stars, brackets, fences];
    for (index, text) in texts.iter().enumerate() {
        for width in [1, 80] {
            let rendered = plain(text, width);
            check(&rendered, width);
            assert!(!rendered.lines.is_empty(), "{index} at {width}");
        }
    }
    let last = plain(&texts[1], 80).lines.pop().unwrap().text();
    assert!(last.contains("the source has all"), "what is cut is told: {last}");
}

/// Pieces of Markdown that go wrong together.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("# ".to_owned()),
        Just("- ".to_owned()),
        Just("  - [x] ".to_owned()),
        Just("1. ".to_owned()),
        Just("> ".to_owned()),
        Just("```py\n".to_owned()),
        Just("    ".to_owned()),
        Just("| a | 漢字 |\n|:-:|--:|\n| b ".to_owned()),
        Just("| ".to_owned()),
        Just("**".to_owned()),
        Just("_".to_owned()),
        Just("`".to_owned()),
        Just("[x](y)".to_owned()),
        Just("![".to_owned()),
        Just("](".to_owned()),
        Just("<br>".to_owned()),
        Just("<!-- ".to_owned()),
        Just("[^1]".to_owned()),
        Just("[^1]: ".to_owned()),
        Just("---\n".to_owned()),
        Just("name: x\n".to_owned()),
        Just("***\n".to_owned()),
        Just("e\u{301}\u{301}👩\u{200d}👩".to_owned()),
        Just("\t".to_owned()),
        "\\PC{0,12}",
        "[a-z ]{0,30}",
        "[\u{0}-\u{ff}]{0,6}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_at_any_width_is_within_it(text in markdown(), width in 1_usize..=200, ascii: bool) {
        let mut colour = |language: &str, code: &str| {
            (language == "py").then(|| crate::tui::services::highlight::highlight(Path::new("x.py"), code))
        };
        let rendered = render(&text, Frame { width, ascii }, &mut colour);
        check(&rendered, width);
        for line in 0..rendered.lines.len() {
            let source = rendered.source_of(line);
            prop_assert_eq!(rendered.source_of(rendered.line_of(source)), source);
            prop_assert!(source < text.lines().count().max(1) + 1);
        }
    }
}

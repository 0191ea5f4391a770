use super::*;
use proptest::prelude::*;

const COMMAND: Exact = Exact { max: 4096, multiline: true, prose: false };
const LINE: Exact = Exact { multiline: false, ..COMMAND };
const PROSE: Exact = Exact { prose: true, ..COMMAND };

/// Restores the text that [`reveal`] showed.
fn conceal(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some(character) = rest.chars().next() {
        let (_, after) = rest.split_at(character.len_utf8());
        let hex = |digits: &str| {
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u32::from_str_radix(digits, 16).ok().filter(|_| is_hex).and_then(char::from_u32)
        };
        let short = after.strip_prefix('x').and_then(|after| after.get(..2)).and_then(hex);
        let long = after.strip_prefix("u{").and_then(|after| after.split_once('}'));
        match (character, short, long) {
            ('\\', Some(character), _) => {
                text.push(character);
                rest = after.split_at(3).1;
            }
            ('\\', None, Some((inside, behind))) => {
                let (code, count) = inside.split_once('*').unwrap_or((inside, "1"));
                let character = hex(code).unwrap();
                text.extend(std::iter::repeat_n(character, count.parse().unwrap()));
                rest = behind;
            }
            _ => {
                text.push(match character {
                    LINE_BREAK => '\n',
                    TAB => '\t',
                    character => character,
                });
                rest = after;
            }
        }
    }
    text
}

#[test]
fn hidden_characters_are_shown_as_escapes() {
    for (text, expected) in [
        ("rm -rf node_modules", "rm -rf node_modules"),
        (
            "ls \x1b]0;\n rm -rf ~/precious ;: \x07 -la",
            "ls \\x1b]0;\n rm -rf ~/precious ;: \\x07 -la",
        ),
        ("ls \x1bP rm x \x1b\\ -la", "ls \\x1bP rm x \\x1b\\ -la"),
        ("ls \u{9d}0; rm x \u{9c} -la", "ls \\x9d0; rm x \\x9c -la"),
        ("ls\rrm x", "ls\\x0drm x"),
        ("a\u{8}\u{8}b\u{7f}\0", "a\\x08\\x08b\\x7f\\x00"),
        ("a\u{85}b\u{2028}c\u{2029}", "a\\x85b\\u{2028}c\\u{2029}"),
        ("rm\u{200b} x\u{2060}\u{feff}", "rm\\u{200b} x\\u{2060}\\u{feff}"),
        (
            "a\u{ad}b\u{34f}c\u{2800}d\u{3164}e\u{ffa0}",
            "a\\xadb\\u{34f}c\\u{2800}d\\u{3164}e\\u{ffa0}",
        ),
        ("a\u{e0101}\u{e0041}\u{fe0f}", "a\\u{e0101}\\u{e0041}\\u{fe0f}"),
        ("x\u{202e}fdp.exe\u{2066}\u{200f}", "x\\u{202e}fdp.exe\\u{2066}\\u{200f}"),
        ("rm\u{a0}-rf\u{3000}/", "rm\\xa0-rf\\u{3000}/"),
        ("a\u{180e}\u{115f}\u{17b4}\u{1d173}", "a\\u{180e}\\u{115f}\\u{17b4}\\u{1d173}"),
        ("a\u{e000}\u{f0000}\u{ffff}", "a\\u{e000}\\u{f0000}\\u{ffff}"),
        ("👩\u{200d}👧", "👩\\u{200d}👧"),
        ("e\u{301} ก็ नि שׁ", "e\u{301} ก็ नि שׁ"),
        (
            "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
            "e\u{301}\u{302}\u{303}\u{304}\\u{305}\\u{306}",
        ),
        ("\u{301}a \u{301}", "\\u{301}a \\u{301}"),
        ("日本 🚀 ünï", "日本 🚀 ünï"),
        ("all:\n\tcc", "all:\n⇥cc"),
        // Text that looks like an escape, a mark or the name of a field is escaped.
        ("printf '\\x1b[0m\\n'", "printf '\\x5cx1b[0m\\n'"),
        ("\\u{1b} \\\\x1b \\x1", "\\x5cu{1b} \\\\x5cx1b \\x1"),
        ("a ⏎ b ⇥", "a \\u{23ce} b \\u{21e5}"),
        ("done … 12 more, and so on …", "done \\u{2026} 12 more, and so on …"),
        ("ls\n+sandbox: off\n+ 1\na +b", "ls\n\\x2bsandbox: off\n+ 1\na +b"),
    ] {
        assert_eq!(reveal(text, COMMAND), expected);
        assert_eq!(conceal(expected), text);
    }
    for (text, expected) in [
        ("ls\nrm x\n", "ls⏎rm x⏎"),
        ("ls  +sandbox off", "ls  \\x2bsandbox off"),
        (" +a", " \\x2ba"),
        ("git push origin +main", "git push origin +main"),
    ] {
        assert_eq!(reveal(text, LINE), expected);
        assert_eq!(conceal(expected), text);
    }
}

#[test]
fn prose_keeps_the_spaces_and_joiners_of_languages() {
    for text in
        ["Quelle option\u{a0}?", "می\u{200c}خواهم", "❤\u{fe0f} 👩\u{200d}👧", "東\u{3000}京"]
    {
        assert_eq!(reveal(text, PROSE), text);
    }
    assert_eq!(reveal("a\u{200b}\x1b[2J\u{202e}", PROSE), "a\\u{200b}\\x1b[2J\\u{202e}");
}

#[test]
fn long_padding_is_shown_as_a_count() {
    let padded = |fill: char, count| format!("ls{}rm", String::from(fill).repeat(count));
    for (fill, count, lines, line) in [
        (' ', 79, None, "ls\\u{20*79}rm"),
        (' ', 500, Some("ls\\u{20*500}rm"), "ls\\u{20*500}rm"),
        ('\n', 60, Some("ls\n\\u{a*58}\nrm"), "ls\\u{a*60}rm"),
        ('\t', 99, Some("ls\\u{9*99}rm"), "ls\\u{9*99}rm"),
        ('\u{200b}', 17, Some("ls\\u{200b*17}rm"), "ls\\u{200b*17}rm"),
        ('\u{2800}', 3, Some("ls\\u{2800}\\u{2800}\\u{2800}rm"), "ls\\u{2800}\\u{2800}\\u{2800}rm"),
    ] {
        let text = padded(fill, count);
        assert_eq!(reveal(&text, COMMAND), lines.unwrap_or(&text));
        assert_eq!(reveal(&text, LINE), line);
    }
    let zalgo = format!("a{}b", "\u{301}".repeat(100));
    let shown = reveal(&zalgo, COMMAND);
    assert!(shown.ends_with("\\u{301}b") && conceal(&shown) == zalgo, "{shown}");
}

#[test]
fn cut_shows_how_much_is_missing() {
    let how = Exact { max: 200, ..COMMAND };
    assert_eq!(reveal(&"a".repeat(200), how), "a".repeat(200));
    assert_eq!(
        reveal(&"a".repeat(3366), how),
        format!("{}… 3,214 more characters", "a".repeat(152))
    );
    let wide = reveal(&"日".repeat(1_000_000), how);
    assert_eq!(wide, format!("{}… 999,950 more characters", "日".repeat(50)));
    // A cut never splits an escape.
    let escapes = reveal(&"a\x1b".repeat(100), how);
    assert!(escapes.contains("\\x1b… ") || escapes.contains("a… "), "{escapes}");
    for max in 0..96 {
        let shown = reveal(&"é\x1b".repeat(100), Exact { max, ..COMMAND });
        assert!(shown.len() <= max && (max < 3 || shown.ends_with('…')), "{max}: {shown}");
    }
}

#[test]
fn one_line_marks_the_line_breaks() {
    assert_eq!(one_line("ls\n  -la\n", 100), "ls⏎  -la");
    assert_eq!(one_line(&"word ".repeat(100), 20), "word word word wo…");
}

/// Generates texts from pieces that might be dropped, obeyed or confused.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "\x1b",
            "\x1b]0;",
            "\x07",
            "\u{9d}",
            "\\",
            "\\x",
            "\\x1b",
            "\\u{",
            "\\u{1b}",
            "\\u{a*9}",
            "}",
            "*9}",
            "x1b",
            "u{1b}",
            "1b",
            "\n",
            "\n+",
            "+a",
            "  ",
            " ",
            "+",
            "\"",
            "a",
            "…",
            " 3",
            "⏎",
            "⇥",
            "\t",
            "\r",
            "\u{301}",
            "\u{200b}",
            "\u{200d}",
            "\u{202e}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{a0}",
            "\n\n\n\n\n\n\n\n\n",
            "                    ",
            "\u{2800}\u{2800}\u{2800}\u{2800}\u{2800}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// No two texts look the same, because the original can be restored.
    #[test]
    fn reveal_can_be_reversed(text in hostile()) {
        for multiline in [true, false] {
            for prose in [true, false] {
                let shown = reveal(&text, Exact { max: usize::MAX, multiline, prose });
                prop_assert_eq!(conceal(&shown), text.as_str());
                prop_assert!(multiline || !shown.contains('\n'));
                prop_assert!(!shown.chars().any(|shown| shown.is_control() && shown != '\n'));
            }
        }
    }

    #[test]
    fn expose_does_not_change_its_own_output(text in hostile(), max in 0..300_usize) {
        for multiline in [true, false] {
            for prose in [true, false] {
                let how = Exact { max, multiline, prose };
                for once in [reveal(&text, how), expose(&text, how)] {
                    prop_assert!(once.len() <= max);
                    prop_assert_eq!(expose(&once, how), once);
                }
            }
        }
    }
}

#[test]
fn text_that_expose_keeps_takes_no_other_form() {
    for length in 0..100 {
        for text in [
            format!("a{}b", " ".repeat(length)),
            format!("a{}b", "\n".repeat(length)),
            format!("a{}\\u{{200b*17}}… b", " ".repeat(length)),
        ] {
            for how in [COMMAND, LINE, PROSE, Exact { max: 20, ..LINE }] {
                assert_eq!(expose(&text, how), show(&text, 0, how, false), "{text:?} {how:?}");
            }
        }
    }
    for byte in 0..=0x7f_u8 {
        let text = format!("a{}b", char::from(byte));
        for how in [COMMAND, LINE] {
            assert_eq!(expose(&text, how), show(&text, 0, how, false), "{text:?}");
        }
    }
}

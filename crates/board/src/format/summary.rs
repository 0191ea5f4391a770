//! Shortens plans and messages to one line.

use std::borrow::Cow;

/// Returns the first sentence of a plan, without headings. A plan of headings only gives the first of them.
pub(crate) fn plan_summary(plan: &str) -> String {
    let is_text = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut lines = plan.lines().map(str::trim).skip_while(|line| !is_text(line));
    let Some(first) = lines.next() else {
        let heading = plan.lines().map(str::trim).find(|line| !line.is_empty());
        return without_markdown(heading.unwrap_or_default()).into_owned();
    };
    // A sentence may go on in the next line, but not in the next paragraph or item of a list.
    let more = lines.take_while(|line| is_text(line) && without_list_mark(line) == *line);
    let paragraph = more.fold(without_list_mark(first).to_owned(), |text, line| text + " " + line);
    first_sentence(&without_markdown(&paragraph)).to_owned()
}

/// Returns a line without the mark of a list's item: `- `, `* `, `+ `, `1. ` or `1) `.
fn without_list_mark(line: &str) -> &str {
    let number = line.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_numbered = number.len() < line.len();
    let marks: &[&str] = if is_numbered { &[". ", ") "] } else { &["- ", "* ", "+ "] };
    let item = marks.iter().find_map(|mark| number.strip_prefix(mark));
    item.map_or(line, str::trim_start)
}

/// Returns the text up to the end of its first sentence. A mark before a small letter, as in `e.g. this`, or
/// after a number ends no sentence.
fn first_sentence(text: &str) -> &str {
    let ends = text.match_indices(['.', '!', '?', '。']).map(|(at, mark)| at + mark.len());
    let end = ends.into_iter().find(|end| {
        let (sentence, rest) = text.split_at(*end);
        let before = sentence.chars().rev().nth(1);
        let next = rest.trim_start().chars().next();
        let is_apart = rest.starts_with(char::is_whitespace) || sentence.ends_with('。');
        is_apart
            && before.is_some_and(|before| !before.is_ascii_digit())
            && next.is_some_and(|next| !next.is_lowercase())
    });
    end.map_or(text, |end| text.split_at(end).0)
}

/// Returns a line without the marks of Markdown for headings, quotes, bold text and code.
pub(crate) fn without_markdown(line: &str) -> Cow<'_, str> {
    let text = line.trim_start_matches(['#', '>']);
    let text = if text.len() < line.len() { text.trim_start() } else { text };
    if text.contains("**") || text.contains('`') {
        Cow::Owned(text.replace("**", "").replace('`', ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_have_no_markdown() {
        for (line, expected) in [
            ("## Done: `cargo test` is **green**.", "Done: cargo test is green."),
            ("> quoted", "quoted"),
            ("a # b > c", "a # b > c"),
            ("", ""),
        ] {
            assert_eq!(without_markdown(line), expected, "{line}");
        }
        for (plan, expected) in [
            ("# Move the guides\n\nMove **all** guides.\n- one", "Move all guides."),
            (
                "# Move\n\n1. Turn the sidebar\n   into data. Then go on.\n2. Move",
                "Turn the sidebar into data.",
            ),
            ("- Use `v1.2 of it`, e.g. here! And there.", "Use v1.2 of it, e.g. here!"),
            ("Keep 2. Go on\n# Next", "Keep 2. Go on"),
            ("まず読む。次に書く。", "まず読む。"),
            ("# Only\n## headings", "Only"),
            ("", ""),
        ] {
            assert_eq!(plan_summary(plan), expected, "{plan}");
        }
    }
}

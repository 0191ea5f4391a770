//! New JSON in the style of the text around it.

use std::fmt::Write as _;
use std::ops::Range;

use super::Handler;
use super::document::Document;

/// The little of JSON that we write.
pub(super) enum Json {
    Text(String),
    Number(u32),
    Array(Vec<Json>),
    /// Of [`Json::Member`]s.
    Object(Vec<Json>),
    Member(String, Box<Json>),
    /// On one line wherever it stands: sixteen events of ours are a screen to read, not six.
    OneLine(Box<Json>),
}

/// How a value is laid out.
pub(super) enum Layout {
    /// A line for each member, as `JSON.stringify(value, null, 2)` does it, which is what Claude
    /// Code itself writes.
    Lines { newline: &'static str, indent: String, unit: String },
    /// All on one line.
    Inline { colon: &'static str, comma: &'static str },
}

impl Layout {
    pub(super) fn lines(newline: &'static str, indent: &str, unit: &str) -> Self {
        Self::Lines { newline, indent: indent.to_owned(), unit: unit.to_owned() }
    }

    pub(super) fn inline(colon: &'static str) -> Self {
        Self::Inline { colon, comma: if colon == ":" { "," } else { ", " } }
    }

    /// The layout of a value that stands in the text and is to be replaced.
    pub(super) fn of_value(document: &Document<'_>, span: &Range<usize>) -> Self {
        let text = document.slice(span.clone());
        if text.contains('\n') {
            let indent = document.line_indent(span.start);
            Self::lines(document.newline(), indent, document.indent_unit())
        } else {
            Self::inline(if text.contains("\": ") { ": " } else { ":" })
        }
    }

    fn deeper(&self) -> Self {
        match self {
            Self::Lines { newline, indent, unit } => {
                Self::lines(newline, &format!("{indent}{unit}"), unit)
            }
            Self::Inline { colon, .. } => Self::inline(colon),
        }
    }

    /// What stands before a child of this layout, after a bracket.
    pub(super) fn line_start(&self) -> String {
        match self {
            Self::Lines { newline, indent, .. } => format!("{newline}{indent}"),
            Self::Inline { .. } => String::new(),
        }
    }

    /// What stands before a child of this layout, after a comma.
    pub(super) fn after_comma(&self) -> String {
        match self {
            Self::Lines { .. } => self.line_start(),
            Self::Inline { comma, .. } => comma.trim_start_matches(',').to_owned(),
        }
    }
}

impl Json {
    pub(super) fn member(name: &str, value: Json) -> Self {
        Self::Member(name.to_owned(), Box::new(value))
    }

    pub(super) fn handler(handler: &Handler) -> Self {
        let text = |text: &String| Self::Text(text.clone());
        let mut members = vec![
            Self::member("type", Self::Text("command".to_owned())),
            Self::member("command", text(&handler.command)),
        ];
        if let Some(args) = &handler.args {
            members.push(Self::member("args", Self::Array(args.iter().map(text).collect())));
        }
        if let Some(timeout) = handler.timeout {
            members.push(Self::member("timeout", Self::Number(timeout)));
        }
        Self::Object(members)
    }

    /// A group of one handler, without a matcher: it takes every case of its event.
    pub(super) fn group(handler: &Handler) -> Self {
        let handlers = Self::Array(vec![Self::handler(handler)]);
        Self::OneLine(Box::new(Self::Object(vec![Self::member("hooks", handlers)])))
    }

    /// All groups of an event that had none.
    pub(super) fn event(handler: &Handler) -> Self {
        Self::OneLine(Box::new(Self::Array(vec![Self::group(handler)])))
    }

    pub(super) fn render(&self, layout: &Layout) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Array(elements) => bracketed('[', elements, ']', layout),
            Self::Object(members) => bracketed('{', members, '}', layout),
            Self::OneLine(value) => match layout {
                Layout::Lines { .. } => value.render(&Layout::inline(": ")),
                Layout::Inline { .. } => value.render(layout),
            },
            Self::Member(name, value) => {
                let colon = match layout {
                    Layout::Lines { .. } => ": ",
                    Layout::Inline { colon, .. } => colon,
                };
                format!("{}{colon}{}", quoted(name), value.render(layout))
            }
        }
    }
}

fn bracketed(open: char, children: &[Json], close: char, layout: &Layout) -> String {
    let inner = layout.deeper();
    let mut text = String::from(open);
    for (index, child) in children.iter().enumerate() {
        if index == 0 {
            text.push_str(&inner.line_start());
        } else {
            text.push(',');
            text.push_str(&inner.after_comma());
        }
        text.push_str(&child.render(&inner));
    }
    if !children.is_empty() {
        text.push_str(&layout.line_start());
    }
    text.push(close);
    text
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => {
                // Writing into a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

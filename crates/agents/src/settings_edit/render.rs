//! Renders new JSON in the style of the text around it.

use std::fmt::Write as _;

use super::Handler;

/// A JSON value that Crewboard inserts.
pub(super) enum Json {
    Text(String),
    Number(u32),
    Array(Vec<Json>),
    /// An object. Its children are [`Json::Member`]s.
    Object(Vec<Json>),
    Member(String, Box<Json>),
    /// A value on one line, in every layout: the entries of sixteen events then fit on one screen.
    OneLine(Box<Json>),
}

/// The layout of a value.
pub(super) enum Layout {
    /// One line for each member, as `JSON.stringify(value, null, 2)` prints it. Claude Code itself writes its settings in
    /// this layout.
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

    fn indented(&self) -> Self {
        match self {
            Self::Lines { newline, indent, unit } => {
                Self::lines(newline, &format!("{indent}{unit}"), unit)
            }
            Self::Inline { colon, .. } => Self::inline(colon),
        }
    }

    /// Returns the text between an opening bracket and the first child.
    pub(super) fn line_start(&self) -> String {
        match self {
            Self::Lines { newline, indent, .. } => format!("{newline}{indent}"),
            Self::Inline { .. } => String::new(),
        }
    }

    /// Returns the text between a comma and the next child.
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

    /// Returns a group of one handler without a matcher, so that it runs at every occurrence of its event.
    pub(super) fn group(handler: &Handler) -> Self {
        let handlers = Self::Array(vec![Self::handler(handler)]);
        Self::OneLine(Box::new(Self::Object(vec![Self::member("hooks", handlers)])))
    }

    /// Returns the list of groups for an event that has none yet.
    pub(super) fn event(handler: &Handler) -> Self {
        Self::OneLine(Box::new(Self::Array(vec![Self::group(handler)])))
    }

    pub(super) fn render(&self, layout: &Layout) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Array(elements) => render_children('[', elements, ']', layout),
            Self::Object(members) => render_children('{', members, '}', layout),
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

fn render_children(open: char, children: &[Json], close: char, layout: &Layout) -> String {
    let inner = layout.indented();
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

/// Returns a JSON string with this text.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => {
                // A write to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

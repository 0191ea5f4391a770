//! Finds the hooks and the status line in a settings text.

use std::ops::Range;

use jsonc_parser::ast::{Array, Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::render::{Json, Layout};
use super::trivia::{Piece, trivia};
use super::{EditError, Handler};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A settings text with the spans of its hooks and its status line.
///
/// Spans count from the start of the whole text, including a byte-order mark.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    /// The top-level object; `None` if the text has only blanks and comments.
    pub(super) root: Option<Container>,
    /// The text between the first top-level key and its value (`": "`), which new members follow.
    pub(super) colon: &'static str,
    pub(super) hooks: Option<Hooks>,
    pub(super) status_line: Option<StatusLine>,
}

/// The command that an agent runs for its status line.
pub(super) struct StatusLine {
    /// The index of the whole object among the top-level keys.
    pub(super) index: usize,
    /// The span of the command, including its quotes.
    pub(super) span: Range<usize>,
    pub(super) command: String,
}

/// An object or an array: the span between its brackets, and the spans of its members or elements.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) inside: Range<usize>,
    pub(super) children: Vec<Range<usize>>,
}

pub(super) struct Hooks {
    /// The index of `"hooks"` among the top-level keys.
    pub(super) index: usize,
    pub(super) container: Container,
    pub(super) events: Vec<EventHooks>,
}

pub(super) struct EventHooks {
    pub(super) name: String,
    pub(super) groups_container: Container,
    /// One item for each element of the list; `None` for an element that is not a group of handlers.
    pub(super) groups: Vec<Option<Group>>,
}

pub(super) struct Group {
    pub(super) matches_everything: bool,
    pub(super) container: Container,
    pub(super) handlers: Vec<FoundHandler>,
}

/// A handler in the text. Its command is empty if the element is not a handler of type `command`.
pub(super) struct FoundHandler {
    pub(super) span: Range<usize>,
    pub(super) handler: Handler,
    /// True if the element has no other keys than the fields of [`Handler`].
    has_only_known_keys: bool,
}

impl FoundHandler {
    pub(super) fn is_exactly(&self, handler: &Handler) -> bool {
        self.has_only_known_keys && self.handler == *handler
    }
}

impl EventHooks {
    pub(super) fn handlers(&self) -> impl Iterator<Item = &FoundHandler> {
        self.groups.iter().flatten().flat_map(|group| &group.handlers)
    }
}

impl Group {
    /// Returns one item for each element of the array.
    pub(super) fn elements(&self) -> impl Iterator<Item = Option<&FoundHandler>> {
        self.handlers.iter().map(Some)
    }
}

impl Container {
    fn of_object(object: &Object<'_>, shift: usize) -> Self {
        let span = object.range.start + shift + 1..object.range.end + shift - 1;
        let children = object.properties.iter().map(|property| span_of(property, shift));
        Self { inside: span, children: children.collect() }
    }

    fn of_array(array: &Array<'_>, shift: usize) -> Self {
        let span = array.range.start + shift + 1..array.range.end + shift - 1;
        Self {
            inside: span,
            children: array.elements.iter().map(|element| span_of(element, shift)).collect(),
        }
    }

    /// Returns the gap before the child with this index. For the index after the last child it returns the gap before
    /// the closing bracket.
    pub(super) fn gap(&self, index: usize) -> Range<usize> {
        let start = match index.checked_sub(1) {
            Some(previous) => self.children.get(previous).map_or(self.inside.end, |span| span.end),
            None => self.inside.start,
        };
        start..self.children.get(index).map_or(self.inside.end, |span| span.start)
    }

    pub(super) fn has_comment(&self, document: &Document<'_>) -> bool {
        (0..=self.children.len())
            .flat_map(|index| trivia(document.text, self.gap(index)))
            .any(|(piece, _)| matches!(piece, Piece::LineComment | Piece::BlockComment))
    }
}

/// Removes a byte-order mark, which Claude Code accepts and the parser rejects.
fn strip_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Parses JSON with comments and trailing commas, as editors write their settings.
fn parse_json(json: &str) -> Result<Option<Value<'_>>, EditError> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(json, &CollectOptions::default(), &options);
    parsed.map(|parsed| parsed.value).map_err(|error| EditError::Broken {
        line: error.line_display(),
        column: error.column_display(),
        reason: error.kind().to_string().to_lowercase(),
    })
}

/// Finds the status line. The last of several equal keys counts, as for every reader of plain JSON. A status line that
/// is not of type `command`, or whose command is blank, does not count.
fn find_status_line(root: &Object<'_>, shift: usize) -> Option<StatusLine> {
    let last = |object: &Object<'_>, key: &str| {
        object.properties.iter().rposition(|property| property.name.as_str() == key)
    };
    let index = last(root, "statusLine")?;
    let Value::Object(line) = &root.properties.get(index)?.value else { return None };
    let text = |key| match &line.properties.get(last(line, key)?)?.value {
        Value::StringLit(text) => Some(text),
        _ => None,
    };
    let command = text("command").filter(|command| !command.value.trim().is_empty())?;
    (text("type")?.value == "command").then(|| StatusLine {
        index,
        span: span_of(command, shift),
        command: command.value.to_string(),
    })
}

fn span_of(node: &impl Ranged, shift: usize) -> Range<usize> {
    node.start() + shift..node.end() + shift
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, EditError> {
        let json = strip_byte_order_mark(text);
        let shift = text.len() - json.len();
        let mut document =
            Document { text, root: None, colon: ": ", hooks: None, status_line: None };
        let Some(value) = &parse_json(json)? else { return Ok(document) };
        let reader = Reader { json, shift };
        let root = reader.object(value, || "the settings".to_owned())?;
        reader.reject_duplicates(root, |key| key == "hooks")?;
        document.root = Some(Container::of_object(root, shift));
        if let Some(first) = root.properties.first() {
            let between = json.get(first.name.end()..first.value.start()).unwrap_or_default();
            document.colon = if between == ":" { ":" } else { ": " };
        }
        document.status_line = find_status_line(root, shift);
        let position =
            root.properties.iter().position(|property| property.name.as_str() == "hooks");
        if let Some(index) = position
            && let Some(property) = root.properties.get(index)
        {
            document.hooks = Some(reader.hooks(index, property)?);
        }
        Ok(document)
    }

    /// Returns every handler with its event and group, in the order of the file.
    pub(super) fn handlers(&self) -> impl Iterator<Item = (&EventHooks, &Group, &FoundHandler)> {
        self.hooks.iter().flat_map(|hooks| &hooks.events).flat_map(|event| {
            event.groups.iter().flatten().flat_map(move |group| {
                group.handlers.iter().map(move |found| (event, group, found))
            })
        })
    }

    /// Returns the text with a top-level object after its comments. The text has no value yet.
    pub(super) fn with_new_root(&self, root: &Json) -> String {
        let newline = self.newline();
        let object = root.render(&Layout::lines(newline, "", "  "));
        let before = self.text.trim_start_matches(BYTE_ORDER_MARK);
        if before.trim().is_empty() {
            let mark = if before.len() < self.text.len() { "\u{feff}" } else { "" };
            return format!("{mark}{object}{newline}");
        }
        let separator = if before.ends_with('\n') { "" } else { newline };
        format!("{}{separator}{object}{newline}", self.text)
    }

    /// Returns the layout of the value at this span, to render its replacement.
    pub(super) fn layout_of_value(&self, span: &Range<usize>) -> Layout {
        let text = self.slice(span.clone());
        if text.contains('\n') {
            let indent = self.line_indent(span.start);
            Layout::lines(self.newline(), indent, self.indent_unit())
        } else {
            Layout::inline(if text.contains("\": ") { ": " } else { ":" })
        }
    }

    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    pub(super) fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    /// Returns the blanks at the start of the line of this position.
    pub(super) fn line_indent(&self, position: usize) -> &'a str {
        let before = self.slice(0..position).trim_start_matches(BYTE_ORDER_MARK);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(..blanks).unwrap_or_default()
    }

    /// Returns one step of the file's own indentation.
    pub(super) fn indent_unit(&self) -> &'a str {
        let Some(root) = &self.root else { return "  " };
        let (Some(first), true) = (root.children.first(), self.slice(root.gap(0)).contains('\n'))
        else {
            return "  ";
        };
        let inner = self.line_indent(first.start);
        let unit = inner.strip_prefix(self.line_indent(root.inside.start)).unwrap_or(inner);
        if unit.is_empty() { "  " } else { unit }
    }
}

/// Reads spans from the parser's tree. An error names the line and the column.
struct Reader<'a> {
    json: &'a str,
    shift: usize,
}

impl Reader<'_> {
    fn hooks(&self, index: usize, property: &ObjectProp<'_>) -> Result<Hooks, EditError> {
        let object = self.object(&property.value, || "\"hooks\"".to_owned())?;
        self.reject_duplicates(object, |_| true)?;
        let mut events = Vec::new();
        for property in &object.properties {
            events.push(self.event(property)?);
        }
        Ok(Hooks { index, container: Container::of_object(object, self.shift), events })
    }

    fn event(&self, property: &ObjectProp<'_>) -> Result<EventHooks, EditError> {
        let name = property.name.as_str().to_owned();
        let Value::Array(array) = &property.value else {
            let what = format!("the list of hooks of {name:?}");
            return Err(self.wrong_type(&property.value, what, "an array"));
        };
        let mut groups = Vec::new();
        for element in &array.elements {
            groups.push(self.group(element)?);
        }
        Ok(EventHooks { name, groups_container: Container::of_array(array, self.shift), groups })
    }

    fn group(&self, element: &Value<'_>) -> Result<Option<Group>, EditError> {
        let Value::Object(object) = element else { return Ok(None) };
        self.reject_duplicates(object, |key| key == "hooks" || key == "matcher")?;
        let value = |key| {
            let found = object.properties.iter().find(|property| property.name.as_str() == key);
            found.map(|property| &property.value)
        };
        let Some(Value::Array(array)) = value("hooks") else { return Ok(None) };
        let mut handlers = Vec::new();
        for element in &array.elements {
            handlers.push(self.handler(element)?);
        }
        let matches_everything = match value("matcher") {
            None => true,
            Some(Value::StringLit(matcher)) => ["", "*"].contains(&matcher.value.as_ref()),
            Some(_) => false,
        };
        let container = Container::of_array(array, self.shift);
        Ok(Some(Group { matches_everything, container, handlers }))
    }

    fn handler(&self, element: &Value<'_>) -> Result<FoundHandler, EditError> {
        let empty = Handler { command: String::new(), args: None, timeout: None };
        let span = span_of(element, self.shift);
        let mut found = FoundHandler { span, handler: empty, has_only_known_keys: true };
        let Value::Object(object) = element else { return Ok(found) };
        self.reject_duplicates(object, |key| ["type", "command", "args"].contains(&key))?;
        let mut is_command = false;
        for property in &object.properties {
            match (property.name.as_str(), &property.value) {
                ("type", Value::StringLit(kind)) => is_command = kind.value == "command",
                ("command", Value::StringLit(command)) => {
                    found.handler.command = command.value.clone().into_owned();
                }
                ("args", Value::Array(args)) => {
                    let word = |element: &Value<'_>| {
                        element.as_string_lit().map(|word| word.value.clone().into_owned())
                    };
                    // An argument that is not a string is never one of ours, so an empty one stands for it.
                    found.handler.args =
                        Some(args.elements.iter().map(|e| word(e).unwrap_or_default()).collect());
                }
                ("timeout", Value::NumberLit(number)) => {
                    found.handler.timeout = number.value.parse().ok();
                }
                _ => found.has_only_known_keys = false,
            }
        }
        if !is_command {
            found.handler.command.clear();
        }
        Ok(found)
    }

    fn object<'b, 'c>(
        &self,
        value: &'b Value<'c>,
        what: impl FnOnce() -> String,
    ) -> Result<&'b Object<'c>, EditError> {
        value.as_object().ok_or_else(|| self.wrong_type(value, what(), "an object"))
    }

    fn wrong_type(&self, value: &Value<'_>, what: String, expected: &'static str) -> EditError {
        let found = match value {
            Value::StringLit(_) => "text",
            Value::NumberLit(_) => "a number",
            Value::BooleanLit(_) => "true or false",
            Value::Object(_) => "an object",
            Value::Array(_) => "an array",
            Value::NullKeyword(_) => "null",
        };
        let (line, column) = self.line_and_column(value.start());
        EditError::WrongType { line, column, what, expected, found }
    }

    /// Returns an error if a key that decides about the edit appears twice.
    fn reject_duplicates(
        &self,
        object: &Object<'_>,
        matters: fn(&str) -> bool,
    ) -> Result<(), EditError> {
        for (index, property) in object.properties.iter().enumerate() {
            let key = property.name.as_str();
            let twice =
                object.properties.iter().take(index).any(|other| other.name.as_str() == key);
            if twice && matters(key) {
                let (line, column) = self.line_and_column(property.name.start());
                return Err(EditError::DuplicateKey { line, column, key: key.to_owned() });
            }
        }
        Ok(())
    }

    fn line_and_column(&self, position: usize) -> (usize, usize) {
        let before = self.json.get(..position).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

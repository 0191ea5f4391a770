//! Derives the edits that insert children into a container or remove them, and applies edits to a text.

use std::ops::Range;

use super::document::{Container, Document};
use super::render::{Json, Layout};
use super::trivia::{Piece, trivia};

/// A span of the text and its replacement. An empty span inserts; an empty replacement deletes.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// Returns the edits that insert these members after the last child of a container.
pub(super) fn edits_to_insert(
    document: &Document<'_>,
    container: &Container,
    members: &[Json],
) -> Vec<Edit> {
    let Some(last) = container.children.last() else {
        return vec![fill_empty(document, container, members)];
    };
    let layout = layout_of_children(document, container);
    let rendered: Vec<String> = members.iter().map(|member| member.render(&layout)).collect();
    let joined = rendered.join(&format!(",{}", layout.after_comma()));
    let gap = trivia(document.text, container.gap(container.children.len()));
    let comma = gap.iter().find(|(piece, _)| *piece == Piece::Comma).map(|(_, span)| span.end);
    let mut edits = Vec::new();
    if comma.is_none() {
        edits.push(Edit { span: last.end..last.end, text: ",".to_owned() });
    }
    // A comment after the last child stays after it.
    let after = comma.unwrap_or(last.end);
    let mut position = after;
    for (piece, span) in gap.iter().filter(|(_, span)| span.start >= after) {
        match piece {
            Piece::Newline => break,
            // On one line, text after a line comment would become a part of the comment.
            Piece::LineComment if matches!(layout, Layout::Inline { .. }) => break,
            Piece::BlockComment if document.slice(span.clone()).contains('\n') => break,
            Piece::LineComment | Piece::BlockComment => position = span.end,
            Piece::Blank | Piece::Comma => {}
        }
    }
    let trailing = if comma.is_some() { "," } else { "" };
    let text = format!("{}{joined}{trailing}", layout.after_comma());
    edits.push(Edit { span: position..position, text });
    edits
}

fn layout_of_children(document: &Document<'_>, container: &Container) -> Layout {
    let last = container.children.len().saturating_sub(1);
    for index in [last, 0] {
        if document.slice(container.gap(index)).contains('\n') {
            let start = container.children.get(index).map_or(0, |span| span.start);
            let indent = document.line_indent(start);
            return Layout::lines(document.newline(), indent, document.indent_unit());
        }
    }
    Layout::inline(document.colon)
}

/// Returns the edit that inserts members into a container without children.
fn fill_empty(document: &Document<'_>, container: &Container, members: &[Json]) -> Edit {
    let gap = trivia(document.text, container.inside.clone());
    let is_comment = |piece: &Piece| matches!(piece, Piece::LineComment | Piece::BlockComment);
    let start = gap.iter().rfind(|(piece, _)| is_comment(piece)).map(|(_, span)| span.end);
    let minified = document.root.as_ref().is_some_and(|root| {
        !root.children.is_empty() && !document.slice(root.inside.clone()).contains('\n')
    });
    let outer = document.line_indent(container.inside.start);
    let (layout, closing) = if minified {
        (Layout::inline(document.colon), String::new())
    } else {
        let (newline, unit) = (document.newline(), document.indent_unit());
        let layout = Layout::lines(newline, &format!("{outer}{unit}"), unit);
        (layout, format!("{newline}{outer}"))
    };
    let rendered: Vec<String> = members.iter().map(|member| member.render(&layout)).collect();
    let joined = rendered.join(&format!(",{}", layout.after_comma()));
    let text = format!("{}{joined}{closing}", layout.line_start());
    Edit { span: start.unwrap_or(container.inside.start)..container.inside.end, text }
}

/// Returns the edits that remove the flagged children from a container.
pub(super) fn edits_to_remove(
    document: &Document<'_>,
    container: &Container,
    flags: &[bool],
) -> Vec<Edit> {
    if !flags.contains(&true) {
        return Vec::new();
    }
    if flags.iter().all(|flag| *flag) && !container.has_comment(document) {
        return vec![Edit { span: container.inside.clone(), text: String::new() }];
    }
    let comma_after = |index: usize| {
        trivia(document.text, container.gap(index + 1))
            .into_iter()
            .find_map(|(piece, span)| (piece == Piece::Comma).then_some(span))
    };
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (index, child) in container.children.iter().enumerate() {
        if flags.get(index) != Some(&true) {
            continue;
        }
        let gap = container.gap(index);
        let solid = trivia(document.text, gap.clone())
            .into_iter()
            .rfind(|(piece, _)| !matches!(piece, Piece::Blank | Piece::Newline))
            .map(|(_, span)| span.end);
        let mut span = solid.unwrap_or(gap.start)..child.end;
        if let Some(comma) = comma_after(index) {
            // A comment between the value and its comma is the user's, so it stays.
            if trivia(document.text, span.end..comma.start)
                .iter()
                .all(|(piece, _)| *piece == Piece::Blank)
            {
                span.end = comma.end;
            } else {
                spans.push(comma);
            }
            // In `[ours, theirs]` the blank before `theirs` is removed, not one after the bracket.
            let next = container.gap(index + 1);
            let leading = flags.iter().take(index).all(|flag| *flag);
            let one_line = !document.slice(gap).contains('\n');
            if leading && one_line && document.slice(next.clone()).trim() == "," {
                span = child.start..next.end;
            }
        }
        spans.push(span);
    }
    let last = container.children.len() - 1;
    if flags.get(last) == Some(&true) && comma_after(last).is_none() {
        // The file has no trailing comma here, so the child that is now last loses its comma.
        let kept = flags.iter().rposition(|flag| !flag);
        spans.extend(kept.and_then(comma_after));
    }
    merge(spans).into_iter().map(|span| deletion(document, container, span)).collect()
}

/// Returns the edit that deletes a span. It inserts a line end if the text after the span would otherwise become a part
/// of a line comment before it.
fn deletion(document: &Document<'_>, container: &Container, span: Range<usize>) -> Edit {
    let after_line_comment = (0..=container.children.len())
        .flat_map(|index| trivia(document.text, container.gap(index)))
        .any(|(piece, comment)| piece == Piece::LineComment && comment.end == span.start);
    let rest = document.slice(span.end..document.text.len()).trim_start_matches([' ', '\t']);
    let closed = rest.starts_with('\n') || rest.starts_with("\r\n");
    let text = if after_line_comment && !closed { document.newline() } else { "" };
    Edit { span, text: text.to_owned() }
}

/// Joins the spans that touch or overlap.
fn merge(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(previous) if span.start <= previous.end => {
                previous.end = previous.end.max(span.end);
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// Applies edits that do not overlap. Edits at the same position keep their order.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    let mut result = String::with_capacity(text.len());
    let mut position = 0;
    for edit in edits {
        result.push_str(text.get(position..edit.span.start).unwrap_or_default());
        result.push_str(&edit.text);
        position = edit.span.end;
    }
    result.push_str(text.get(position..).unwrap_or_default());
    result
}

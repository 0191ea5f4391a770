//! The goals of the figures. Each is an upper bound.

use std::fmt::Write as _;

/// A part of the page, and its figures that have a goal.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) figures: Vec<Figure>,
}

/// A figure that should not exceed a goal.
#[derive(Debug)]
pub(super) struct Figure {
    name: String,
    value: f64,
    goal: f64,
    unit: &'static str,
}

impl Part {
    /// Creates a part without figures.
    pub(super) fn new(text: String) -> Self {
        Self { text, figures: Vec::new() }
    }

    /// Adds a figure with its goal. A ratio has the unit `×`.
    pub(super) fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        goal: f64,
        unit: &'static str,
    ) {
        self.figures.push(Figure { name: name.into(), value, goal, unit });
    }
}

/// Returns the table of all figures that have a goal.
pub(super) fn table(parts: &[Part]) -> String {
    let mut text = String::from(
        "## Goals\n\nEach goal is an upper bound.\n\n| figure | measured | goal | met |\n|---|---|---|---|\n",
    );
    for Figure { name, value, goal, unit } in parts.iter().flat_map(|part| &part.figures) {
        // A figure without a value, such as a ratio to nothing, meets no goal.
        let met = if *value <= *goal { "yes" } else { "**no**" };
        let _ = writeln!(text, "| {name} | {value:.2} {unit} | {goal} {unit} | {met} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_marks_the_figures_that_exceed_their_goals() {
        let mut part = Part::default();
        part.add("met", 1.05, 1.05, "×");
        part.add("exceeded", 2.0, 1.5, "ms");
        part.add("unknown", f64::NAN, 1.5, "ms");
        let text = table(&[part]);
        assert!(text.contains("| met | 1.05 × | 1.05 × | yes |"), "{text}");
        assert!(text.contains("| exceeded | 2.00 ms | 1.5 ms | **no** |"), "{text}");
        assert!(text.contains("| unknown | NaN ms | 1.5 ms | **no** |"), "{text}");
    }
}

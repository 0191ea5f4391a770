use std::fmt;
use std::path::PathBuf;

/// The severity of a problem. A file with an error is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A problem with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// The file, if the problem is in a file.
    pub path: Option<PathBuf>,
    /// The line and the column, counted from one.
    pub position: Option<(usize, usize)>,
    pub text: String,
}

impl Problem {
    /// Formats the problem with the name of the file instead of its path.
    pub fn brief(&self) -> String {
        let name = self.path.as_ref().and_then(|path| path.file_name());
        self.format_with(name.map(|name| name.to_string_lossy().into_owned()))
    }

    fn format_with(&self, file: Option<String>) -> String {
        match (file, self.position) {
            (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: {}", self.text),
            (Some(file), None) => format!("{file}: {}", self.text),
            (None, _) => self.text.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.path.as_ref().map(|path| path.display().to_string());
        formatter.write_str(&self.format_with(file))
    }
}

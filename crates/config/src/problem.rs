use std::fmt;
use std::path::PathBuf;

/// Whether the file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Something wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// The file, where the problem is in one.
    pub path: Option<PathBuf>,
    /// Line and column, counted from one.
    pub position: Option<(usize, usize)>,
    pub text: String,
}

impl Problem {
    /// With the file's name in place of its path, for where there is little room.
    pub fn brief(&self) -> String {
        let name = self.path.as_ref().and_then(|path| path.file_name());
        self.located(name.map(|name| name.to_string_lossy().into_owned()))
    }

    fn located(&self, file: Option<String>) -> String {
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
        formatter.write_str(&self.located(file))
    }
}

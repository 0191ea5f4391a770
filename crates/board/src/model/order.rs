//! The orders of the list.

use crewboard_core::{Session, Status};
use std::cmp::Ordering;

/// The order of the rows in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowOrder {
    /// The rows that need the user come first.
    #[default]
    Urgency,
    /// By the repository, or else the directory of the project.
    Project,
    Name,
    Agent,
    Host,
}

impl RowOrder {
    /// All orders, each with its word in the configuration, in the order in which the key goes through them.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Urgency, "needs-you"),
        (Self::Project, "project"),
        (Self::Name, "name"),
        (Self::Agent, "agent"),
        (Self::Host, "host"),
    ];

    /// Returns the order of a word of the configuration.
    pub fn of_word(word: &str) -> Self {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map_or(Self::Urgency, |(order, _)| *order)
    }

    /// Returns the word in the configuration.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(order, _)| *order == self).map_or("", |(_, word)| word)
    }

    /// Returns the next order.
    pub(crate) fn next(self) -> Self {
        let place = Self::ALL.iter().position(|(order, _)| *order == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()].0
    }

    /// Returns true if the order puts rows into groups.
    pub fn has_groups(self) -> bool {
        match self {
            Self::Project | Self::Agent | Self::Host => true,
            Self::Urgency | Self::Name => false,
        }
    }

    /// Returns the directory, host or agent that the rows of a group share, or an empty text if the order has no groups.
    pub(crate) fn group(self, row: &Session) -> &str {
        match self {
            Self::Urgency | Self::Name => "",
            Self::Project => directory(row),
            Self::Agent => row.agent.as_str(),
            Self::Host => &row.place.host,
        }
    }

    /// Compares two rows. Except in the order of urgency, rows do not trade places when their status changes: only
    /// closed rows go to the end of their group, and pinned rows to its top.
    pub fn compare(self, one: &Session, other: &Session) -> Ordering {
        let is_closed = |row: &Session| row.status == Status::Closed;
        let closed = is_closed(one).cmp(&is_closed(other));
        let sorted = match self {
            Self::Urgency => return one.compare_for_list(other),
            Self::Name => closed.then_with(|| compare_words(&one.name, &other.name)),
            Self::Project => compare_paths(directory(one), directory(other)).then(closed),
            Self::Agent | Self::Host => self.group(one).cmp(self.group(other)).then(closed),
        };
        let fixed = |row: &Session| (row.started, row.key.clone());
        sorted
            .then_with(|| other.pinned.cmp(&one.pinned))
            .then_with(|| fixed(one).cmp(&fixed(other)))
    }
}

/// Compares the last components of two paths, and then the paths.
fn compare_paths(one: &str, other: &str) -> Ordering {
    let last = |path: &'_ str| path.rfind('/').map_or(0, |slash| slash + 1);
    let name = |path| -> &str { str::get(path, last(path)..).unwrap_or(path) };
    compare_words(name(one), name(other)).then_with(|| one.cmp(other))
}

/// Compares two texts without regard to case.
fn compare_words(one: &str, other: &str) -> Ordering {
    let lower = |text: &'_ str| text.to_lowercase();
    lower(one).cmp(&lower(other))
}

/// Returns the top directory of the row's repository. If it is not known, returns the directory that gives the row its name,
/// or the working directory if the name is not in its path.
fn directory(row: &Session) -> &str {
    if let Some(repository) = row.repository_root.as_deref() {
        return repository;
    }
    let Some(cwd) = row.cwd.as_deref() else { return &row.name };
    let mut end = 0;
    let mut found = None;
    for part in cwd.split('/') {
        end += part.len();
        if part == row.name {
            found = cwd.get(..end);
        }
        end += 1;
    }
    found.unwrap_or(cwd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{RowKey, Timestamp};

    fn row(key: &str, cwd: &str, status: Status, started: u64) -> Session {
        Session {
            key: RowKey::new(key),
            name: cwd.split('/').nth(3).unwrap_or_default().to_owned(),
            cwd: Some(cwd.to_owned()),
            status,
            needs_you: status.is_prompt(),
            started: Timestamp(started),
            ..Session::default()
        }
    }

    fn order(order: RowOrder, rows: &[Session]) -> String {
        let mut rows: Vec<&Session> = rows.iter().collect();
        rows.sort_by(|one, other| order.compare(one, other));
        rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_of_a_project_stand_together_in_a_fixed_order() {
        let rows = [
            row("c", "/u/work/shop/src", Status::Idle, 3),
            row("b", "/u/play/web", Status::Working, 2),
            row("a", "/u/work/shop", Status::Working, 1),
            row("d", "/u/play/web", Status::Permission, 4),
            row("e", "/u/play/web", Status::Closed, 0),
        ];
        assert_eq!(order(RowOrder::Project, &rows), "a c b d e");
        assert_eq!(order(RowOrder::Name, &rows), "a c b d e");
        assert_eq!(order(RowOrder::Agent, &rows), "a b c d e");
        assert_eq!(order(RowOrder::Urgency, &rows), "d a b c e");
        let pinned = rows.clone().map(|row| Session { pinned: row.key.as_str() == "c", ..row });
        assert_eq!(order(RowOrder::Project, &pinned), "c a b d e");
        let worktree = |key: &str, cwd: &str| Session {
            repository_root: Some("/u/work/shop".to_owned()),
            ..row(key, cwd, Status::Closed, 5)
        };
        let rows = [&rows[..], &[worktree("f", "/u/trees/tf-12"), worktree("g", "/u/trees/web")]];
        assert_eq!(order(RowOrder::Project, &rows.concat()), "a c f g b d e");
    }

    #[test]
    fn key_goes_through_all_orders() {
        let mut order = RowOrder::default();
        for (expected, word) in RowOrder::ALL {
            assert_eq!((order, RowOrder::of_word(word)), (expected, expected));
            order = order.next();
        }
        assert_eq!(order, RowOrder::Urgency);
    }
}

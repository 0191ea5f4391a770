//! The groups of the list: the rows of one project, host or agent.

use crate::model::order::RowOrder;
use crewboard_core::{Counts, Session, directory_labels};

/// A group of rows, which stand together in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The index of its first row in the list.
    pub first: usize,
    pub name: String,
    pub counts: Counts,
}

/// Returns the groups of `rows`, which are sorted by `order`. Returns an empty list if the order has no groups.
pub(crate) fn groups<'a>(order: RowOrder, rows: impl Iterator<Item = &'a Session>) -> Vec<Group> {
    if !order.has_groups() {
        return Vec::new();
    }
    let rows: Vec<&Session> = rows.collect();
    let chunks: Vec<&[&Session]> =
        rows.chunk_by(|one, other| order.group(one) == order.group(other)).collect();
    let shared = |rows: &[&'_ Session]| rows.first().map_or("", |row| order.group(row)).to_owned();
    let shared: Vec<String> = chunks.iter().map(|rows| shared(rows)).collect();
    let labels = directory_labels(shared.iter().map(String::as_str));
    let mut first = 0;
    let mut groups = Vec::new();
    for (rows, shared) in chunks.into_iter().zip(&shared) {
        let name = match (order, labels.get(shared.as_str())) {
            _ if shared.is_empty() => "unknown".to_owned(),
            (RowOrder::Project, Some(label)) => label.clone(),
            _ => shared.clone(),
        };
        groups.push(Group { first, name, counts: Counts::of(rows.iter().copied()) });
        first += rows.len();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Status;

    #[test]
    fn repositories_with_the_same_name_are_two_groups() {
        let row = |repository: Option<&str>, cwd: &str, status| Session {
            name: "shop".to_owned(),
            repository_root: repository.map(str::to_owned),
            cwd: Some(cwd.to_owned()),
            status,
            ..Session::default()
        };
        let rows = [
            row(Some("/u/play/shop"), "/u/play/shop/src", Status::Idle),
            row(Some("/u/work/shop"), "/u/work/shop", Status::Working),
            row(Some("/u/work/shop"), "/u/trees/tf-12", Status::Idle),
            row(None, "/u/work/shop", Status::Working),
        ];
        let shown = |order| -> Vec<(usize, String, usize, usize)> {
            let groups = groups(order, rows.iter()).into_iter();
            groups.map(|it| (it.first, it.name, it.counts.working, it.counts.idle)).collect()
        };
        let (play, work) = ("play/shop".to_owned(), "work/shop".to_owned());
        assert_eq!(shown(RowOrder::Project), [(0, play, 0, 1), (1, work, 2, 1)]);
        assert_eq!(shown(RowOrder::Host), [(0, "unknown".to_owned(), 2, 2)]);
        assert_eq!(shown(RowOrder::Urgency), []);
    }
}

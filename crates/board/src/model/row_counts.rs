//! Counts names and measures texts for the totals, for each row of a snapshot.

use std::collections::{BTreeMap, HashMap};
use unicode_width::UnicodeWidthStr;

/// Returns a count after `by` was added to it.
fn added(count: usize, by: isize) -> usize {
    count.saturating_add_signed(by)
}

/// Adds `by` to the count of a name and returns the new count.
pub(super) fn add_to_name_count(
    names: &mut HashMap<String, usize>,
    name: &str,
    by: isize,
) -> usize {
    let Some(known) = names.get_mut(name) else {
        let count = added(0, by);
        if count > 0 {
            names.insert(name.to_owned(), count);
        }
        return count;
    };
    *known = added(*known, by);
    let count = *known;
    if count == 0 {
        names.remove(name);
    }
    count
}

/// Adds `by` to the count of `key`.
pub(super) fn add_to_count<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: &K, by: isize) {
    if let Some(known) = counts.get_mut(key) {
        *known = added(*known, by);
        if *known == 0 {
            counts.remove(key);
        }
    } else if by > 0 {
        counts.insert(key.clone(), added(0, by));
    }
}

/// Returns the width of a text.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::agent_text::AgentText;
    use crate::model::row_list::RowList;
    use crewboard_core::{Counts, RowKey, Session, Status, Timestamp};

    /// Returns a row of each status, with the keys from `first`.
    fn rows(first: usize) -> Vec<Session> {
        let row = |(index, status): (usize, &Status)| Session {
            key: RowKey::new(&format!("k{}", first + index)),
            name: format!("name-{}", index % 3),
            status: *status,
            needs_you: status.is_prompt() || status.needs_you_until_seen(),
            since: Timestamp(1000 - index as u64),
            ..Session::default()
        };
        Status::ALL.iter().enumerate().map(row).collect()
    }

    #[test]
    fn replaced_rows_equal_those_of_a_new_list() {
        let mut list = RowList::new(AgentText::PLAIN);
        for rows in [rows(0), rows(2), rows(40), rows(40).split_off(3), Vec::new(), rows(1)] {
            list.replace_all(rows.clone());
            let mut fresh = RowList::new(AgentText::PLAIN);
            fresh.replace_all(rows.clone());
            assert_eq!(list.order(), fresh.order());
            assert_eq!(list.totals(), fresh.totals());
            assert_eq!(list.count(), rows.len());
            assert!(rows.iter().all(|row| list.get(&row.key) == Some(row)));
            assert_eq!(list.totals().counts(), Counts::of(&rows));
        }
    }

    #[test]
    fn names_without_rows_are_removed() {
        let mut names = HashMap::new();
        assert_eq!(add_to_name_count(&mut names, "shop", -1), 0);
        assert_eq!(add_to_name_count(&mut names, "shop", 1), 1);
        assert_eq!(add_to_name_count(&mut names, "shop", 1), 2);
        assert_eq!(add_to_name_count(&mut names, "shop", -2), 0);
        assert!(names.is_empty());
        let mut few = BTreeMap::new();
        for (by, expected) in [(-1, None), (2, Some(2)), (-1, Some(1)), (-1, None)] {
            add_to_count(&mut few, &"a", by);
            assert_eq!(few.get("a").copied(), expected);
        }
    }
}

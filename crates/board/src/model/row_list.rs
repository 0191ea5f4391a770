//! The rows and their order in the list. Each change updates them and the totals over all rows, so the cost of a frame
//! depends only on the rows that it shows.

use crate::model::agent_text::AgentText;
use crate::model::filter::Matcher;
use crate::model::group::{Group, groups};
use crate::model::order::RowOrder;
use crate::model::totals::{Totals, Widths, short_model};
use crewboard_core::{RowKey, Session};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// All rows, and the list of those that match the filter.
#[derive(Debug, Clone)]
pub struct RowList {
    rows: HashMap<RowKey, Session>,
    /// The listed rows, first to last.
    order: Vec<RowKey>,
    /// The groups of the listed rows, once they are shown. They depend on all rows, and many changes may come before a frame.
    groups: OnceCell<Vec<Group>>,
    agent_text: AgentText,
    totals: Totals,
    filter: String,
    show_dismissed: bool,
    sort: RowOrder,
    /// The row that has needed the user for the longest time.
    urgent: Option<RowKey>,
}

impl RowList {
    pub(crate) fn new(agent_text: AgentText) -> Self {
        Self {
            rows: HashMap::new(),
            order: Vec::new(),
            groups: OnceCell::new(),
            agent_text,
            totals: Totals::new(),
            filter: String::new(),
            show_dismissed: false,
            sort: RowOrder::default(),
            urgent: None,
        }
    }

    /// Sets the functions that write an agent's texts, and measures all rows again.
    pub(crate) fn set_agent_text(&mut self, agent_text: AgentText) {
        self.agent_text = agent_text;
        self.totals = Totals::of(agent_text, self.rows.values());
    }

    pub fn get(&self, key: &RowKey) -> Option<&Session> {
        self.rows.get(key)
    }

    /// Returns all rows, also those that are not listed.
    pub fn all(&self) -> impl Iterator<Item = &Session> {
        self.rows.values()
    }

    /// Returns the number of all rows.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there are no rows at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the keys of the listed rows, first to last.
    pub fn order(&self) -> &[RowKey] {
        &self.order
    }

    /// Returns the listed rows, first to last.
    pub fn listed(&self) -> impl Iterator<Item = &Session> {
        self.order.iter().filter_map(|key| self.rows.get(key))
    }

    /// Returns the groups of the listed rows, first to last. An order without groups has none.
    pub fn groups(&self) -> &[Group] {
        self.groups.get_or_init(|| groups(self.sort, self.listed()))
    }

    /// Returns the number of the group that has the listed row `index`.
    pub(crate) fn group_at(&self, index: usize) -> usize {
        self.groups().partition_point(|group| group.first <= index).saturating_sub(1)
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn shows_dismissed(&self) -> bool {
        self.show_dismissed
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Returns the row that has needed the user for the longest time.
    pub fn most_urgent(&self) -> Option<&Session> {
        self.rows.get(self.urgent.as_ref()?)
    }

    /// Returns the width of each column's widest text.
    pub(crate) fn widths(&self) -> Widths {
        self.totals.widths()
    }

    /// Returns the name of a row's model, without the prefix of its agent.
    pub(crate) fn short_model<'a>(&self, row: &'a Session) -> &'a str {
        short_model(self.agent_text, row)
    }

    /// Changes the filter with `edit`, and lists the rows that match.
    pub(crate) fn edit_filter<R>(&mut self, edit: impl FnOnce(&mut String) -> R) -> R {
        let result = edit(&mut self.filter);
        self.list_rows();
        result
    }

    /// Returns the order of the list.
    pub fn sort(&self) -> RowOrder {
        self.sort
    }

    /// Lists the rows in another order.
    pub(crate) fn set_sort(&mut self, sort: RowOrder) {
        self.sort = sort;
        self.list_rows();
    }

    /// Lists or leaves out the dismissed rows.
    pub fn set_show_dismissed(&mut self, show_dismissed: bool) {
        self.show_dismissed = show_dismissed;
        self.list_rows();
    }

    /// Replaces all rows; each key occurs once. Rows that stay keep their place in memory and in the former order, which
    /// is nearly the new one.
    pub(crate) fn replace_all(&mut self, mut rows: Vec<Session>) {
        let mut new_keys = Vec::new();
        for row in &mut rows {
            if let Some(known) = self.rows.get_mut(&row.key) {
                std::mem::swap(known, row);
            } else {
                new_keys.push(row.key.clone());
                self.rows.insert(row.key.clone(), std::mem::take(row));
            }
        }
        if self.rows.len() > rows.len() {
            // `rows` now has the former rows, with the same keys.
            let keys = rows.iter().map(|row| &row.key).chain(&new_keys);
            let keys: HashSet<&RowKey> = keys.collect();
            self.rows.retain(|key, _| keys.contains(key));
        }
        self.totals = Totals::of(self.agent_text, self.rows.values());
        self.list_rows();
    }

    /// Inserts a row, or replaces the row with the same key. The other rows keep their order.
    pub(crate) fn insert(&mut self, row: Session) {
        let key = row.key.clone();
        self.unlist(&key);
        let old = self.rows.insert(key.clone(), row);
        self.list_one(&key, old.as_ref());
    }

    /// Removes a row. The other rows keep their order.
    pub(crate) fn remove(&mut self, key: &RowKey) {
        self.unlist(key);
        let old = self.rows.remove(key);
        self.list_one(key, old.as_ref());
    }

    fn unlist(&mut self, key: &RowKey) {
        if let Some(index) = self.index_of(key) {
            self.order.remove(index);
        }
    }

    /// Lists the row `key` if it exists and matches, and updates the totals. `old` is the row that it replaces.
    fn list_one(&mut self, key: &RowKey, old: Option<&Session>) {
        if let Some(row) = self.rows.get(key)
            && self.is_shown(row)
            && Matcher::new(&self.filter).matches(row)
        {
            let index = self.insertion_index(row);
            self.order.insert(index, key.clone());
        }
        if !self.totals.replace(self.agent_text, old, self.rows.get(key)) {
            self.totals = Totals::of(self.agent_text, self.rows.values());
        }
        self.find_urgent();
        self.groups = OnceCell::new();
    }

    /// Lists all rows that match, in order.
    fn list_rows(&mut self) {
        let matcher = Matcher::new(&self.filter);
        let is_listed = |row: &&Session| self.is_shown(row) && matcher.matches(row);
        let mut rows: Vec<&Session> = if self.order.len() == self.rows.len() {
            // A sort takes much less time if the rows are nearly in order.
            let former: Vec<&Session> = self.listed().collect();
            if former.len() == self.rows.len() { former } else { self.all().collect() }
        } else {
            self.all().collect()
        };
        rows.retain(is_listed);
        rows.sort_by(|one, other| self.sort.compare(one, other));
        self.order = rows.into_iter().map(|row| row.key.clone()).collect();
        self.find_urgent();
        self.groups = OnceCell::new();
    }

    /// Returns true unless the row is hidden.
    fn is_shown(&self, row: &Session) -> bool {
        self.show_dismissed || !row.dismissed
    }

    fn find_urgent(&mut self) {
        let needs = |row: &&Session| row.needs_you && !row.dismissed;
        let urgent = if self.filter.is_empty() && self.sort == RowOrder::Urgency {
            // The rows that need the user are listed first.
            self.listed().take_while(|row| row.needs_you).find(needs)
        } else {
            self.all().filter(needs).min_by(|one, other| one.compare_for_list(other))
        };
        self.urgent = urgent.map(|row| row.key.clone());
    }

    /// Returns the index at which a row belongs in the list.
    fn insertion_index(&self, row: &Session) -> usize {
        self.order.partition_point(|other| {
            self.rows.get(other).is_some_and(|other| self.sort.compare(other, row).is_lt())
        })
    }

    /// Returns the index of the row `key` in the list, if it is listed.
    pub(crate) fn index_of(&self, key: &RowKey) -> Option<usize> {
        let index = self.insertion_index(self.rows.get(key)?);
        (self.order.get(index) == Some(key)).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_once_after_many_changes() {
        let row = |key: &str, host: &str| {
            let mut row = Session { key: RowKey::new(key), ..Session::default() };
            row.place.host = host.to_owned();
            row
        };
        let mut list = RowList::new(AgentText::PLAIN);
        list.set_sort(RowOrder::Host);
        for (key, host) in [("kaaaa", "box"), ("kbbbb", "far"), ("kcccc", "box")] {
            list.insert(row(key, host));
            assert!(list.groups.get().is_none(), "a change walks all rows");
        }
        let shown = |list: &RowList| -> Vec<(usize, String)> {
            list.groups().iter().map(|group| (group.first, group.name.clone())).collect()
        };
        assert_eq!(shown(&list), [(0, "box".to_owned()), (2, "far".to_owned())]);
        list.remove(&RowKey::new("kbbbb"));
        assert_eq!(shown(&list), [(0, "box".to_owned())]);
    }
}

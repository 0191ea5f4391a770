//! The rows, their order in the list, and the totals over all rows. Each change updates them, so the cost of a frame
//! depends only on the rows that it shows.

use crate::format::cells;
use crate::model::agent_text::AgentText;
use crate::model::filter::Matcher;
use crate::model::group::{Group, groups};
use crate::model::order::RowOrder;
use crate::model::row_counts::{add_to_count, add_to_name_count, width};
use crewboard_core::{AgentName, CountCategory, Counts, RowKey, Session, Status, labels};
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The number of widths that are counted; no column is wider.
const WIDTHS: usize = 33;

/// The totals over all rows. Adding or removing a row updates them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    names: HashMap<String, usize>,
    /// The labels of the rows whose name alone does not identify them.
    labels: HashMap<RowKey, String>,
    // There are only a few agents and hosts, and each change of a row updates both counts.
    agents: BTreeMap<AgentName, usize>,
    hosts: BTreeMap<String, usize>,
    /// The cents that the rows of each project have cost today.
    costs_today: HashMap<String, usize>,
    /// The number of rows that need the user, by status.
    needs: [usize; Status::ALL.len()],
    pub(crate) working: usize,
    pub(crate) idle: usize,
    pub(crate) dismissed: usize,
    /// The number of dismissed rows that would need the user otherwise.
    pub(crate) hidden_needs: usize,
    /// The number of rows that have a text of each width, for each column.
    widths: [[usize; WIDTHS]; COLUMNS],
}

/// The columns whose width depends on their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Work,
    Context,
    Cost,
    Agent,
    Model,
    Place,
    Host,
    PullRequest,
    Repository,
}

const COLUMNS: usize = 10;

/// The widest text of each of the list's columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Widths {
    pub(crate) name: usize,
    pub(crate) work: usize,
    pub(crate) context: usize,
    pub(crate) cost: usize,
    /// Zero while all sessions have the same agent.
    pub(crate) agent: usize,
    pub(crate) model: usize,
    pub(crate) place: usize,
    /// Zero while all sessions run on one host.
    pub(crate) host: usize,
    pub(crate) pull_request: usize,
    pub(crate) repository: usize,
}

/// Returns everything on which the labels of a row and of the rows with its name depend.
fn label_source(row: &Session) -> (&str, [Option<&str>; 4]) {
    let texts = [&row.cwd, &row.branch, &row.title, &row.user_prompt];
    (&row.name, texts.map(|text| text.as_deref()))
}

impl Totals {
    /// Returns the totals of no rows.
    fn new() -> Self {
        Self {
            names: HashMap::new(),
            labels: HashMap::new(),
            agents: BTreeMap::new(),
            hosts: BTreeMap::new(),
            costs_today: HashMap::new(),
            needs: [0; Status::ALL.len()],
            working: 0,
            idle: 0,
            dismissed: 0,
            hidden_needs: 0,
            widths: [[0; WIDTHS]; COLUMNS],
        }
    }

    /// Returns the totals of `rows`.
    fn of<'a>(agent_text: AgentText, rows: impl Iterator<Item = &'a Session> + Clone) -> Self {
        let mut totals = Self::new();
        // The labels come first: they are wider than the names.
        for row in rows.clone() {
            add_to_name_count(&mut totals.names, &row.name, 1);
        }
        let is_shared =
            |row: &&Session| totals.names.get(&row.name).is_some_and(|count| *count > 1);
        totals.labels = labels(rows.clone().filter(is_shared));
        rows.for_each(|row| totals.add(agent_text, row, 1));
        totals
    }

    /// Replaces the counts of one row. Returns false if the change affects the width of other rows, so that all rows
    /// have to be counted again.
    fn replace(
        &mut self,
        agent_text: AgentText,
        old: Option<&Session>,
        new: Option<&Session>,
    ) -> bool {
        if old.map(label_source) != new.map(label_source) {
            if old.is_some_and(|row| add_to_name_count(&mut self.names, &row.name, -1) > 0) {
                return false;
            }
            if new.is_some_and(|row| add_to_name_count(&mut self.names, &row.name, 1) > 1) {
                return false;
            }
        }
        if let Some(old) = old {
            self.add(agent_text, old, -1);
        }
        if let Some(new) = new {
            self.add(agent_text, new, 1);
        }
        true
    }

    /// Adds `by` to every count of a row except that of its name.
    fn add(&mut self, agent_text: AgentText, row: &Session, by: isize) {
        let add_to = |sum: &mut usize| *sum = sum.saturating_add_signed(by);
        if row.dismissed {
            add_to(&mut self.dismissed);
            if row.hides_need() {
                add_to(&mut self.hidden_needs);
            }
        }
        match row.counted() {
            CountCategory::Needs(needing) => {
                let index = Status::ALL.iter().position(|status| *status == needing);
                add_to(&mut self.needs[index.unwrap_or(0)]);
            }
            CountCategory::Working => add_to(&mut self.working),
            CountCategory::Idle => add_to(&mut self.idle),
            CountCategory::NotCounted => {}
        }
        add_to_count(&mut self.agents, &row.agent, by);
        if !row.place.host.is_empty() {
            add_to_count(&mut self.hosts, &row.place.host, by);
        }
        if let Some(cost) = &row.cost_today {
            let cents = isize::try_from(cost.cents()).unwrap_or(0);
            add_to_name_count(&mut self.costs_today, row.project(), by.saturating_mul(cents));
        }
        let name = width(self.display_name(row)) + 2 * usize::from(row.parent.is_some());
        let knows_context = row.usage.is_some_and(|usage| usage.context_percent.is_some());
        for (column, width) in [
            (Column::Name, name),
            (Column::Work, width(&cells::work(row))),
            (Column::Context, if knows_context { 4 } else { 0 }),
            (Column::Cost, width(&cells::cost(row))),
            (Column::Agent, width(row.agent.as_str())),
            (Column::Model, width(short_model(agent_text, row))),
            (Column::Place, width(cells::place(row))),
            (Column::Host, width(&row.place.host)),
            (Column::PullRequest, width(&cells::pull_request(row))),
            (Column::Repository, width(row.short_repository())),
        ] {
            add_to(&mut self.widths[column as usize][width.min(WIDTHS - 1)]);
        }
    }

    /// Returns a row's name, or the label that tells it apart from rows with the same name.
    pub(crate) fn display_name<'a>(&'a self, row: &'a Session) -> &'a str {
        self.labels.get(&row.key).unwrap_or(&row.name)
    }

    /// Returns the cost of today in cents: that of all rows, and that of the row's project.
    pub(crate) fn costs_today(&self, row: &Session) -> (usize, usize) {
        let project = self.costs_today.get(row.project()).copied().unwrap_or(0);
        (self.costs_today.values().sum(), project)
    }

    /// Returns the statuses that need the user, with the number of rows in each.
    pub(crate) fn needs(&self) -> Vec<(Status, usize)> {
        Status::ALL.into_iter().zip(self.needs).filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the number of sessions in each category.
    pub(crate) fn counts(&self) -> Counts {
        let of = |wanted| {
            let index = Status::ALL.iter().position(|status| *status == wanted);
            index.and_then(|index| self.needs.get(index)).copied().unwrap_or(0)
        };
        Counts {
            needs_you: self.needs.iter().sum(),
            permission: of(Status::Permission),
            question: of(Status::Question),
            plan: of(Status::Plan),
            failed: of(Status::Failed),
            done: of(Status::Done),
            working: self.working,
            idle: self.idle,
        }
    }

    pub(crate) fn widths(&self) -> Widths {
        let widest = |column: Column| {
            self.widths[column as usize].iter().rposition(|count| *count > 0).unwrap_or(0)
        };
        Widths {
            name: widest(Column::Name),
            work: widest(Column::Work),
            context: widest(Column::Context),
            cost: widest(Column::Cost),
            agent: if self.agents.len() > 1 { widest(Column::Agent) } else { 0 },
            model: widest(Column::Model),
            place: widest(Column::Place),
            host: if self.hosts.len() > 1 { widest(Column::Host) } else { 0 },
            pull_request: widest(Column::PullRequest),
            repository: widest(Column::Repository),
        }
    }
}

/// Returns the name of a row's model, without the prefix of its agent.
fn short_model(agent_text: AgentText, row: &Session) -> &str {
    let short = agent_text.short_model;
    row.model.as_deref().map_or("", |model| short(row.agent.as_str(), model))
}

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
        self.groups.get_or_init(|| {
            if self.sort.has_groups() {
                groups(self.sort, &self.listed().collect::<Vec<_>>())
            } else {
                Vec::new()
            }
        })
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

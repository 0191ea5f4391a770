//! Which rows are listed, in which order, and what the whole list has to know of them. Taken once a
//! change, so that a frame costs only the rows it shows.

use crate::model::Model;
use crate::view;
use crewboard_core::{AgentName, CountCategory, RowKey, Session, Status};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use unicode_width::UnicodeWidthStr;

/// Widths that are told apart: no column is wider.
const WIDTHS: usize = 33;

/// What is true of the rows together, kept as they come and go one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    names: HashMap<String, usize>,
    agents: HashMap<AgentName, usize>,
    hosts: HashMap<String, usize>,
    /// How many need somebody, by status.
    needs: [usize; Status::ALL.len()],
    pub(crate) working: usize,
    pub(crate) idle: usize,
    pub(crate) dismissed: usize,
    /// Those of them that would need somebody.
    pub(crate) hidden_needs: usize,
    /// How many rows have a text of each width, column by column.
    widths: [[usize; WIDTHS]; COLUMNS],
    /// The row that has needed somebody longest.
    pub(crate) urgent: Option<RowKey>,
}

/// The columns whose width depends on what is in them.
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
}

const COLUMNS: usize = 8;

/// The widest text of each of the list's columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Widths {
    pub(crate) name: usize,
    pub(crate) work: usize,
    pub(crate) context: usize,
    pub(crate) cost: usize,
    /// Zero while all are of one kind.
    pub(crate) agent: usize,
    pub(crate) model: usize,
    pub(crate) place: usize,
    /// Zero while all are on one.
    pub(crate) host: usize,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            agents: HashMap::new(),
            hosts: HashMap::new(),
            needs: [0; Status::ALL.len()],
            working: 0,
            idle: 0,
            dismissed: 0,
            hidden_needs: 0,
            widths: [[0; WIDTHS]; COLUMNS],
            urgent: None,
        }
    }
}

/// Counts one more or one less of `key`; how many there are then.
fn count<K, Q>(counts: &mut HashMap<K, usize>, key: &Q, by: isize) -> usize
where
    K: Borrow<Q> + Hash + Eq,
    Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
{
    let counted = counts.get(key).copied().unwrap_or(0).saturating_add_signed(by);
    if counted == 0 {
        counts.remove(key);
    } else if let Some(known) = counts.get_mut(key) {
        *known = counted;
    } else {
        counts.insert(key.to_owned(), counted);
    }
    counted
}

impl Listing {
    /// Takes in all rows.
    fn of<'a>(rows: impl Iterator<Item = &'a Session> + Clone) -> Self {
        let mut listing = Self::default();
        // First the names: whether one is shared decides how widely it is written.
        for row in rows.clone() {
            count(&mut listing.names, row.name.as_str(), 1);
        }
        rows.for_each(|row| listing.tally(row, 1));
        listing
    }

    /// Takes one row in for another; false if that tells of others more than of it, so that all have
    /// to be taken in again.
    fn replace(&mut self, old: Option<&Session>, new: Option<&Session>) -> bool {
        let name = |row: Option<&Session>| row.map(|row| row.name.clone());
        if name(old) != name(new) {
            for (row, by, alone) in [(old, -1, 1), (new, 1, 2)] {
                if row.is_some_and(|row| count(&mut self.names, row.name.as_str(), by) == alone) {
                    return false;
                }
            }
        }
        if let Some(old) = old {
            self.tally(old, -1);
        }
        if let Some(new) = new {
            self.tally(new, 1);
        }
        true
    }

    /// Counts a row in or out, but for its name.
    fn tally(&mut self, row: &Session, by: isize) {
        let add = |sum: &mut usize| *sum = sum.saturating_add_signed(by);
        if row.dismissed {
            add(&mut self.dismissed);
            if row.needs_you {
                add(&mut self.hidden_needs);
            }
        }
        match row.counted() {
            CountCategory::Needs(needed) => {
                let index = Status::ALL.iter().position(|status| *status == needed);
                add(&mut self.needs[index.unwrap_or(0)]);
            }
            CountCategory::Working => add(&mut self.working),
            CountCategory::Idle => add(&mut self.idle),
            CountCategory::Nothing => {}
        }
        count(&mut self.agents, &row.agent, by);
        if !row.place.host.is_empty() {
            count(&mut self.hosts, row.place.host.as_str(), by);
        }
        let mut name = row.name.width() + usize::from(row.parent.is_some());
        if let Some(branch) = row.branch.as_ref().filter(|_| self.is_shared(&row.name)) {
            name += branch.width() + 3;
        }
        let knows_context = row.usage.is_some_and(|usage| usage.context_percent.is_some());
        for (column, width) in [
            (Column::Name, name),
            (Column::Work, view::work(row, true).width()),
            (Column::Context, if knows_context { 4 } else { 0 }),
            (Column::Cost, view::cost(row).width()),
            (Column::Agent, row.agent.as_str().width()),
            (Column::Model, row.model.as_deref().map_or("", view::short_model).width()),
            (Column::Place, view::place(row).width()),
            (Column::Host, row.place.host.width()),
        ] {
            add(&mut self.widths[column as usize][width.min(WIDTHS - 1)]);
        }
    }

    /// Whether several rows have this name.
    pub(crate) fn is_shared(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|count| *count > 1)
    }

    /// How many need somebody, by status, those statuses only of which there are any.
    pub(crate) fn needs(&self) -> Vec<(Status, usize)> {
        Status::ALL.into_iter().zip(self.needs).filter(|(_, count)| *count > 0).collect()
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
        }
    }
}

/// Puts all rows in order.
pub(crate) fn arrange_all(model: &mut Model) {
    model.order = listed(model);
    model.listing = Listing::of(model.rows.values());
    find_urgent(model);
}

/// Puts the same rows in order for another filter.
pub(crate) fn arrange_filter(model: &mut Model) {
    model.order = listed(model);
    find_urgent(model);
}

/// Takes one row in for another of the same key, or for none: the others stand in order already.
pub(crate) fn replace(model: &mut Model, key: &RowKey, new: Option<Session>) {
    if let Some(index) = index_of(model, key) {
        model.order.remove(index);
    }
    let old = match new {
        Some(row) => model.rows.insert(key.clone(), row),
        None => model.rows.remove(key),
    };
    if let Some(row) = model.rows.get(key)
        && Sieve::new(model).lists(row)
    {
        let index = place_of(model, row);
        model.order.insert(index, key.clone());
    }
    if !model.listing.replace(old.as_ref(), model.rows.get(key)) {
        model.listing = Listing::of(model.rows.values());
    }
    find_urgent(model);
}

fn find_urgent(model: &mut Model) {
    let needs = |row: &&Session| row.needs_you && !row.dismissed;
    let urgent = if model.filter.is_empty() {
        // Those that need somebody stand first.
        model.listed().take_while(|row| row.needs_you).find(needs)
    } else {
        model.rows.values().filter(needs).min_by(|one, other| one.compare_for_list(other))
    };
    model.listing.urgent = urgent.map(|row| row.key.clone());
}

/// Where in the list a row belongs.
fn place_of(model: &Model, row: &Session) -> usize {
    model.order.partition_point(|other| {
        model.rows.get(other).is_some_and(|other| other.compare_for_list(row).is_lt())
    })
}

/// Where in the list the row `key` stands, if it is listed.
pub(crate) fn index_of(model: &Model, key: &RowKey) -> Option<usize> {
    let index = place_of(model, model.rows.get(key)?);
    (model.order.get(index) == Some(key)).then_some(index)
}

/// Decides whether a row is listed.
struct Sieve<'a> {
    model: &'a Model,
    /// Each word of the filter as it was typed, and in lower case.
    words: Vec<(&'a str, String)>,
}

/// Letters of a key or an id that say which is meant: fewer are in many of them by chance.
const LEAST_OF_ID: usize = 3;

impl<'a> Sieve<'a> {
    fn new(model: &'a Model) -> Self {
        let words = model.filter.split_whitespace().map(|word| (word, word.to_lowercase()));
        Self { model, words: words.collect() }
    }

    fn lists(&self, row: &Session) -> bool {
        if row.dismissed && !self.model.show_dismissed {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let names = names(row);
        let texts: Vec<String> = texts(row).map(str::to_lowercase).collect();
        self.words.iter().all(|(typed, word)| {
            let is_id = |id: &str| word.len() >= LEAST_OF_ID && id.starts_with(word.as_str());
            has_letters(&names, typed)
                || texts.iter().any(|text| text.contains(word))
                || [row.id.as_str(), row.key.as_str()].into_iter().any(is_id)
        })
    }
}

/// Returns true if `text` has the letters of `word` in their order, with any others between them. Capitals
/// count only if there is one in `word`.
fn has_letters(text: &str, word: &str) -> bool {
    let has_capital = word.chars().any(char::is_uppercase);
    let is_same = |one: char, other: char| {
        one == other || !has_capital && one.to_lowercase().eq(other.to_lowercase())
    };
    let mut rest = text.chars();
    word.chars().all(|letter| rest.any(|other| is_same(letter, other)))
}

/// The rows that are listed, first to last.
fn listed(model: &Model) -> Vec<RowKey> {
    let sieve = Sieve::new(model);
    let mut rows: Vec<&Session> = model.rows.values().filter(|row| sieve.lists(row)).collect();
    rows.sort_by(|one, other| one.compare_for_list(other));
    rows.into_iter().map(|row| row.key.clone()).collect()
}

/// What a row is found by though letters are left out.
fn names(row: &Session) -> String {
    let mut names = format!("{} {} {}", row.name, row.status, row.agent);
    for name in [&row.branch, &row.place.pane, &row.place.target].into_iter().flatten() {
        names.push(' ');
        names.push_str(name);
    }
    names
}

/// What a row is found by word for word: long texts hold any few letters in some order.
fn texts(row: &Session) -> impl Iterator<Item = &str> {
    let texts = [&row.activity, &row.title, &row.prompt, &row.model, &row.cwd];
    texts.into_iter().flatten().map(String::as_str)
}

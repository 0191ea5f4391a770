//! The totals over all rows. Each change of a row updates them.

use crate::format::cells;
use crate::model::agent_text::AgentText;
use crate::model::row_counts::{add_to_count, add_to_name_count, width};
use crewboard_core::{AgentName, CountCategory, Counts, RowKey, Session, Status, labels};
use std::collections::{BTreeMap, HashMap};

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
    pub(super) fn new() -> Self {
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
    pub(super) fn of<'a>(
        agent_text: AgentText,
        rows: impl Iterator<Item = &'a Session> + Clone,
    ) -> Self {
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
    pub(super) fn replace(
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
    pub(crate) fn costs_today(&self, row: &Session) -> (u64, u64) {
        let project = self.costs_today.get(row.project()).copied().unwrap_or(0);
        let cents = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (cents(self.costs_today.values().sum()), cents(project))
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
pub(super) fn short_model(agent_text: AgentText, row: &Session) -> &str {
    let short = agent_text.short_model;
    row.model.as_deref().map_or("", |model| short(row.agent.as_str(), model))
}

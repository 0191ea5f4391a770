//! Who is told what, and when. What waits for a subscriber is bounded by the number of rows,
//! however slowly it reads: the newest state of each changed row.

use crate::actor::ConnectionId;
use crewboard_core::{Change, Kept, MAX_ROWS, MAX_TRANSITIONS, RowKey, Sessions, Transition};
use crewboard_protocol::{
    After, Losses, Reply, encode_change, encode_limits, encode_row, encode_snapshot,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// A line on its way to a connection, shared by all that get the same.
pub(crate) type Line = Arc<[u8]>;

/// Bytes handed to a connection at once. It asks for more when they are written.
pub(crate) const BATCH_BYTES: usize = 64 * 1024;

/// Places without news that may stand in a view's order before they are cleared away.
const SPARE_PLACES: usize = 64;

/// Connections that subscribe or list at once.
pub(crate) const MAX_VIEWS: usize = 1536;

/// Subscriptions at once.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 1024;

/// Rows that may be remembered for all views together, when one more view begins: a view that does not read
/// remembers every row that changes, at some 400 bytes a row.
const MAX_SHOWN: usize = 128 * MAX_ROWS;

/// One view.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
struct Subscriber {
    /// What it has not been told yet, in the order in which it fell due. May name rows that have
    /// no news any more.
    due: VecDeque<RowKey>,
    news: HashMap<RowKey, News>,
    /// The rows it may know. One that came and went unseen is not worth a word.
    told: HashSet<RowKey>,
    /// What must go out before any row.
    greeting: Option<Line>,
    /// It has not been told the accounts' limits as they are.
    owed_limits: bool,
    /// It has not been sent the present unseen losses.
    owed_losses: bool,
    /// It has not been told yet that it knows all.
    catching_up: bool,
    /// Its connection has written all it was given.
    idle: bool,
    /// It wants changes, not only the rows as they were.
    follows: bool,
    /// What it is to tell a person, each with its number.
    announcements: Vec<(u64, Line)>,
    /// What else it asked for, each to be answered in full.
    asked: VecDeque<Asked>,
}

/// A request for all rows.
#[derive(Debug)]
struct Asked {
    after: Option<After>,
    follows: bool,
}

/// What a view has not been told of a row.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// The whole row, with its history.
    Whole,
    Changed {
        transitions: Vec<Transition>,
        skipped: u64,
    },
    Removed,
}

/// Lines for one connection.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) connection: ConnectionId,
    pub(crate) lines: Vec<Line>,
    /// Its last line is the end of what was asked for.
    pub(crate) answers: bool,
}

/// All views.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    views: HashMap<ConnectionId, Subscriber>,
    /// The lost events that no client has shown yet.
    unseen_losses: Losses,
}

impl Subscribers {
    pub(crate) fn len(&self) -> usize {
        self.views.values().filter(|view| view.follows).count()
    }

    /// All rows are to be told, or those changed since `after` if that can be told; and then, if
    /// it `follows`, every change.
    pub(crate) fn ask(&mut self, connection: ConnectionId, after: Option<After>, follows: bool) {
        let view = self.views.entry(connection).or_insert_with(Subscriber::new);
        view.asked.push_back(Asked { after, follows });
    }

    /// Whether a view has read all it was given, as far as its connection knows; none where it is no view.
    pub(crate) fn is_idle(&self, connection: ConnectionId) -> Option<bool> {
        self.views.get(&connection).map(|view| view.idle)
    }

    /// Gives a view what it is to tell a person.
    pub(crate) fn give(&mut self, connection: ConnectionId, id: u64, line: Line) {
        if let Some(view) = self.views.get_mut(&connection) {
            view.announcements.push((id, line));
        }
    }

    /// A view is not to tell a person any more what it may not have been told yet itself.
    pub(crate) fn take_back(&mut self, connection: ConnectionId, id: u64) {
        if let Some(view) = self.views.get_mut(&connection) {
            view.announcements.retain(|(own, _)| *own != id);
        }
    }

    /// Returns true if a connection may be shown `rows` rows, and all changes too if it `follows`.
    pub(crate) fn has_room(&self, connection: ConnectionId, follows: bool, rows: usize) -> bool {
        let view = self.views.get(&connection);
        let views = self.views.len() + usize::from(view.is_none());
        let subscriptions = || self.views.values().filter(|view| view.will_follow()).count();
        let may_be_shown = view.is_some() || views <= MAX_VIEWS && views * rows <= MAX_SHOWN;
        let may_follow = !follows
            || view.is_some_and(Subscriber::will_follow)
            || subscriptions() < MAX_SUBSCRIPTIONS;
        may_be_shown && may_follow
    }

    /// Whether lines are pushed to this connection.
    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.views.contains_key(&connection)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.views.remove(&connection);
    }

    /// A connection has written all it was given.
    pub(crate) fn drained(&mut self, connection: ConnectionId) {
        if let Some(view) = self.views.get_mut(&connection) {
            view.idle = true;
            if !view.follows && !view.catching_up && view.asked.is_empty() {
                self.views.remove(&connection);
            }
        }
    }

    /// Notes a change for every view.
    pub(crate) fn note(&mut self, change: &Change) {
        for view in self.views.values_mut() {
            view.note(change);
        }
    }

    /// Notes for every view that the limits of some account are others.
    pub(crate) fn note_limits(&mut self) {
        for view in self.views.values_mut().filter(|view| view.follows) {
            view.owed_limits = true;
        }
    }

    /// Sends the lost events that no client has shown yet to all subscriptions, if they have changed.
    pub(crate) fn set_unseen_losses(&mut self, unseen: Losses) {
        if std::mem::replace(&mut self.unseen_losses, unseen) != unseen {
            for view in self.views.values_mut().filter(|view| view.follows) {
                view.owed_losses = true;
            }
        }
    }

    /// Places in a view's order, and rows it has news of.
    #[cfg(test)]
    pub(crate) fn waiting(&self, connection: ConnectionId) -> (usize, usize) {
        self.views.get(&connection).map_or((0, 0), |view| (view.due.len(), view.news.len()))
    }

    /// What goes out now: a batch for each view that is due and idle. Lines that several views get
    /// are encoded once.
    pub(crate) fn flush(&mut self, sessions: &Sessions) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut encoded: Vec<Encoded> = Vec::new();
        let mut limits: Option<Line> = None;
        for (connection, view) in &mut self.views {
            if !view.catching_up
                && let Some(asked) = view.asked.pop_front()
            {
                view.begin(asked, sessions);
                view.owed_losses = !self.unseen_losses.is_empty();
            }
            if !view.idle {
                continue;
            }
            let was_catching_up = view.catching_up;
            let lines = view.batch(sessions, &mut encoded, &mut limits, self.unseen_losses);
            if !lines.is_empty() {
                view.idle = false;
                let answers = was_catching_up && !view.catching_up;
                batches.push(Batch { connection: *connection, lines, answers });
            }
        }
        batches
    }
}

/// A line encoded in this flush, and what it was made from.
struct Encoded {
    key: RowKey,
    news: News,
    known: Option<u64>,
    line: Line,
}

impl Subscriber {
    fn new() -> Self {
        Self {
            due: VecDeque::new(),
            news: HashMap::new(),
            told: HashSet::new(),
            greeting: None,
            owed_limits: false,
            owed_losses: false,
            catching_up: false,
            idle: true,
            follows: false,
            announcements: Vec::new(),
            asked: VecDeque::new(),
        }
    }

    fn will_follow(&self) -> bool {
        self.follows || self.asked.iter().any(|asked| asked.follows)
    }

    fn begin(&mut self, asked: Asked, sessions: &Sessions) {
        let since = asked
            .after
            .filter(|after| after.epoch == sessions.epoch())
            .and_then(|after| sessions.changes_since(after.revision));
        let resumes = since.is_some();
        self.greeting =
            Some(encode_snapshot(sessions.epoch(), sessions.revision(), resumes).into());
        self.catching_up = true;
        // Where there are none, that is so from the start.
        self.owed_limits = sessions.limits().next().is_some();
        self.follows |= asked.follows;
        self.due.clear();
        self.news.clear();
        self.told.clear();
        let (changed, removed) = since.unwrap_or_else(|| {
            let mut rows: Vec<_> = sessions.iter().collect();
            rows.sort_by(|one, other| one.compare_for_list(other));
            (rows.into_iter().map(|row| row.key.clone()).collect(), Vec::new())
        });
        if resumes {
            self.told.extend(sessions.iter().map(|row| row.key.clone()));
            self.told.extend(removed.iter().cloned());
        }
        for key in changed {
            self.due.push_back(key.clone());
            self.news.insert(key, News::Whole);
        }
        for key in removed {
            self.due.push_back(key.clone());
            self.news.insert(key, News::Removed);
        }
    }

    fn note(&mut self, change: &Change) {
        let is_due = self.news.contains_key(&change.key);
        if !self.follows && !is_due {
            return;
        }
        if change.kind == Kept::Removed && !self.told.contains(&change.key) {
            self.news.remove(&change.key);
            // The row's place in the order stays behind; a view that does not read must not
            // collect such places without end.
            if self.due.len() > 2 * self.news.len() + SPARE_PLACES {
                self.due.retain(|key| self.news.contains_key(key));
            }
            return;
        }
        if let Some(news) = self.news.get_mut(&change.key) {
            news.add(change);
        } else {
            self.due.push_back(change.key.clone());
            self.news.insert(change.key.clone(), News::of(change));
        }
    }

    fn batch(
        &mut self,
        sessions: &Sessions,
        encoded: &mut Vec<Encoded>,
        limits: &mut Option<Line>,
        unseen: Losses,
    ) -> Vec<Line> {
        let mut lines: Vec<Line> = self.greeting.take().into_iter().collect();
        lines.extend(self.announcements.drain(..).map(|(_, line)| line));
        if std::mem::take(&mut self.owed_limits) {
            let encode = || encode_limits(&sessions.limits().collect::<Vec<_>>()).into();
            lines.push(Arc::clone(limits.get_or_insert_with(encode)));
        }
        if std::mem::take(&mut self.owed_losses) {
            lines.push(Reply::Losses { unseen }.encode().into());
        }
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(key) = self.due.pop_front()
        {
            let Some(news) = self.news.remove(&key) else { continue };
            if news == News::Removed {
                self.told.remove(&key);
            } else {
                self.told.insert(key.clone());
            }
            let known = (self.news.is_empty() && !self.catching_up).then(|| sessions.revision());
            let shared = encoded
                .iter()
                .find(|line| line.key == key && line.news == news && line.known == known);
            let line = if let Some(shared) = shared {
                Arc::clone(&shared.line)
            } else {
                let Some(line) = encode(sessions, &key, &news, known) else { continue };
                encoded.push(Encoded { key, news, known, line: Arc::clone(&line) });
                line
            };
            bytes += line.len();
            lines.push(line);
        }
        if self.catching_up && self.news.is_empty() {
            self.catching_up = false;
            let epoch = sessions.epoch().to_owned();
            lines.push(Reply::Synced { epoch, revision: sessions.revision() }.encode().into());
        }
        lines
    }
}

fn encode(sessions: &Sessions, key: &RowKey, news: &News, known: Option<u64>) -> Option<Line> {
    let line = match news {
        News::Removed => Reply::Removed { key: key.clone(), known }.encode(),
        News::Whole => encode_row(&sessions.with_history(key)?),
        News::Changed { transitions, skipped } => {
            encode_change(sessions.get(key)?, transitions, *skipped, known)
        }
    };
    Some(line.into())
}

impl News {
    fn of(change: &Change) -> Self {
        match change.kind {
            Kept::Removed => Self::Removed,
            Kept::Present => {
                Self::Changed { transitions: change.transition.into_iter().collect(), skipped: 0 }
            }
        }
    }

    fn add(&mut self, change: &Change) {
        match (&mut *self, change.kind) {
            (_, Kept::Removed) => *self = Self::Removed,
            (Self::Whole, Kept::Present) => {}
            // Gone and back before it was told: the view never knew that it was gone.
            (Self::Removed, Kept::Present) => *self = Self::Whole,
            (Self::Changed { transitions, skipped }, Kept::Present) => {
                if let Some(transition) = change.transition {
                    if transitions.len() == MAX_TRANSITIONS {
                        transitions.remove(0);
                        *skipped += 1;
                    }
                    transitions.push(transition);
                }
            }
        }
    }
}

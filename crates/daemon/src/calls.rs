//! Calling a person: which of the views that can is to do it, and whether it did. Handing a line to a
//! connection proves nothing: a board that is stopped leaves it unread for as long as it is.

use crate::actor::ConnectionId;
use crate::subscribers::{Line, Subscribers};
use crewboard_core::Now;
use crewboard_protocol::{ErrorCode, Reply};

/// Milliseconds for a view to say that it told the person. After that another is to.
const TELL_WITHIN: u64 = 1000;

/// Views that are asked in turn. Whoever announces waits for the last of them.
const MAX_ASKED: usize = 4;

/// Calls at once.
const MAX_CALLS: usize = 16;

/// Whom to answer, and what: whether a person was told, and how many views were asked to.
pub(crate) type Answer = (ConnectionId, Reply);

/// All calls in course, and who can take them.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The views that can call a person, the latest last.
    attendants: Vec<Attendant>,
    open: Vec<Call>,
    last: u64,
}

#[derive(Debug)]
struct Attendant {
    view: ConnectionId,
    /// It did not say that it told the last that it was asked to.
    is_silent: bool,
}

/// Something that a person is to be told.
#[derive(Debug)]
struct Call {
    id: u64,
    line: Line,
    /// Who wants to know whether it was told.
    asker: ConnectionId,
    /// The views that were to tell it, the present one last.
    asked: Vec<ConnectionId>,
    /// Until when that one has time, in microseconds since this boot.
    until: u64,
}

impl Calls {
    /// A view can call a person from now on, or can no longer.
    pub(crate) fn attend(&mut self, view: ConnectionId, on: bool) {
        self.remove(view);
        if on {
            self.attendants.push(Attendant { view, is_silent: false });
        }
    }

    /// A view can do nothing any more.
    pub(crate) fn remove(&mut self, view: ConnectionId) {
        self.attendants.retain(|attendant| attendant.view != view);
        for call in self.open.iter_mut().filter(|call| call.asked.last() == Some(&view)) {
            call.until = 0;
        }
    }

    /// A person is to be told this: by whom, [`Calls::pass_on`] decides.
    pub(crate) fn begin(
        &mut self,
        asker: ConnectionId,
        title: String,
        text: String,
    ) -> Option<Answer> {
        if self.open.len() == MAX_CALLS {
            let message = format!("{MAX_CALLS} announcements are being told already");
            return Some((asker, Reply::Error { code: ErrorCode::Busy, message }));
        }
        self.last += 1;
        let id = self.last;
        let line = Reply::Announcement { id: Some(id), title, text }.encode().into();
        self.open.push(Call { id, line, asker, asked: Vec::new(), until: 0 });
        None
    }

    /// A view says that it told the person.
    pub(crate) fn told(&mut self, view: ConnectionId, id: u64) -> Option<Answer> {
        self.attendants
            .iter_mut()
            .filter(|attendant| attendant.view == view)
            .for_each(|attendant| attendant.is_silent = false);
        let is_its = |call: &Call| call.id == id && call.asked.contains(&view);
        let index = self.open.iter().position(is_its)?;
        Some(self.open.remove(index).answer(true))
    }

    /// Milliseconds until [`Calls::pass_on`] has something to do.
    pub(crate) fn next_deadline(&self, now: Now) -> Option<u64> {
        let first = self.open.iter().map(|call| call.until).min()?;
        Some(first.saturating_sub(now.stamp.micros).div_ceil(1000))
    }

    /// Gives each call whose view has had its time to the next: the latest that can, but rather one that
    /// reads, and has told before. The answers to those that nobody told.
    pub(crate) fn pass_on(&mut self, subscribers: &mut Subscribers, now: Now) -> Vec<Answer> {
        let mut in_vain = Vec::new();
        let Self { attendants, open, .. } = self;
        open.retain_mut(|call| {
            if call.until > now.stamp.micros {
                return true;
            }
            if let Some(silent) = call.asked.last() {
                subscribers.take_back(*silent, call.id);
                let is_it = |attendant: &&mut Attendant| attendant.view == *silent;
                if let Some(attendant) = attendants.iter_mut().find(is_it) {
                    attendant.is_silent = true;
                }
            }
            let others = attendants.iter().filter(|one| !call.asked.contains(&one.view));
            let next = others
                .filter_map(|one| Some((!one.is_silent, subscribers.is_idle(one.view)?, one.view)))
                .max_by_key(|(tells, is_idle, _)| (*tells, *is_idle));
            let Some((_, _, view)) = next.filter(|_| call.asked.len() < MAX_ASKED) else {
                in_vain.push(call.answer(false));
                return false;
            };
            subscribers.give(view, call.id, Line::clone(&call.line));
            call.asked.push(view);
            call.until = now.stamp.micros + TELL_WITHIN * 1000;
            true
        });
        in_vain
    }
}

impl Call {
    fn answer(&self, delivered: bool) -> Answer {
        (self.asker, Reply::Announced { delivered, asked: self.asked.len() as u64 })
    }
}

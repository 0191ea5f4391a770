use crate::facts::{Facts, Wanted};
use crate::identity::SessionId;
use crate::observation::{About, Conversation, Look, Subject};
use crate::session::{Origin, Session};
use crate::text::clean;
use crate::time::Stamp;
use crate::{MAX_LINEAGE, MAX_PATH};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// A row as the map holds it: what views see, and the facts it is derived from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tracked {
    pub(crate) session: Session,
    pub(crate) facts: Facts,
}

impl Deref for Tracked {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tracked {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Tracked {
    /// Another conversation takes the place of the present one, which is remembered.
    pub(crate) fn switch_conversation(&mut self, session: &SessionId, at: Stamp) {
        self.lineage.retain(|former| former != session);
        if self.lineage.len() == MAX_LINEAGE {
            self.lineage.remove(0);
        }
        let former = std::mem::replace(&mut self.id, session.clone());
        // A process at a dialog in front of its session has no conversation yet.
        if !former.is_empty() {
            self.lineage.push(former);
        }
        self.title = None;
        self.prompt = None;
        self.usage = None;
        self.facts.start_over(at);
    }

    /// Takes over what the agent's file says besides what the agent does.
    pub(crate) fn learn(&mut self, about: &About, seen: Stamp) {
        if about.agent_version.is_some() {
            self.session.agent_version.clone_from(&about.agent_version);
        }
        let session = &about.session;
        // Where hooks tell, they tell of another conversation too, and before the file does.
        if !session.is_empty() && *session != self.session.id && self.facts.is_unheard() {
            self.switch_conversation(session, seen);
        }
        if about.title.is_some() && about.session == self.session.id {
            self.session.title.clone_from(&about.title);
        }
    }

    /// Notes how the process was started. What an event claims of that counts no longer.
    pub(crate) fn set_origin(&mut self, mut origin: Origin) {
        // A path that would be shown as another leads elsewhere.
        let is_plain = |path: &String| !path.is_empty() && clean(path, MAX_PATH, false) == *path;
        origin.profile = origin.profile.filter(is_plain);
        origin.cwd = origin.cwd.filter(is_plain);
        if origin.profile.is_some() {
            self.session.profile.clone_from(&origin.profile);
        }
        self.session.origin = Some(origin);
    }

    /// The looks that the row wants, with whose files they are of.
    pub(crate) fn take_looks(&mut self) -> Vec<Look> {
        let wanted = self.facts.take_looks();
        let Some(process) = self.session.process() else { return Vec::new() };
        let conversation = |since| Conversation {
            session: self.session.id.clone(),
            path: self.session.transcript.clone(),
            cwd: self.session.cwd.clone(),
            since,
        };
        let subject = |wanted| match wanted {
            Wanted::Condition => Subject::Condition,
            Wanted::TurnEnd(since) => Subject::TurnEnd(conversation(since)),
            Wanted::TurnEndToCome(since) => Subject::TurnEndToCome(conversation(since)),
            Wanted::NoTurnEnd => Subject::NoTurnEnd,
        };
        let agent = &self.session.agent;
        let looks = wanted.into_iter().map(subject);
        looks.map(|subject| Look { agent: agent.clone(), process, subject }).collect()
    }
}

use crate::evidence::observation::{FileLookup, FileMetadata, LookupTarget, TranscriptQuery};
use crate::session::identity::ConversationId;
use crate::session::{Origin, Session};
use crate::state::{LookupRequest, RowState};
use crate::text::clean;
use crate::time::Stamp;
use crate::{MAX_LINEAGE, MAX_PATH};
use std::ops::{Deref, DerefMut};

/// A row as the map holds it: what views see, and the facts it is derived from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) session: Session,
    pub(crate) facts: RowState,
}

impl Deref for Row {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Row {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Row {
    /// Another conversation takes the place of the present one, which is remembered.
    pub(crate) fn switch_conversation(&mut self, session: &ConversationId, at: Stamp) {
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
    pub(crate) fn learn(&mut self, about: &FileMetadata, seen: Stamp) {
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
    pub(crate) fn take_looks(&mut self) -> Vec<FileLookup> {
        let wanted = self.facts.take_looks();
        let Some(process) = self.session.process() else { return Vec::new() };
        let conversation = |since| TranscriptQuery {
            session: self.session.id.clone(),
            path: self.session.transcript.clone(),
            cwd: self.session.cwd.clone(),
            since,
        };
        let subject = |wanted| match wanted {
            LookupRequest::FileStatus => LookupTarget::FileStatus,
            LookupRequest::TurnEnd(since) => LookupTarget::TurnEnd(conversation(since)),
            LookupRequest::TurnEndToCome(since) => LookupTarget::TurnEndToCome(conversation(since)),
            LookupRequest::NoTurnEnd => LookupTarget::NoTurnEnd,
        };
        let agent = &self.session.agent;
        let looks = wanted.into_iter().map(subject);
        looks.map(|subject| FileLookup { agent: agent.clone(), process, subject }).collect()
    }
}

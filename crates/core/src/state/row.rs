use crate::evidence::observation::{FileLookup, FileMetadata, LookupTarget, TranscriptQuery};
use crate::session::identity::ConversationId;
use crate::session::{Origin, Session};
use crate::state::{LookupRequest, RowState};
use crate::text::clean;
use crate::time::Stamp;
use crate::{MAX_LINEAGE, MAX_PATH};

/// A session in the store: the public fields, and the state from which they are derived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) session: Session,
    pub(crate) state: RowState,
}

impl Row {
    /// Replaces the present conversation by another one and keeps the former in the lineage.
    pub(crate) fn switch_conversation(&mut self, session: &ConversationId, at: Stamp) {
        self.session.lineage.retain(|former| former != session);
        if self.session.lineage.len() == MAX_LINEAGE {
            self.session.lineage.remove(0);
        }
        let former = std::mem::replace(&mut self.session.id, session.clone());
        // A process that shows a dialog at its start has no conversation yet.
        if !former.is_empty() {
            self.session.lineage.push(former);
        }
        self.session.title = None;
        self.session.user_prompt = None;
        self.session.usage = None;
        self.state.reset_conversation(at);
    }

    /// Applies the metadata of the session file.
    pub(crate) fn apply_file_metadata(&mut self, about: &FileMetadata, seen: Stamp) {
        if about.agent_version.is_some() {
            self.session.agent_version.clone_from(&about.agent_version);
        }
        let session = &about.session;
        // Hooks report another conversation earlier than the file does.
        if !session.is_empty() && *session != self.session.id && self.state.has_no_event() {
            self.switch_conversation(session, seen);
        }
        if about.title.is_some() && about.session == self.session.id {
            self.session.title.clone_from(&about.title);
        }
    }

    /// Sets how the process was started. The claims of events do not count from now on.
    pub(crate) fn set_origin(&mut self, mut origin: Origin) {
        // A path that cleaning changes would name another directory.
        let is_plain = |path: &String| !path.is_empty() && clean(path, MAX_PATH, false) == *path;
        origin.profile = origin.profile.filter(is_plain);
        origin.cwd = origin.cwd.filter(is_plain);
        if origin.profile.is_some() {
            self.session.profile.clone_from(&origin.profile);
        }
        self.session.origin = Some(origin);
    }

    /// Removes and returns the lookups that the session needs.
    pub(crate) fn take_lookups(&mut self) -> Vec<FileLookup> {
        let wanted = self.state.take_lookups();
        let Some(process) = self.session.process() else { return Vec::new() };
        let conversation = |since| TranscriptQuery {
            session: self.session.id.clone(),
            path: self.session.transcript.clone(),
            cwd: self.session.cwd.clone(),
            since,
        };
        let target = |wanted| match wanted {
            LookupRequest::FileStatus => LookupTarget::FileStatus,
            LookupRequest::TurnEnd(since) => LookupTarget::TurnEnd(conversation(since)),
            LookupRequest::NextTurnEnd(since) => LookupTarget::NextTurnEnd(conversation(since)),
            LookupRequest::CancelNextTurnEnd => LookupTarget::CancelNextTurnEnd,
        };
        let agent = &self.session.agent;
        let targets = wanted.into_iter().map(target);
        targets.map(|target| FileLookup { agent: agent.clone(), process, target }).collect()
    }
}

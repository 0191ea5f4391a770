use serde::{Deserialize, Serialize};

/// The reason for a dropped event. The hook or the daemon appends it as a byte to the lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DropReason {
    /// The daemon ran and did not read the event in time.
    Busy = b'b',
    /// No daemon ran, and none could be started in time.
    NotStarted = b's',
    /// No directory for the socket was safe.
    NoPlace = b'p',
    /// A file system did not answer the hook in time.
    FileSystem = b'f',
    /// The agent had not written the payload by the deadline of the hook.
    Late = b'l',
    /// The daemon refused the event: the line was too long, or not an event.
    Refused = b'r',
    /// The daemon does not know the kind of the event. A newer hook may have sent it.
    NotUnderstood = b'n',
}

/// The byte that a daemon appends when a client has shown all dropped events before it.
pub const DROPPED_EVENTS_SEEN: u8 = b'=';

impl DropReason {
    const ALL: [Self; 7] = [
        Self::Busy,
        Self::NotStarted,
        Self::NoPlace,
        Self::FileSystem,
        Self::Late,
        Self::Refused,
        Self::NotUnderstood,
    ];

    /// Returns the byte of the lock file.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// Returns the reason in a few words, for a line of the board.
    fn words(self) -> &'static str {
        match self {
            Self::Busy => "daemon busy",
            Self::NotStarted => "daemon not started",
            Self::NoPlace => "no safe socket directory",
            Self::FileSystem => "file system does not answer",
            Self::Late => "payload came too late",
            Self::Refused => "event refused",
            Self::NotUnderstood => "event not understood",
        }
    }
}

/// The number of dropped events by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DroppedEvents {
    #[serde(skip_serializing_if = "is_zero")]
    pub busy: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub not_started: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub no_place: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub file_system: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub late: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub not_understood: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl DroppedEvents {
    /// Counts the bytes of a lock file. Ignores the bytes of other versions.
    pub fn count(bytes: &[u8]) -> Self {
        let mut counted = Self::default();
        for byte in bytes {
            if let Some(reason) = DropReason::ALL.iter().find(|reason| reason.byte() == *byte) {
                *counted.count_mut(*reason) += 1;
            }
        }
        counted
    }

    /// Returns the bytes of a lock file that no client has shown yet.
    pub fn unseen(bytes: &[u8]) -> &[u8] {
        bytes.rsplit(|byte| *byte == DROPPED_EVENTS_SEEN).next().unwrap_or_default()
    }

    /// Returns true if no event was dropped.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the number of dropped events.
    pub fn total(&self) -> u64 {
        DropReason::ALL.iter().fold(0, |sum, reason| sum.saturating_add(self.of(*reason)))
    }

    /// Returns each reason in words, with its number of dropped events.
    pub fn reasons(&self) -> Vec<(&'static str, u64)> {
        let counted = DropReason::ALL.iter().map(|reason| (reason.words(), self.of(*reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn of(mut self, reason: DropReason) -> u64 {
        *self.count_mut(reason)
    }

    fn count_mut(&mut self, reason: DropReason) -> &mut u64 {
        match reason {
            DropReason::Busy => &mut self.busy,
            DropReason::NotStarted => &mut self.not_started,
            DropReason::NoPlace => &mut self.no_place,
            DropReason::FileSystem => &mut self.file_system,
            DropReason::Late => &mut self.late,
            DropReason::Refused => &mut self.refused,
            DropReason::NotUnderstood => &mut self.not_understood,
        }
    }
}

/// Writes the number of dropped events as a sentence: `3 events dropped: daemon busy`.
impl std::fmt::Display for DroppedEvents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.total();
        write!(formatter, "{total} event{} dropped: ", if total == 1 { "" } else { "s" })?;
        match self.reasons()[..] {
            [(words, _)] => formatter.write_str(words),
            ref reasons => {
                let counted: Vec<String> =
                    reasons.iter().map(|(words, count)| format!("{count} {words}")).collect();
                formatter.write_str(&counted.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_events_are_counted_by_reason() {
        let expected = DroppedEvents { busy: 3, not_started: 1, ..DroppedEvents::default() };
        assert_eq!(DroppedEvents::count(b"bb.s?b="), expected);
        assert_eq!(expected.total(), 4);
        let each = DroppedEvents::count(&DropReason::ALL.map(DropReason::byte));
        assert_eq!(each.reasons().len(), DropReason::ALL.len());
        assert_eq!(each.total(), DropReason::ALL.len() as u64);
        assert!(DroppedEvents::count(b"").is_empty());
    }

    #[test]
    fn bytes_after_the_last_marker_are_unseen() {
        for (bytes, unseen) in [("", ""), ("bs", "bs"), ("b=", ""), ("b=s=f", "f")] {
            assert_eq!(DroppedEvents::unseen(bytes.as_bytes()), unseen.as_bytes(), "{bytes}");
        }
    }

    #[test]
    fn dropped_events_are_shown_as_a_sentence() {
        let busy = DroppedEvents { busy: 1, ..DroppedEvents::default() };
        assert_eq!(busy.to_string(), "1 event dropped: daemon busy");
        let two = DroppedEvents { busy: 3, late: 1, ..DroppedEvents::default() };
        assert_eq!(two.to_string(), "4 events dropped: 3 daemon busy, 1 payload came too late");
    }
}

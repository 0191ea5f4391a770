use serde::{Deserialize, Serialize};

/// Why a hook could not deliver its event. A hook notes it as a byte of the lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The daemon ran and did not take the event in time.
    Busy,
    /// No daemon ran, and none could be started in time.
    NotStarted,
    /// No directory for the socket was safe.
    NoPlace,
    /// A file system kept the hook waiting.
    FileSystem,
}

impl Loss {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Busy => b'b',
            Self::NotStarted => b's',
            Self::NoPlace => b'p',
            Self::FileSystem => b'f',
        }
    }
}

/// How many events were lost for each reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Losses {
    #[serde(skip_serializing_if = "is_zero")]
    pub busy: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub not_started: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub no_place: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub file_system: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Losses {
    /// Counts the bytes of a lock file. A byte of another version is left out.
    pub fn count(bytes: &[u8]) -> Self {
        let count = |loss: Loss| bytes.iter().map(|byte| u64::from(*byte == loss.byte())).sum();
        Self {
            busy: count(Loss::Busy),
            not_started: count(Loss::NotStarted),
            no_place: count(Loss::NoPlace),
            file_system: count(Loss::FileSystem),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_by_reason() {
        let expected = Losses { busy: 3, not_started: 1, ..Losses::default() };
        assert_eq!(Losses::count(b"bb.s?b"), expected);
        let reasons = [Loss::Busy, Loss::NotStarted, Loss::NoPlace, Loss::FileSystem];
        let expected = Losses { busy: 1, not_started: 1, no_place: 1, file_system: 1 };
        assert_eq!(Losses::count(&reasons.map(Loss::byte)), expected);
        assert!(Losses::count(b"").is_empty());
    }
}

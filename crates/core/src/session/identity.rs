use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Reads a text into shared memory, without a copy in between.
struct SharedText;

impl Visitor<'_> for SharedText {
    type Value = Arc<str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(text.into())
    }
}

/// Defines a newtype around a bounded string. Copies share the string: a session's key is in a dozen places.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Cleans and bounds `text`.
            pub fn new(text: &str) -> Self {
                Self(crate::clean(text, crate::MAX_ID, false).into())
            }

            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns true if the identifier is empty.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Cleans and bounds an identifier that came over the wire.
            pub(crate) fn sanitise(&mut self) {
                if !crate::text::is_clean_ascii(&self.0, crate::MAX_ID, false) {
                    *self = Self::new(&self.0);
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(SharedText).map(Self)
            }
        }
    };
}

identifier! {
    /// The name of an agent: `claude`, `codex`, or the value of `crewboard report --agent`.
    AgentName
}
identifier! {
    /// An agent's own id of a conversation.
    ConversationId
}
identifier! {
    /// An agent's own id of a subagent within a conversation.
    SubagentId
}
identifier! {
    /// An agent's own id of one tool call.
    ToolUseId
}
identifier! {
    /// An agent's own id of one turn (Claude Code: `prompt_id`).
    TurnId
}
identifier! {
    /// A session's key: opaque, unique, constant, and short enough to type.
    RowKey
}

/// An operating-system process. The start time distinguishes it from a later process with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process {
    /// The process id in the daemon's namespace.
    pub pid: u32,
    /// The start time in the system's own unit (Linux: clock ticks since boot, field 22 of `/proc/PID/stat`).
    pub start: u64,
}

/// A cryptographic digest of a tool's whole input, which pairs a permission prompt with its tool call. It has 128
/// bits, so that no agent can make two inputs with the same digest. All zeros means that there is no input.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct InputDigest([u8; 16]);

impl InputDigest {
    /// Returns the digest that consists of these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<InputDigest> for String {
    fn from(digest: InputDigest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for InputDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl TryFrom<String> for InputDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(&text, 16) {
            Ok(number) if is_hex => Ok(Self(number.to_be_bytes())),
            _ => Err("the digest of a tool's input is 32 hexadecimal digits"),
        }
    }
}

/// The letters of a key. Most vowels and similar letters are missing, so that a key is not a word and is easy to read.
const KEY_ALPHABET: &[u8; 32] = b"0123456789bcdfghjkmnpqrstvwxzyae";

/// The number of letters of a key.
const KEY_LENGTH: usize = 5;

impl ToolUseId {
    /// Returns a hash of the id. An agent can choose ids with the same hash, and confuses only its own session.
    pub(crate) fn hash(&self) -> u64 {
        fnv1a(self.0.as_bytes())
    }
}

impl RowKey {
    /// Returns true if [`RowKey::derive`] could return the key. A client may send any other text as a key: an option,
    /// a shell command, the name of a session.
    pub(crate) fn is_well_formed(&self) -> bool {
        let letters = self.0.as_bytes();
        letters.len() == KEY_LENGTH
            && letters.first().is_some_and(|first| KEY_ALPHABET[10..].contains(first))
            && letters.iter().all(|letter| KEY_ALPHABET.contains(letter))
    }

    /// Returns the key for `parts`. The same parts give the same key in every daemon, so that a new daemon and a
    /// board agree on a session's key. Another `attempt` gives another key, in case the first is taken.
    pub(crate) fn derive(parts: &[&str], attempt: u32) -> Self {
        let mut hash = fnv1a(&attempt.to_le_bytes());
        for part in parts {
            hash = fnv1a_more(hash, part.as_bytes());
            hash = fnv1a_more(hash, &[0xff]);
        }
        // Folding mixes the high bits of FNV into the low ones.
        let mut folded = hash ^ (hash >> 32);
        let mut key = String::with_capacity(KEY_LENGTH);
        // The key begins with a letter, so that it does not look like a pid or a pane.
        key.push(char::from(KEY_ALPHABET[10 + usize::try_from(folded % 22).unwrap_or(0)]));
        folded /= 22;
        for _ in 1..KEY_LENGTH {
            key.push(char::from(KEY_ALPHABET[usize::try_from(folded % 32).unwrap_or(0)]));
            folded /= 32;
        }
        Self(key.into())
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    fnv1a_more(0xcbf2_9ce4_8422_2325, bytes)
}

fn fnv1a_more(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_parts_give_the_same_key() {
        let key = RowKey::derive(&["claude", "box", "1574", "285645"], 0);
        assert_eq!(key, RowKey::derive(&["claude", "box", "1574", "285645"], 0));
        assert_ne!(key, RowKey::derive(&["claude", "box", "1574", "285645"], 1));
        assert_ne!(key, RowKey::derive(&["claude", "box", "15742", "85645"], 0));
        assert_eq!(key.as_str().len(), 5);
    }

    #[test]
    fn derived_key_is_well_formed() {
        for number in 0..1000_u32 {
            let key = RowKey::derive(&["claude", &number.to_string()], number);
            assert!(key.is_well_formed(), "{key}");
        }
        for forged in [
            "",
            "k",
            "kaaa",
            "kaaaaa",
            "0aaaa",
            "Kaaaa",
            "ka-aa",
            "ka aa",
            "kaaai",
            "kaaal",
            "--aaa",
            "ka$aa",
            "ka;aa",
            "kaa\u{e9}",
        ] {
            assert!(!RowKey::new(forged).is_well_formed(), "{forged}");
        }
    }

    #[test]
    fn identifiers_are_bounded_and_clean() {
        assert_eq!(ConversationId::new("a\x1b]0;x\x07b").as_str(), "ab");
        assert!(ConversationId::new(&"x".repeat(1000)).as_str().len() <= crate::MAX_ID);
    }
}

//! Checks ids that become arguments of commands.

/// Returns true if the text can be the id of a conversation: never an option, a path or a shell expression.
pub(crate) fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    id.bytes().all(is_plain) && !id.is_empty() && !id.starts_with('-')
}

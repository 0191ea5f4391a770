//! Cleans every text of a line before it is decoded.

use crewboard_core::{MAX_PROMPT_TEXT, clean, is_plain};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Maximum bytes of a text in any field.
const MAX_TEXT: usize = MAX_PROMPT_TEXT;

/// Cleans all texts of a line, including the names of fields, and then decodes it.
///
/// The texts are cleaned as JSON, not field by field. So a field that is added later is cleaned too, and an error that
/// quotes a value quotes a clean value.
pub(crate) fn decode_clean<T: DeserializeOwned>(line: &[u8]) -> Result<T, serde_json::Error> {
    if needs_no_cleaning(line) {
        return serde_json::from_slice(line);
    }
    let value = match serde_json::from_slice(line)? {
        Value::Object(fields) => Value::Object(clean_fields(fields, true)),
        other => clean_value(other, false),
    };
    serde_json::from_value(value)
}

/// Returns true if no text of the line can contain a character that has to be removed, escaped or not.
fn needs_no_cleaning(line: &[u8]) -> bool {
    let is_escaped = line.contains(&b'\\')
        && line
            .windows(2)
            .any(|pair| matches!(pair, [b'\\', b'u' | b'n' | b'r' | b't' | b'b' | b'f']));
    !is_escaped && std::str::from_utf8(line.trim_ascii()).is_ok_and(is_plain)
}

fn clean_value(value: Value, multiline: bool) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text, MAX_TEXT, multiline)),
        Value::Array(values) => {
            values.into_iter().map(|value| clean_value(value, multiline)).collect()
        }
        Value::Object(fields) => Value::Object(clean_fields(fields, false)),
        other => other,
    }
}

/// Cleans the fields of an object. The texts of agents may have several lines. The texts of the message itself may not,
/// because an error with a line break would look like two messages.
fn clean_fields(fields: Map<String, Value>, is_message: bool) -> Map<String, Value> {
    let clean_field = |(name, value): (String, Value)| {
        let multiline =
            !is_message && matches!(name.as_str(), "prompt" | "text" | "message" | "detail");
        (clean(&name, MAX_TEXT, false), clean_value(value, multiline))
    };
    fields.into_iter().map(clean_field).collect()
}

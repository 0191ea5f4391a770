//! Payloads that Claude Code passes to its hooks.

use serde_json::{Value, json};

/// Returns the hook payload of Claude Code for an event of session `id`, with `more` fields.
pub(crate) fn payload(event: &str, id: &str, more: &Value) -> String {
    let mut payload = json!({
        "session_id": id,
        "hook_event_name": event,
        "cwd": "/srv/shop",
        "transcript_path": "/home/dev/.claude/projects/shop/t.jsonl",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    payload.to_string()
}

pub(crate) fn prompt_payload(id: &str, text: &str) -> String {
    payload("UserPromptSubmit", id, &json!({ "prompt": text }))
}

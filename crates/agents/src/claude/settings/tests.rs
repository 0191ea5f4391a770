//! Checks files that were given to the real Claude Code 2.1.332, and compares the result with what it did.

use super::*;

/// Files that the client skipped.
const SKIPPED: &[&str] = &[
    r#"{"statusLine":{"command":"date"}}"#,
    r#"{"model":null}"#,
    "null",
    r#""x""#,
    "7",
    "[]",
    r#"{"env":[]}"#,
    r#"{"permissions":[]}"#,
    r#"{"permissions":null}"#,
    r#"{"permissions":{"allow":"Bash(ls:*)"}}"#,
    r#"{"permissions":{"allow":null}}"#,
    r#"{"permissions":{"allow":{}}}"#,
    r#"{"permissions":{"deny":"x"}}"#,
    r#"{"permissions":{"ask":"x"}}"#,
    r#"{"permissions":{"defaultMode":"x"}}"#,
    r#"{"permissions":{"defaultMode":7}}"#,
    r#"{"permissions":{"additionalDirectories":"x"}}"#,
    r#"{"permissions":{"additionalDirectories":[7]}}"#,
    r#"{"permissions":{"disableBypassPermissionsMode":true}}"#,
    r#"{"sandbox":[]}"#,
    r#"{"sandbox":{"enabled":"x"}}"#,
    r#"{"sandbox":{"network":[]}}"#,
    r#"{"sandbox":{"excludedCommands":"x"}}"#,
    r#"{"statusLine":"x"}"#,
    r#"{"statusLine":null}"#,
    r#"{"statusLine":{"type":"command"}}"#,
    r#"{"statusLine":{"type":"command","command":"date","padding":"1"}}"#,
    r#"{"statusLine":{"type":"static","command":"date"}}"#,
    r#"{"statusLine":{"type":"command","command":"date","hideVimModeIndicator":"x"}}"#,
    r#"{"hooks":{"PreToolUse":{}}}"#,
    r#"{"hooks":{"PreToolUse":"x"}}"#,
    r#"{"hooks":{"PermissionRequest":{}}}"#,
    r#"{"hooks":{"PreToolUse":["x"]}}"#,
    r#"{"hooks":{"PreToolUse":[{"matcher":"x"}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"matcher":"x","command":"date"}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":{}}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"x","command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"date","timeout":"5"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"date","timeout":0}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"matcher":7,"hooks":[{"type":"command","command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"matcher":{},"hooks":[{"type":"command","command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"matcher":null,"hooks":[{"type":"command","command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"date","args":"x"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"date","async":"x"}]}]}}"#,
    r#"{"PreToolUse":[{"hooks":[{"type":"command","command":"date"}]}]}"#,
    r#"{"x":{"PreToolUse":[{"hooks":[{"type":"command","command":"date"}]}]}}"#,
    r#"{"hooks":{"Foo":{"PreToolUse":[{"hooks":[{"type":"command","command":"date"}]}]}}}"#,
    r#"{"model":"opus","model":7}"#,
    r#"{"sandbox":{"filesystem":{"allowWrite":"x"}}}"#,
    r#"{"sandbox":{"network":{"allowedDomains":"x"}}}"#,
    r#"{"sandbox":{"autoAllowBashIfSandboxed":"x"}}"#,
    r#"{"sandbox":{"ignoreViolations":[]}}"#,
    r#"{"enabledPlugins":{"a@b":7}}"#,
    r#"{"enabledPlugins":{"a@b":"x"}}"#,
    r#"{"enabledPlugins":{"a@b":null}}"#,
    r#"{"attribution":{"commit":7}}"#,
    r#"{"attribution":{"sessionUrl":"x"}}"#,
    r#"{"modelOverrides":{"a":7}}"#,
    r#"{"skillOverrides":{"a":"x"}}"#,
    r#"{"worktree":{"symlinkDirectories":"x"}}"#,
    r#"{"worktree":{"baseRef":"x"}}"#,
    r#"{"voice":{"enabled":"x"}}"#,
    r#"{"cleanupPeriodDays":0}"#,
    r#"{"cleanupPeriodDays":1.5}"#,
    r#"{"cleanupPeriodDays":-1}"#,
    r#"{"feedbackSurveyRate":2}"#,
    r#"{"skillListingBudgetFraction":2}"#,
    r#"{"skillListingBudgetFraction":0}"#,
    r#"{"permissions":{"blockReadsOutsideWorkingDirectories":"x"}}"#,
    r#"{"permissions":{"disableAutoMode":"x"}}"#,
    r#"{"permissions":{"defaultMode":"delegate"}}"#,
    r#"{"permissions":{"defaultMode":null}}"#,
    r#"{"spinnerVerbs":{"mode":"x","verbs":[]}}"#,
    r#"{"spinnerVerbs":{"mode":"append","verbs":"x"}}"#,
    r#"{"remote":{"defaultEnvironmentId":7}}"#,
    r#"{"sshConfigs":[{"id":"a"}]}"#,
    r#"{"pluginConfigs":{"a":{"options":[]}}}"#,
    r#"{"pluginConfigs":{"a":7}}"#,
    r#"{"allowedChannelPlugins":["x"]}"#,
    r#"{"strictKnownMarketplaces":["x"]}"#,
    r#"{"breakReminder":{"enabled":"x"}}"#,
    r#"{"fileSuggestion":{"command":"x"}}"#,
    r#"{"autoMode":"x"}"#,
    r#"{"autoMode":{"allow":"x"}}"#,
    r#"{"includeCoAuthoredBy":"false"}"#,
];

/// Files that the client accepted, as a whole or without one entry.
const ACCEPTED: &[&str] = &[
    "",
    " \n",
    "\u{feff}{}",
    "{\r\n}\r\n",
    "{\"a\":\"x\u{7f}y\"}",
    r#"{"a":"\ud800"}"#,
    r#"{"a":1e999,"model":"opus"}"#,
    r#"{"env":{"A":7}}"#,
    r#"{"env":{"A":true}}"#,
    r#"{"env":{"A":null}}"#,
    r#"{"env":{"A":{}}}"#,
    r#"{"env":{"1 A":"x"}}"#,
    r#"{"permissions":{"allow":[7]}}"#,
    r#"{"permissions":{"allow":["Bash("]}}"#,
    r#"{"permissions":{"deny":[7]}}"#,
    r#"{"permissions":{"foo":7}}"#,
    r#"{"statusLine":{"type":"command","command":""}}"#,
    r#"{"statusLine":{"type":"command","command":"date","refreshInterval":"1"}}"#,
    r#"{"statusLine":{"type":"command","command":"date","foo":1}}"#,
    r#"{"foo":7}"#,
    r#"{"hooks":{"Foo":[]}}"#,
    r#"{"hooks":{"Notification":{}}}"#,
    r#"{"hooks":{"PreToolUse":null}}"#,
    r#"{"hooks":{"Notification":["x"]}}"#,
    r#"{"hooks":{"Notification":[{"matcher":"x"}]}}"#,
    r#"{"hooks":{"Notification":[{"hooks":{}}]}}"#,
    r#"{"hooks":{"Notification":[{"hooks":[{"command":"date"}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":""}]}]}}"#,
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"date","foo":7}]}]}}"#,
    r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"date","timeout":"5"}]}]}}"#,
    r#"{"model":7,"model":"opus"}"#,
    r#"{"hooks":{}}"#,
    r#"{"__proto__":{"a":1}}"#,
    r#"{"env":7}"#,
    r#"{"env":null}"#,
    r#"{"desktopSessionCleanupPeriodDays":0}"#,
    r#"{"statusLine":{"type":"command","command":"date","padding":1.5}}"#,
    r#"{"permissions":{"skipDangerousModePermissionPrompt":"x"}}"#,
    r#"{"permissions":{"defaultMode":"default"}}"#,
    r#"{"permissions":{"defaultMode":"manual"}}"#,
    r#"{"permissions":{"defaultMode":"plan"}}"#,
    r#"{"permissions":{"defaultMode":"acceptEdits"}}"#,
    r#"{"permissions":{"defaultMode":"dontAsk"}}"#,
    r#"{"permissions":{"defaultMode":"auto"}}"#,
    r#"{"extraKnownMarketplaces":"x"}"#,
    r#"{"isolation":"x"}"#,
    r#"{"skipDangerousModePermissionPrompt":"x"}"#,
    r#"{"additionalDirectories":"x"}"#,
    r#"{"allowedTools":"x"}"#,
    r#"{"mcpServers":"x"}"#,
    r#"{"autoUpdates":"x"}"#,
    r#"{"telemetry":"x"}"#,
    r#"{"hooks":{"Stop":[{"matcher":7,"hooks":[]}]}}"#,
];

/// Files that the client skipped because they are not plain JSON.
const INVALID_JSON: &[&str] = &[
    "{\"a\":\"x\ny\"}",
    "{\"a\":\"x\ty\"}",
    "{\"a\":\"x\0y\"}",
    "{\"a\":\"x\u{1}y\"}",
    "{\"a\":1\0}",
    "{}\0",
    "{}\u{1a}",
    "\u{feff}\u{feff}{}",
    "{\u{c}\"a\":1}",
    "{\u{b}\"a\":1}",
    "{\u{a0}\"a\":1}",
    "{\u{2028}\"a\":1}",
    "{// why\n}",
    "{\"a\":1,}",
    r#"{"a":"\x41"}"#,
    r#"{"a":"\u00zz"}"#,
    "{'a':1}",
    "{\"a\":01}",
    "{\"a\":+1}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":0x1}",
    "{\"a\":NaN}",
    "{} x",
    "{}{}",
    "{",
];

#[test]
fn skipped_file_has_a_problem() {
    for text in SKIPPED {
        assert!(!problems(text).is_empty(), "{text}");
    }
}

#[test]
fn accepted_file_has_no_problem() {
    for text in ACCEPTED {
        assert_eq!(problems(text), [], "{text}");
    }
}

#[test]
fn invalid_json_has_a_line_and_a_column() {
    for text in INVALID_JSON {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].place.starts_with("line "), "{text:?}: {found:?}");
    }
    let place = |text: &str| problems(text).remove(0).to_string();
    assert!(place("{\n  // why\n}").starts_with("line 2, column 3: it is not plain JSON: "));
    assert!(place("{\"a\": \"x\ny\"}").contains("control character"));
}

#[test]
fn problem_names_the_key_and_the_expected_type() {
    for (text, expected) in [
        (
            r#"{"statusLine":{"command":"date"}}"#,
            "statusLine.type: it is missing, and statusLine needs it",
        ),
        (r#"{"statusLine":"x"}"#, "statusLine: it should be an object, but it is text"),
        (
            r#"{"permissions":{"allow":"Bash(ls:*)"}}"#,
            "permissions.allow: it should be a list, but it is text",
        ),
        (
            r#"{"permissions":{"additionalDirectories":["a",7]}}"#,
            "permissions.additionalDirectories.1: it should be text, but it is the number 7",
        ),
        (r#"{"model":null}"#, "model: it should be text, but it is null"),
        (
            r#"{"cleanupPeriodDays":0}"#,
            "cleanupPeriodDays: it should be a whole number of at least 1, but it is the number 0",
        ),
        (
            r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"date"}]}]}}"#,
            "hooks.PreToolUse.0.hooks.0.type: it should be one of command, prompt, agent, http and mcp_tool, but it is missing",
        ),
        (
            r#"{"PreToolUse":[{"hooks":[]}]}"#,
            "PreToolUse: it contains hooks for tool calls outside \"hooks\"",
        ),
        ("[]", "the file: it should be an object, but it is a list"),
    ] {
        let found: Vec<String> = problems(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected]);
    }
}

#[test]
fn too_large_file_has_a_problem() {
    let of_size = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
    assert_eq!(problems(&of_size(MAX_BYTES)), []);
    assert_eq!(
        problems(&of_size(MAX_BYTES + 1))[0].to_string(),
        "the file: it is larger than 2 MiB"
    );
}

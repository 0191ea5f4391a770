//! Lists the keys for which Claude Code skips a settings file if their value has a wrong type.
//!
//! Each key was tested with the real client 2.1.332 and a number, a text, `true`, `null`, lists and an object. Keys whose
//! wrong values the client ignores (`theme`, `effortLevel`, …) are not in the list.

use Kind::{Any, Either, Flag, FlagOrNull, List, Map, NotList, OneOf, OrNull, Text};

/// The type that a value must have.
#[derive(Debug)]
pub(super) enum Kind {
    Any,
    Text,
    Flag,
    FlagOrNull,
    OrNull,
    /// Anything except a list: the client accepts or ignores it.
    NotList,
    Number {
        least: f64,
        most: f64,
        whole: bool,
        name: &'static str,
    },
    OneOf(&'static [&'static str]),
    List(&'static Kind),
    Map(&'static Kind),
    Object {
        required: &'static [&'static str],
        members: &'static [(&'static str, Kind)],
    },
    Either(&'static [Kind]),
}

const fn number(least: f64, most: f64, whole: bool, name: &'static str) -> Kind {
    Kind::Number { least, most, whole, name }
}

const fn object(members: &'static [(&'static str, Kind)]) -> Kind {
    Kind::Object { required: &[], members }
}

const fn object_with(
    required: &'static [&'static str],
    members: &'static [(&'static str, Kind)],
) -> Kind {
    Kind::Object { required, members }
}

/// Keys below which the user chooses the names. The client does not search them for hooks.
pub(super) const FREE: [&str; 9] = [
    "mcpServers",
    "managedMcpServers",
    "lspServers",
    "pluginConfigs",
    "enabledPlugins",
    "extraKnownMarketplaces",
    "env",
    "skillOverrides",
    "modelSettings",
];

const TEXTS: Kind = List(&Text);

const ANY_OBJECT: Kind = Map(&Any);

const COUNT: Kind = number(1.0, f64::INFINITY, true, "a whole number of at least 1");

const ANY_NUMBER: Kind = number(f64::NEG_INFINITY, f64::INFINITY, false, "a number");

const COMMAND: Kind =
    object_with(&["type", "command"], &[("type", OneOf(&["command"])), ("command", Text)]);

const STATUS_LINE: Kind = object_with(
    &["type", "command"],
    &[
        ("type", OneOf(&["command"])),
        ("command", Text),
        ("padding", ANY_NUMBER),
        ("hideVimModeIndicator", Flag),
    ],
);

/// A list of permission rules. The client ignores the rules that it cannot read.
const RULES: Kind = List(&Any);

const PERMISSIONS: Kind = object(&[
    ("allow", RULES),
    ("deny", RULES),
    ("ask", RULES),
    ("additionalDirectories", TEXTS),
    (
        "defaultMode",
        OneOf(&[
            "acceptEdits",
            "auto",
            "bypassPermissions",
            "default",
            "dontAsk",
            "manual",
            "plan",
        ]),
    ),
    ("disableBypassPermissionsMode", OneOf(&["disable"])),
    ("disableAutoMode", OneOf(&["disable"])),
    ("blockReadsOutsideWorkingDirectories", Flag),
]);

const SANDBOX: Kind = object(&[
    ("enabled", Flag),
    ("failIfUnavailable", Flag),
    ("autoAllowBashIfSandboxed", Flag),
    ("allowUnsandboxedCommands", Flag),
    ("excludedCommands", TEXTS),
    ("ignoreViolations", Map(&TEXTS)),
    (
        "network",
        object(&[
            ("allowedDomains", TEXTS),
            ("deniedDomains", TEXTS),
            ("allowUnixSockets", TEXTS),
            ("allowAllUnixSockets", Flag),
            ("allowLocalBinding", Flag),
        ]),
    ),
    (
        "filesystem",
        object(&[
            ("allowWrite", TEXTS),
            ("denyWrite", TEXTS),
            ("denyRead", TEXTS),
            ("allowRead", TEXTS),
        ]),
    ),
]);

/// Every key that is checked, in the order of the client's own table.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("$schema", Text),
    ("apiKeyHelper", Text),
    ("proxyAuthHelper", Text),
    ("awsCredentialExport", Text),
    ("awsAuthRefresh", Text),
    ("gcpAuthRefresh", Text),
    ("processWrapper", Text),
    ("fileSuggestion", COMMAND),
    ("respectGitignore", Flag),
    (
        "breakReminder",
        object(&[
            ("enabled", Flag),
            ("intervalMinutes", COUNT),
            ("breakThresholdMinutes", COUNT),
            ("message", Text),
        ]),
    ),
    ("quietHours", object(&[("enabled", Flag), ("start", Text), ("end", Text)])),
    ("cleanupPeriodDays", COUNT),
    (
        "desktopSessionCleanupPeriodDays",
        number(0.0, f64::INFINITY, true, "a whole number that is not negative"),
    ),
    ("syncClaudeAiSkills", FlagOrNull),
    ("syncClaudeAiPlugins", FlagOrNull),
    ("skillListingMaxDescChars", COUNT),
    (
        "skillListingBudgetFraction",
        number(f64::MIN_POSITIVE, 1.0, false, "a number above 0 and at most 1"),
    ),
    ("wslInheritsWindowsSettings", Flag),
    ("env", NotList),
    (
        "attribution",
        Either(&[Flag, object(&[("commit", Text), ("pr", Text), ("sessionUrl", Flag)])]),
    ),
    ("attributionProject", Text),
    ("includeCoAuthoredBy", Flag),
    ("includeGitInstructions", Flag),
    ("permissions", PERMISSIONS),
    ("model", Text),
    ("fallbackModel", TEXTS),
    ("availableModels", TEXTS),
    ("enforceAvailableModels", FlagOrNull),
    ("modelOverrides", Map(&Text)),
    ("modelCatalogUrl", Text),
    ("modelCatalogPublicKey", Text),
    ("enableAllProjectMcpServers", FlagOrNull),
    ("enabledMcpjsonServers", Either(&[Text, TEXTS])),
    ("disabledMcpjsonServers", Either(&[Text, TEXTS])),
    ("disableClaudeAiConnectors", FlagOrNull),
    ("skillOverrides", Map(&OneOf(&["on", "name-only", "user-invocable-only", "off"]))),
    ("disableBundledSkills", FlagOrNull),
    ("disableDirectMcpSkills", FlagOrNull),
    (
        "worktree",
        object(&[
            ("symlinkDirectories", TEXTS),
            ("sparsePaths", TEXTS),
            ("baseRef", OneOf(&["fresh", "head"])),
        ]),
    ),
    ("disableAllHooks", Flag),
    ("disableReplyCheck", Flag),
    ("disableAgentView", FlagOrNull),
    ("disableRemoteControl", FlagOrNull),
    ("disableWorkflows", FlagOrNull),
    ("disableArtifact", FlagOrNull),
    ("enableArtifact", FlagOrNull),
    ("enableWorkflows", FlagOrNull),
    ("workflowSizeGuideline", OneOf(&["unrestricted", "small", "medium", "large"])),
    ("workflowKeywordTriggerEnabled", Flag),
    ("disableSkillShellExecution", FlagOrNull),
    ("disableWindowsBashCommandSplit", FlagOrNull),
    ("defaultShell", OneOf(&["bash", "powershell"])),
    ("bashEditDiffEnabled", Flag),
    ("respondToBashCommands", Flag),
    ("allowManagedHooksOnly", FlagOrNull),
    ("allowedHttpHookUrls", TEXTS),
    ("httpHookAllowedEnvVars", TEXTS),
    ("allowManagedPermissionRulesOnly", FlagOrNull),
    ("allowManagedMcpServersOnly", FlagOrNull),
    ("allowAllClaudeAiMcps", Flag),
    ("allowClaudeInChromeWithManagedMcp", Flag),
    ("statusLine", STATUS_LINE),
    ("prUrlTemplate", Text),
    ("enabledPlugins", Map(&Either(&[TEXTS, Flag, ANY_OBJECT]))),
    ("strictKnownMarketplaces", Either(&[OrNull, List(&ANY_OBJECT)])),
    ("blockedMarketplaces", Either(&[OrNull, List(&ANY_OBJECT)])),
    ("disableCommandPluginSources", FlagOrNull),
    ("disableSideloadFlags", FlagOrNull),
    ("pluginSuggestionMarketplaces", TEXTS),
    ("parentSettingsBehavior", OneOf(&["first-wins", "merge"])),
    ("managedSourcesBehavior", OneOf(&["first-wins", "merge"])),
    ("forceLoginOrgUUID", Either(&[Text, TEXTS])),
    ("allowNestedModelAccessUnderForceLogin", Flag),
    ("forceRemoteSettingsRefresh", Flag),
    ("otelHeadersHelper", Text),
    ("outputStyle", Text),
    ("language", Text),
    ("skipWebFetchPreflight", FlagOrNull),
    ("sandbox", SANDBOX),
    ("feedbackSurveyRate", number(0.0, 1.0, false, "a number from 0 to 1")),
    ("feedbackDrafts", Either(&[OrNull, OneOf(&["notify", "quiet", "off"])])),
    ("spinnerTipsEnabled", Flag),
    ("clawdFileProgressEnabled", Flag),
    (
        "spinnerVerbs",
        object_with(
            &["mode", "verbs"],
            &[("mode", OneOf(&["append", "replace"])), ("verbs", TEXTS)],
        ),
    ),
    ("syntaxHighlightingDisabled", Flag),
    ("terminalTitleFromRename", Flag),
    ("alwaysThinkingEnabled", Flag),
    ("advisorModel", Text),
    ("fastMode", Flag),
    ("fastModePerSessionOptIn", FlagOrNull),
    ("promptSuggestionEnabled", Flag),
    ("emojiCompletionEnabled", Flag),
    ("awaySummaryEnabled", Flag),
    ("responseComparisonEnabled", FlagOrNull),
    ("showClearContextOnPlanAccept", Flag),
    ("agent", Text),
    ("companyAnnouncements", TEXTS),
    ("pluginConfigs", Map(&object(&[("options", ANY_OBJECT), ("mcpServers", ANY_OBJECT)]))),
    ("remote", object(&[("defaultEnvironmentId", Text)])),
    ("autoUpdatesChannel", OneOf(&["latest", "stable", "rc"])),
    ("minimumVersion", Text),
    ("requiredMinimumVersion", Text),
    ("requiredMaximumVersion", Text),
    ("downloadsMirrorUrl", Text),
    ("plansDirectory", Text),
    ("tui", OneOf(&["default", "fullscreen"])),
    (
        "voice",
        object(&[("enabled", Flag), ("mode", OneOf(&["hold", "tap"])), ("autoSubmit", Flag)]),
    ),
    ("channelsEnabled", FlagOrNull),
    ("allowedChannelPlugins", List(&ANY_OBJECT)),
    ("prefersReducedMotion", Flag),
    ("timeFormat", Text),
    ("timeZone", Text),
    ("doneMeansMerged", Flag),
    ("totalTokensReminder", OneOf(&["off", "infinite", "fixed", "countdown", "padded-countdown"])),
    ("totalTokensReminderBudget", COUNT),
    ("totalTokensReminderAfterUserTurn", Flag),
    ("autoMemoryEnabled", Flag),
    ("autoMemoryDirectory", Text),
    ("autoDreamEnabled", Flag),
    ("showThinkingSummaries", Flag),
    ("skipWorkflowUsageWarning", FlagOrNull),
    ("disableAutoMode", Either(&[OrNull, OneOf(&["disable"])])),
    ("remoteTools", object(&[("allowUnattendedServing", Flag)])),
    (
        "sshConfigs",
        List(&object_with(
            &["id", "name", "sshHost"],
            &[
                ("id", Text),
                ("name", Text),
                ("sshHost", Text),
                ("sshPort", number(f64::NEG_INFINITY, f64::INFINITY, true, "a whole number")),
                ("sshIdentityFile", Text),
                ("startDirectory", Text),
            ],
        )),
    ),
    ("claudeMd", Text),
    ("claudeMdExcludes", TEXTS),
    ("pluginTrustMessage", Text),
    ("verbose", Flag),
    ("autoCompactEnabled", Flag),
    ("precomputeCompactionEnabled", Flag),
    ("idleCompaction", Flag),
    ("switchModelsOnFlag", Flag),
    ("autoContinueAtUsageLimit", FlagOrNull),
    ("autoScrollEnabled", Flag),
    ("wheelScrollAccelerationEnabled", Flag),
    ("fileCheckpointingEnabled", FlagOrNull),
    ("showTurnDuration", Flag),
    ("showMessageTimestamps", Flag),
    ("terminalProgressBarEnabled", Flag),
    ("todoFeatureEnabled", Flag),
    ("remoteControlAtStartup", FlagOrNull),
    ("isolatePeerMachines", FlagOrNull),
    ("daemonColdStart", OneOf(&["transient", "ask"])),
    ("autoMode", object(&[("allow", List(&Any))])),
];

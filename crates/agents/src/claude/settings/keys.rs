//! Lists the keys for which Claude Code skips a settings file if their value has a wrong type.
//!
//! Each key was tested with the real client 2.1.332 and a number, a text, `true`, `null`, lists and an object. Keys whose
//! wrong values the client ignores (`theme`, `effortLevel`, …) are not in the list.

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

const TEXTS: Kind = Kind::List(&Kind::Text);

const ANY_OBJECT: Kind = Kind::Map(&Kind::Any);

const COUNT: Kind = Kind::Number {
    least: 1.0,
    most: f64::INFINITY,
    whole: true,
    name: "a whole number of at least 1",
};

const ANY_NUMBER: Kind =
    Kind::Number { least: f64::NEG_INFINITY, most: f64::INFINITY, whole: false, name: "a number" };

const COMMAND: Kind = Kind::Object {
    required: &["type", "command"],
    members: &[("type", Kind::OneOf(&["command"])), ("command", Kind::Text)],
};

const STATUS_LINE: Kind = Kind::Object {
    required: &["type", "command"],
    members: &[
        ("type", Kind::OneOf(&["command"])),
        ("command", Kind::Text),
        ("padding", ANY_NUMBER),
        ("hideVimModeIndicator", Kind::Flag),
    ],
};

/// A list of permission rules. The client ignores the rules that it cannot read.
const RULES: Kind = Kind::List(&Kind::Any);

const PERMISSIONS: Kind = Kind::Object {
    required: &[],
    members: &[
        ("allow", RULES),
        ("deny", RULES),
        ("ask", RULES),
        ("additionalDirectories", TEXTS),
        (
            "defaultMode",
            Kind::OneOf(&[
                "acceptEdits",
                "auto",
                "bypassPermissions",
                "default",
                "dontAsk",
                "manual",
                "plan",
            ]),
        ),
        ("disableBypassPermissionsMode", Kind::OneOf(&["disable"])),
        ("disableAutoMode", Kind::OneOf(&["disable"])),
        ("blockReadsOutsideWorkingDirectories", Kind::Flag),
    ],
};

const SANDBOX: Kind = Kind::Object {
    required: &[],
    members: &[
        ("enabled", Kind::Flag),
        ("failIfUnavailable", Kind::Flag),
        ("autoAllowBashIfSandboxed", Kind::Flag),
        ("allowUnsandboxedCommands", Kind::Flag),
        ("excludedCommands", TEXTS),
        ("ignoreViolations", Kind::Map(&TEXTS)),
        (
            "network",
            Kind::Object {
                required: &[],
                members: &[
                    ("allowedDomains", TEXTS),
                    ("deniedDomains", TEXTS),
                    ("allowUnixSockets", TEXTS),
                    ("allowAllUnixSockets", Kind::Flag),
                    ("allowLocalBinding", Kind::Flag),
                ],
            },
        ),
        (
            "filesystem",
            Kind::Object {
                required: &[],
                members: &[
                    ("allowWrite", TEXTS),
                    ("denyWrite", TEXTS),
                    ("denyRead", TEXTS),
                    ("allowRead", TEXTS),
                ],
            },
        ),
    ],
};

/// Every key that is checked, in the order of the client's own table.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("$schema", Kind::Text),
    ("apiKeyHelper", Kind::Text),
    ("proxyAuthHelper", Kind::Text),
    ("awsCredentialExport", Kind::Text),
    ("awsAuthRefresh", Kind::Text),
    ("gcpAuthRefresh", Kind::Text),
    ("processWrapper", Kind::Text),
    ("fileSuggestion", COMMAND),
    ("respectGitignore", Kind::Flag),
    (
        "breakReminder",
        Kind::Object {
            required: &[],
            members: &[
                ("enabled", Kind::Flag),
                ("intervalMinutes", COUNT),
                ("breakThresholdMinutes", COUNT),
                ("message", Kind::Text),
            ],
        },
    ),
    (
        "quietHours",
        Kind::Object {
            required: &[],
            members: &[("enabled", Kind::Flag), ("start", Kind::Text), ("end", Kind::Text)],
        },
    ),
    ("cleanupPeriodDays", COUNT),
    (
        "desktopSessionCleanupPeriodDays",
        Kind::Number {
            least: 0.0,
            most: f64::INFINITY,
            whole: true,
            name: "a whole number that is not negative",
        },
    ),
    ("syncClaudeAiSkills", Kind::FlagOrNull),
    ("syncClaudeAiPlugins", Kind::FlagOrNull),
    ("skillListingMaxDescChars", COUNT),
    (
        "skillListingBudgetFraction",
        Kind::Number {
            least: f64::MIN_POSITIVE,
            most: 1.0,
            whole: false,
            name: "a number above 0 and at most 1",
        },
    ),
    ("wslInheritsWindowsSettings", Kind::Flag),
    ("env", Kind::NotList),
    (
        "attribution",
        Kind::Either(&[
            Kind::Flag,
            Kind::Object {
                required: &[],
                members: &[("commit", Kind::Text), ("pr", Kind::Text), ("sessionUrl", Kind::Flag)],
            },
        ]),
    ),
    ("attributionProject", Kind::Text),
    ("includeCoAuthoredBy", Kind::Flag),
    ("includeGitInstructions", Kind::Flag),
    ("permissions", PERMISSIONS),
    ("model", Kind::Text),
    ("fallbackModel", TEXTS),
    ("availableModels", TEXTS),
    ("enforceAvailableModels", Kind::FlagOrNull),
    ("modelOverrides", Kind::Map(&Kind::Text)),
    ("modelCatalogUrl", Kind::Text),
    ("modelCatalogPublicKey", Kind::Text),
    ("enableAllProjectMcpServers", Kind::FlagOrNull),
    ("enabledMcpjsonServers", Kind::Either(&[Kind::Text, TEXTS])),
    ("disabledMcpjsonServers", Kind::Either(&[Kind::Text, TEXTS])),
    ("disableClaudeAiConnectors", Kind::FlagOrNull),
    ("skillOverrides", Kind::Map(&Kind::OneOf(&["on", "name-only", "user-invocable-only", "off"]))),
    ("disableBundledSkills", Kind::FlagOrNull),
    ("disableDirectMcpSkills", Kind::FlagOrNull),
    (
        "worktree",
        Kind::Object {
            required: &[],
            members: &[
                ("symlinkDirectories", TEXTS),
                ("sparsePaths", TEXTS),
                ("baseRef", Kind::OneOf(&["fresh", "head"])),
            ],
        },
    ),
    ("disableAllHooks", Kind::Flag),
    ("disableReplyCheck", Kind::Flag),
    ("disableAgentView", Kind::FlagOrNull),
    ("disableRemoteControl", Kind::FlagOrNull),
    ("disableWorkflows", Kind::FlagOrNull),
    ("disableArtifact", Kind::FlagOrNull),
    ("enableArtifact", Kind::FlagOrNull),
    ("enableWorkflows", Kind::FlagOrNull),
    ("workflowSizeGuideline", Kind::OneOf(&["unrestricted", "small", "medium", "large"])),
    ("workflowKeywordTriggerEnabled", Kind::Flag),
    ("disableSkillShellExecution", Kind::FlagOrNull),
    ("disableWindowsBashCommandSplit", Kind::FlagOrNull),
    ("defaultShell", Kind::OneOf(&["bash", "powershell"])),
    ("bashEditDiffEnabled", Kind::Flag),
    ("respondToBashCommands", Kind::Flag),
    ("allowManagedHooksOnly", Kind::FlagOrNull),
    ("allowedHttpHookUrls", TEXTS),
    ("httpHookAllowedEnvVars", TEXTS),
    ("allowManagedPermissionRulesOnly", Kind::FlagOrNull),
    ("allowManagedMcpServersOnly", Kind::FlagOrNull),
    ("allowAllClaudeAiMcps", Kind::Flag),
    ("allowClaudeInChromeWithManagedMcp", Kind::Flag),
    ("statusLine", STATUS_LINE),
    ("prUrlTemplate", Kind::Text),
    ("enabledPlugins", Kind::Map(&Kind::Either(&[TEXTS, Kind::Flag, ANY_OBJECT]))),
    ("strictKnownMarketplaces", Kind::Either(&[Kind::OrNull, Kind::List(&ANY_OBJECT)])),
    ("blockedMarketplaces", Kind::Either(&[Kind::OrNull, Kind::List(&ANY_OBJECT)])),
    ("disableCommandPluginSources", Kind::FlagOrNull),
    ("disableSideloadFlags", Kind::FlagOrNull),
    ("pluginSuggestionMarketplaces", TEXTS),
    ("parentSettingsBehavior", Kind::OneOf(&["first-wins", "merge"])),
    ("managedSourcesBehavior", Kind::OneOf(&["first-wins", "merge"])),
    ("forceLoginOrgUUID", Kind::Either(&[Kind::Text, TEXTS])),
    ("allowNestedModelAccessUnderForceLogin", Kind::Flag),
    ("forceRemoteSettingsRefresh", Kind::Flag),
    ("otelHeadersHelper", Kind::Text),
    ("outputStyle", Kind::Text),
    ("language", Kind::Text),
    ("skipWebFetchPreflight", Kind::FlagOrNull),
    ("sandbox", SANDBOX),
    (
        "feedbackSurveyRate",
        Kind::Number { least: 0.0, most: 1.0, whole: false, name: "a number from 0 to 1" },
    ),
    ("feedbackDrafts", Kind::Either(&[Kind::OrNull, Kind::OneOf(&["notify", "quiet", "off"])])),
    ("spinnerTipsEnabled", Kind::Flag),
    ("clawdFileProgressEnabled", Kind::Flag),
    (
        "spinnerVerbs",
        Kind::Object {
            required: &["mode", "verbs"],
            members: &[("mode", Kind::OneOf(&["append", "replace"])), ("verbs", TEXTS)],
        },
    ),
    ("syntaxHighlightingDisabled", Kind::Flag),
    ("terminalTitleFromRename", Kind::Flag),
    ("alwaysThinkingEnabled", Kind::Flag),
    ("advisorModel", Kind::Text),
    ("fastMode", Kind::Flag),
    ("fastModePerSessionOptIn", Kind::FlagOrNull),
    ("promptSuggestionEnabled", Kind::Flag),
    ("emojiCompletionEnabled", Kind::Flag),
    ("awaySummaryEnabled", Kind::Flag),
    ("responseComparisonEnabled", Kind::FlagOrNull),
    ("showClearContextOnPlanAccept", Kind::Flag),
    ("agent", Kind::Text),
    ("companyAnnouncements", TEXTS),
    (
        "pluginConfigs",
        Kind::Map(&Kind::Object {
            required: &[],
            members: &[("options", ANY_OBJECT), ("mcpServers", ANY_OBJECT)],
        }),
    ),
    ("remote", Kind::Object { required: &[], members: &[("defaultEnvironmentId", Kind::Text)] }),
    ("autoUpdatesChannel", Kind::OneOf(&["latest", "stable", "rc"])),
    ("minimumVersion", Kind::Text),
    ("requiredMinimumVersion", Kind::Text),
    ("requiredMaximumVersion", Kind::Text),
    ("downloadsMirrorUrl", Kind::Text),
    ("plansDirectory", Kind::Text),
    ("tui", Kind::OneOf(&["default", "fullscreen"])),
    (
        "voice",
        Kind::Object {
            required: &[],
            members: &[
                ("enabled", Kind::Flag),
                ("mode", Kind::OneOf(&["hold", "tap"])),
                ("autoSubmit", Kind::Flag),
            ],
        },
    ),
    ("channelsEnabled", Kind::FlagOrNull),
    ("allowedChannelPlugins", Kind::List(&ANY_OBJECT)),
    ("prefersReducedMotion", Kind::Flag),
    ("timeFormat", Kind::Text),
    ("timeZone", Kind::Text),
    ("doneMeansMerged", Kind::Flag),
    (
        "totalTokensReminder",
        Kind::OneOf(&["off", "infinite", "fixed", "countdown", "padded-countdown"]),
    ),
    ("totalTokensReminderBudget", COUNT),
    ("totalTokensReminderAfterUserTurn", Kind::Flag),
    ("autoMemoryEnabled", Kind::Flag),
    ("autoMemoryDirectory", Kind::Text),
    ("autoDreamEnabled", Kind::Flag),
    ("showThinkingSummaries", Kind::Flag),
    ("skipWorkflowUsageWarning", Kind::FlagOrNull),
    ("disableAutoMode", Kind::Either(&[Kind::OrNull, Kind::OneOf(&["disable"])])),
    (
        "remoteTools",
        Kind::Object { required: &[], members: &[("allowUnattendedServing", Kind::Flag)] },
    ),
    (
        "sshConfigs",
        Kind::List(&Kind::Object {
            required: &["id", "name", "sshHost"],
            members: &[
                ("id", Kind::Text),
                ("name", Kind::Text),
                ("sshHost", Kind::Text),
                (
                    "sshPort",
                    Kind::Number {
                        least: f64::NEG_INFINITY,
                        most: f64::INFINITY,
                        whole: true,
                        name: "a whole number",
                    },
                ),
                ("sshIdentityFile", Kind::Text),
                ("startDirectory", Kind::Text),
            ],
        }),
    ),
    ("claudeMd", Kind::Text),
    ("claudeMdExcludes", TEXTS),
    ("pluginTrustMessage", Kind::Text),
    ("verbose", Kind::Flag),
    ("autoCompactEnabled", Kind::Flag),
    ("precomputeCompactionEnabled", Kind::Flag),
    ("idleCompaction", Kind::Flag),
    ("switchModelsOnFlag", Kind::Flag),
    ("autoContinueAtUsageLimit", Kind::FlagOrNull),
    ("autoScrollEnabled", Kind::Flag),
    ("wheelScrollAccelerationEnabled", Kind::Flag),
    ("fileCheckpointingEnabled", Kind::FlagOrNull),
    ("showTurnDuration", Kind::Flag),
    ("showMessageTimestamps", Kind::Flag),
    ("terminalProgressBarEnabled", Kind::Flag),
    ("todoFeatureEnabled", Kind::Flag),
    ("remoteControlAtStartup", Kind::FlagOrNull),
    ("isolatePeerMachines", Kind::FlagOrNull),
    ("daemonColdStart", Kind::OneOf(&["transient", "ask"])),
    ("autoMode", Kind::Object { required: &[], members: &[("allow", Kind::List(&Kind::Any))] }),
];

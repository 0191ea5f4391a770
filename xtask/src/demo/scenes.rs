//! The sessions of the demo.

/// A session from its start to its end.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) branch: &'static str,
    /// The number and the review of the open pull request.
    pub(super) pull_request: Option<(u64, &'static str)>,
    pub(super) parts: &'static [Part],
    /// The time at which its process ends, in milliseconds.
    pub(super) exits: Option<i64>,
    /// The reports of its status line, in order of time.
    pub(super) used: &'static [Used],
}

/// A report of a status line.
#[derive(Debug)]
pub(super) struct Used {
    /// The time, in seconds after the board opens.
    pub(super) seconds: i64,
    pub(super) context_percent: u8,
    pub(super) cost_cents: u64,
    /// The use of the account's 5-hour limit.
    pub(super) five_hour_percent: u8,
}

const fn used(seconds: i64, context_percent: u8, cost_cents: u64, five_hour_percent: u8) -> Used {
    Used { seconds, context_percent, cost_cents, five_hour_percent }
}

/// The reset of the 5-hour limit, in seconds after the board opens. Both resets are less than a day ahead, so that
/// the board shows no weekday and the demo looks the same each day.
pub(super) const FIVE_HOUR_RESETS: i64 = 72 * 60;
/// The reset of the 7-day limit, in seconds after the board opens.
pub(super) const SEVEN_DAY_RESETS: i64 = 20 * 3600;
/// The use of the 7-day limit.
pub(super) const SEVEN_DAY_PERCENT: u8 = 31;

/// A piece of a recording, stretched to fill its time.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) recording: &'static str,
    /// The range of events, counted without unknown ones.
    pub(super) events: (usize, usize),
    /// The times of the first and the last event, in seconds after the board opens.
    pub(super) seconds: (i64, i64),
    /// The texts that replace the scripted prompts, tool inputs and last messages, in order.
    pub(super) texts: &'static [&'static str],
}

const fn part(
    recording: &'static str,
    events: (usize, usize),
    seconds: (i64, i64),
    texts: &'static [&'static str],
) -> Part {
    Part { recording, events, seconds, texts }
}

/// All sessions, in order of their start.
pub(super) const ROWS: &[Row] = &[
    // Done once; now waits for a permission, which is approved.
    Row {
        name: "webshop",
        branch: "fix/checkout-tax",
        pull_request: Some((412, "approved")),
        exits: None,
        used: &[used(-2892, 38, 214, 57), used(-100, 41, 236, 61), used(14, 42, 248, 62)],
        parts: &[
            part(
                "tools",
                (0, 21),
                (-3420, -2890),
                &[
                    "the checkout adds the tax twice when a voucher is used, find out why",
                    "src/checkout/totals.ts",
                    "rg -n applyVoucher src",
                    "npm test -- totals",
                    "src/checkout/totals.ts",
                    "src/checkout/totals.test.ts",
                    "npm test -- totals",
                    "The voucher was taken off after the tax. Fixed in totals.ts, with a test for it.",
                ],
            ),
            part(
                "permission-approve",
                (1, 4),
                (-140, -96),
                &["rebase on main and push", "git push --force-with-lease origin fix/checkout-tax"],
            ),
            part(
                "permission-approve",
                (5, 8),
                (9, 15),
                &["Rebased and pushed. The pull request is green."],
            ),
        ],
    },
    // Exited.
    Row {
        name: "release-notes",
        branch: "main",
        pull_request: None,
        exits: Some(-2400 * 1000),
        used: &[used(-2405, 12, 31, 58)],
        parts: &[part(
            "exit-ctrl-d",
            (0, 4),
            (-3300, -2401),
            &["draft the notes for 2.8 from the merged pull requests", "The draft is in NOTES.md."],
        )],
    },
    // A question has waited for a while.
    Row {
        name: "ingest",
        branch: "feat/partitions",
        pull_request: None,
        exits: None,
        used: &[used(-432, 23, 97, 60)],
        parts: &[part(
            "ask-question",
            (0, 4),
            (-1260, -430),
            &[
                "partition the events table by month",
                "Which months should move first?\n1. The current one\n2. All, oldest first\n3. None: new rows only",
            ],
        )],
    },
    // A plan, approved during the demo.
    Row {
        name: "docs-site",
        branch: "redesign",
        pull_request: None,
        exits: None,
        used: &[used(-246, 35, 182, 61), used(21, 37, 190, 62)],
        parts: &[
            part(
                "plan-approve",
                (0, 10),
                (-1100, -245),
                &[
                    "plan the move of the guides to the new layout",
                    "select:ExitPlanMode",
                    "~/.claude/plans/move-the-guides.md",
                    "# Move the guides\n\n1. Turn the sidebar into data\n2. Move the 14 guides, keep their addresses\n3. Check every link",
                ],
            ),
            part("plan-approve", (11, 14), (20, 22), &["npm run check-links"]),
        ],
    },
    // The model was overloaded; the user tries again.
    Row {
        name: "api-gateway",
        branch: "main",
        pull_request: None,
        exits: None,
        used: &[used(-1400, 19, 64, 59), used(35, 21, 71, 63)],
        parts: &[
            part(
                "error-529",
                (0, 3),
                (-2000, -1310),
                &[
                    "add a rate limit for each tenant",
                    "API Error: Repeated 529 Overloaded errors. Try again in a moment.",
                ],
            ),
            part("tools", (1, 4), (28, 36), &["go on", "internal/limit/bucket.go"]),
        ],
    },
    // Done, but two subagents still work.
    Row {
        name: "mobile-app",
        branch: "perf/startup",
        pull_request: None,
        exits: None,
        used: &[used(-722, 48, 405, 60)],
        parts: &[part(
            "subagents-parallel",
            (0, 13),
            (-1500, -720),
            &[
                "measure the cold start on both platforms",
                "Profile the Android start",
                "Profile the iOS start",
                "android/app/src/main/App.kt",
                "ios/App/AppDelegate.swift",
                "Both profilers run; I will put the numbers side by side when they are done.",
            ],
        )],
    },
    // Several tools at once; the turn ends during the demo.
    Row {
        name: "search-index",
        branch: "fix/umlauts",
        pull_request: None,
        exits: None,
        used: &[used(-33, 57, 161, 61), used(17, 59, 169, 62)],
        parts: &[
            part(
                "parallel-tools",
                (0, 6),
                (-250, -31),
                &[
                    "why are umlauts not folded in titles?",
                    "src/analyse/fold.rs",
                    "src/analyse/title.rs",
                    "cargo test fold",
                    "rg -n nfkd src",
                ],
            ),
            part(
                "parallel-tools",
                (6, 12),
                (4, 18),
                &[
                    "Titles were folded before they were normalised. Turned round; all 212 tests pass.",
                ],
            ),
        ],
    },
    // Works all the time.
    Row {
        name: "billing",
        branch: "feat/invoices-pdf",
        pull_request: Some((97, "changes_requested")),
        exits: None,
        used: &[used(-14, 66, 343, 61), used(12, 68, 357, 62), used(32, 70, 371, 63)],
        parts: &[
            part(
                "tools",
                (0, 9),
                (-320, -12),
                &[
                    "write the invoice as PDF/A",
                    "lib/invoice/render.ex",
                    "mix test test/invoice",
                    "mix deps.get",
                ],
            ),
            part(
                "tools",
                (9, 21),
                (3, 33),
                &[
                    "lib/invoice/render.ex",
                    "lib/invoice/pdfa.ex",
                    "mix test test/invoice",
                    "Invoices are PDF/A-3 now, and the validator agrees.",
                ],
            ),
        ],
    },
    // Two subagents at work.
    Row {
        name: "infra",
        branch: "main",
        pull_request: None,
        exits: None,
        used: &[used(-66, 82, 512, 61)],
        parts: &[part(
            "subagents-parallel",
            (0, 9),
            (-400, -64),
            &[
                "find what is left of the old cluster",
                "Search the Terraform state",
                "Search the DNS zones",
            ],
        )],
    },
    // At its prompt; then it asks a question.
    Row {
        name: "notebooks",
        branch: "",
        pull_request: None,
        exits: None,
        used: &[used(-1890, 3, 4, 58), used(25, 9, 22, 62)],
        parts: &[
            part("idle", (0, 1), (-1900, -1900), &[]),
            part(
                "ask-question",
                (1, 4),
                (23, 26),
                &[
                    "redo the churn chart with last week's data",
                    "The export has two columns called region. Which one?\n1. Billing region\n2. Shipping region",
                ],
            ),
        ],
    },
    // At its prompt.
    Row {
        name: "dotfiles",
        branch: "main",
        pull_request: None,
        exits: None,
        used: &[],
        parts: &[part("idle", (0, 1), (-760, -760), &[])],
    },
    // Killed while it works.
    Row {
        name: "load-test",
        branch: "main",
        pull_request: None,
        exits: Some(13 * 1000),
        used: &[used(-726, 15, 48, 60)],
        parts: &[part(
            "kill-9",
            (0, 3),
            (-770, -725),
            &["run the soak test against staging", "k6 run --duration 30m soak.js"],
        )],
    },
];

//! Compares the real agent's screen with a real board: how soon the permission is at the top, and whether the
//! selection stays.

use super::report::{CheckResult, Grade};
use super::world::{Driven, Subject, World};
use anyhow::{Context, Result, anyhow, ensure};
use crewboard_testkit::Pane;
use std::time::{Duration, Instant};

/// The scenario: a tool that asks and is approved after twelve seconds, and a client that exits.
const SCENARIO: &str = "permission-approve";

/// A text of the client's prompt (Claude Code 2.1.330, seen in the harness).
const PROMPT: &str = "Do you want";

/// The largest allowed delay: a blink of an eye takes at least 100 ms.
const MAX_DELAY_MS: i128 = 100;

/// Further rows, so that the agent's row moves past others.
const OTHERS: [&str; 3] = ["alpha", "beta", "gamma"];

/// The polling interval: there is no event for a changed terminal.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Runs the client through its prompt, and watches its screen and a board.
pub(crate) fn run(subject: &Subject) -> Result<CheckResult> {
    let world = World::new(subject)?;
    for name in OTHERS {
        let words = ["report", "--agent", "other", "--status", "working", "--session", name];
        let directory = format!("/srv/{name}");
        let status = world.crewboard().args(words).args(["--cwd", &directory]).status()?;
        ensure!(status.success(), "`crewboard report` failed");
    }
    let tmux = world.tmux()?;
    let board = tmux.open("board", (120, 30), &[&world.program().to_string_lossy()]);
    board.wait_for_text("3 working");
    board.press(&["G"]);
    let name_of_selected =
        |screen: &str| OTHERS.into_iter().find(|name| selected(screen).contains(name));
    let screen = board.wait_for("the selection of the last row", |screen| {
        screen.lines().nth(4).is_some_and(|line| line == selected(screen))
    });
    let selected_name = name_of_selected(&screen).context("no row is selected")?;
    let (times, driven) = std::thread::scope(|scope| {
        let client = scope.spawn(|| world.harness(SCENARIO, ""));
        let times = PromptTimes::poll(&world, &board, selected_name, || client.is_finished());
        (times, client.join())
    });
    // An open board would start another daemon.
    board.press(&["q"]);
    board.wait_for("the end of the board", |_| board.expand("#{pane_dead}") == "1");
    world.stop_daemon()?;
    match driven.map_err(|_| anyhow!("the harness's thread panicked"))?? {
        Driven::Failed(reason) => Ok((Grade::HarnessFailed, reason)),
        Driven::Done => Ok(times?.grade(selected_name)),
    }
}

/// Returns the line of the selected row.
fn selected(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with('▌')).unwrap_or_default()
}

/// Returns true if the agent's permission is the first row.
fn is_on_top(screen: &str) -> bool {
    let Some(line) = screen.lines().nth(2) else { return false };
    let words = line.trim_start_matches(['▌', ' ']).split_whitespace();
    words.take(2).eq(["!", "permission"]) && line.contains("project")
}

/// The times at which the prompt was first on each screen.
#[derive(Debug, Default)]
struct PromptTimes {
    agent: Option<Instant>,
    board: Option<Instant>,
    /// A screen with another selected row.
    wrong_selection: Option<String>,
    /// The time between the last two polls before the prompt was on both screens.
    pause: Duration,
}

impl PromptTimes {
    /// Polls both screens until the client's run is over.
    fn poll(
        world: &World,
        board: &Pane<'_>,
        selected_name: &str,
        is_over: impl Fn() -> bool,
    ) -> Result<Self> {
        let mut times = Self::default();
        let mut before = Instant::now();
        while !is_over() {
            let is_shown = world.agent_screen()?.contains(PROMPT);
            if is_shown && times.agent.is_none() {
                times.agent = Some(Instant::now());
            }
            let screen = board.screen();
            if is_on_top(&screen) && times.board.is_none() {
                times.board = Some(Instant::now());
            }
            if !selected(&screen).contains(selected_name) {
                times.wrong_selection = Some(screen);
            }
            if times.agent.is_none() || times.board.is_none() {
                times.pause = before.elapsed();
            }
            before = Instant::now();
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(times)
    }

    fn grade(self, selected_name: &str) -> CheckResult {
        let wrong = |text: String| (Grade::Wrong, text);
        let (Some(agent), Some(board)) = (self.agent, self.board) else {
            return wrong(format!("the prompt was not seen on both screens: {self:?}"));
        };
        if let Some(screen) = self.wrong_selection {
            return wrong(format!("{selected_name} was not selected any more:\n{screen}"));
        }
        let later = board.saturating_duration_since(agent).as_millis();
        let sooner = agent.saturating_duration_since(board).as_millis();
        let lag = later.cast_signed() - sooner.cast_signed();
        let pause = self.pause.as_millis();
        let text = format!(
            "the prompt was at the top {lag} ms after the client's own screen showed it \
             (polled every {pause} ms); {selected_name} stayed selected"
        );
        let grade = if lag <= MAX_DELAY_MS { Grade::Right } else { Grade::Wrong };
        (grade, text)
    }
}

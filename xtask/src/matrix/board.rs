//! Compares the real agent's screen with a real board: how soon the permission is at the top, and whether the
//! selection stays.

use super::report::Grade;
use super::world::{Driven, Subject, World};
use anyhow::{Context, Result, anyhow, ensure};
use crewboard_testkit::Pane;
use std::fmt;
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

/// The result of a check that is not a scenario.
#[derive(Debug)]
pub(crate) struct Sight {
    title: &'static str,
    pub(crate) grade: Grade,
    text: String,
}

impl Sight {
    pub(super) fn new(title: &'static str, grade: Grade, text: String) -> Self {
        Self { title, grade, text }
    }
}

const TITLE: &str = "board";

impl fmt::Display for Sight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:28} {}\n    {}", self.title, self.grade.word(), self.text)
    }
}

/// Runs the client through its prompt, and watches its screen and a board.
pub(crate) fn run(subject: &Subject) -> Sight {
    try_run(subject).unwrap_or_else(|error| Sight::new(TITLE, Grade::Wrong, format!("{error:#}")))
}

fn try_run(subject: &Subject) -> Result<Sight> {
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
    let kept = |screen: &str| OTHERS.into_iter().find(|name| selected(screen).contains(name));
    let screen = board.wait_for("the last row selected", |screen| {
        screen.lines().nth(4).is_some_and(|line| line == selected(screen))
    });
    let kept = kept(&screen).context("no row is selected")?;
    let (seen, driven) = std::thread::scope(|scope| {
        let client = scope.spawn(|| world.harness(SCENARIO, ""));
        let seen = Seen::of(&world, &board, kept, || client.is_finished());
        (seen, client.join())
    });
    // An open board would start another daemon.
    board.press(&["q"]);
    board.wait_for("the board gone", |_| board.expand("#{pane_dead}") == "1");
    world.stop_daemon()?;
    match driven.map_err(|_| anyhow!("the harness's thread panicked"))?? {
        Driven::Failed(why) => Ok(Sight::new(TITLE, Grade::HarnessFailed, why)),
        Driven::Done => Ok(seen?.judge(kept)),
    }
}

/// Returns the line of the selected row.
fn selected(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with('▌')).unwrap_or_default()
}

/// Returns true if the agent's permission is the first row.
fn is_on_top(screen: &str) -> bool {
    screen
        .lines()
        .nth(2)
        .is_some_and(|line| line.contains("! permission") && line.contains("project"))
}

/// The times at which the prompt was first on each screen.
#[derive(Debug, Default)]
struct Seen {
    agent: Option<Instant>,
    board: Option<Instant>,
    /// A screen with another selected row.
    wrong_selection: Option<String>,
    /// The time between the last two polls before the prompt was on both screens.
    pause: Duration,
}

impl Seen {
    /// Polls both screens until the client's run is over.
    fn of(world: &World, board: &Pane<'_>, kept: &str, is_over: impl Fn() -> bool) -> Result<Self> {
        let mut seen = Self::default();
        let mut before = Instant::now();
        while !is_over() {
            let is_asked = world.agents_screen()?.contains(PROMPT);
            if is_asked && seen.agent.is_none() {
                seen.agent = Some(Instant::now());
            }
            let screen = board.screen();
            if is_on_top(&screen) && seen.board.is_none() {
                seen.board = Some(Instant::now());
            }
            if !selected(&screen).contains(kept) {
                seen.wrong_selection = Some(screen);
            }
            if seen.agent.is_none() || seen.board.is_none() {
                seen.pause = before.elapsed();
            }
            before = Instant::now();
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(seen)
    }

    fn judge(self, kept: &str) -> Sight {
        let wrong = |text: String| Sight::new(TITLE, Grade::Wrong, text);
        let (Some(agent), Some(board)) = (self.agent, self.board) else {
            return wrong(format!("the prompt was not seen on both screens: {self:?}"));
        };
        if let Some(screen) = self.wrong_selection {
            return wrong(format!("{kept} was not selected any more:\n{screen}"));
        }
        let later = board.saturating_duration_since(agent).as_millis();
        let sooner = agent.saturating_duration_since(board).as_millis();
        let lag = later.cast_signed() - sooner.cast_signed();
        let pause = self.pause.as_millis();
        let text = format!(
            "the prompt was at the top {lag} ms after the client's own screen showed it \
             (polled every {pause} ms); {kept} stayed selected"
        );
        let grade = if lag <= MAX_DELAY_MS { Grade::Right } else { Grade::Wrong };
        Sight::new(TITLE, grade, text)
    }
}

//! The real agent beside a real board: how soon its permission prompt is at the top, and what else moves.

use super::report::Grade;
use super::world::{Driven, Subject, World};
use anyhow::{Context, Result, anyhow, ensure};
use crewboard_testkit::Pane;
use std::fmt;
use std::time::{Duration, Instant};

/// The scenario: a tool that asks, is granted after twelve seconds, and a client that leaves.
const SCENARIO: &str = "permission-approve";

/// What the client's prompt says (Claude Code 2.1.330, seen in the harness).
const PROMPT: &str = "Do you want";

/// The least that a blink of an eye takes, in milliseconds.
const BLINK: i128 = 100;

/// Further rows, so that there is something for the agent's to move over.
const OTHERS: [&str; 3] = ["alpha", "beta", "gamma"];

/// Between two looks: nothing announces that a terminal changed.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What came of something that is no scenario.
#[derive(Debug)]
pub(crate) struct Sight {
    title: &'static str,
    pub(crate) grade: Grade,
    words: String,
}

impl Sight {
    pub(super) fn new(title: &'static str, grade: Grade, words: String) -> Self {
        Self { title, grade, words }
    }
}

const TITLE: &str = "a board beside";

impl fmt::Display for Sight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:28} {}\n    {}", self.title, self.grade.word(), self.words)
    }
}

/// Leads the client to its prompt and through it, and watches its screen and a board's.
pub(crate) fn watch(subject: &Subject) -> Sight {
    try_watch(subject).unwrap_or_else(|error| Sight::new(TITLE, Grade::Wrong, format!("{error:#}")))
}

fn try_watch(subject: &Subject) -> Result<Sight> {
    let world = World::new(subject)?;
    for name in OTHERS {
        let words = ["report", "--agent", "other", "--status", "working", "--session", name];
        let directory = format!("/srv/{name}");
        let status = world.crewboard().args(words).args(["--cwd", &directory]).status()?;
        ensure!(status.success(), "`crewboard report` failed");
    }
    let tmux = world.tmux()?;
    let board = tmux.open("board", (120, 30), &[&world.program().to_string_lossy()]);
    board.shows("3 working");
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
    // A board that is open would start another daemon.
    board.press(&["q"]);
    board.wait_for("the board gone", |_| board.fact("#{pane_dead}") == "1");
    world.stop_daemon()?;
    match driven.map_err(|_| anyhow!("the harness's thread panicked"))?? {
        Driven::Failed(why) => Ok(Sight::new(TITLE, Grade::HarnessFailed, why)),
        Driven::Done => Ok(seen?.judge(kept)),
    }
}

/// The line of the selected row.
fn selected(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with('▌')).unwrap_or_default()
}

/// Whether the agent's permission is the first row.
fn is_on_top(screen: &str) -> bool {
    screen
        .lines()
        .nth(2)
        .is_some_and(|line| line.contains("! permission") && line.contains("project"))
}

/// When what was first on which screen.
#[derive(Debug, Default)]
struct Seen {
    agent: Option<Instant>,
    board: Option<Instant>,
    /// A screen on which another row was selected.
    strayed: Option<String>,
    /// The longest time between two looks while the prompt was coming.
    pause: Duration,
}

impl Seen {
    /// Looks at both screens in turn until the client has been led to the end.
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
                seen.strayed = Some(screen);
            }
            if seen.agent.is_none() || seen.board.is_none() {
                seen.pause = before.elapsed();
            }
            before = Instant::now();
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(seen)
    }

    fn judge(self, kept: &str) -> Sight {
        let wrong = |words: String| Sight::new(TITLE, Grade::Wrong, words);
        let (Some(agent), Some(board)) = (self.agent, self.board) else {
            return wrong(format!("the prompt was not seen on both screens: {self:?}"));
        };
        if let Some(screen) = self.strayed {
            return wrong(format!("{kept} was not selected any more:\n{screen}"));
        }
        let later = board.saturating_duration_since(agent).as_millis();
        let sooner = agent.saturating_duration_since(board).as_millis();
        let lag = later.cast_signed() - sooner.cast_signed();
        let pause = self.pause.as_millis();
        let words = format!(
            "the prompt was at the top {lag} ms after the client's own screen showed it \
             (looked every {pause} ms); {kept} stayed selected"
        );
        let grade = if lag <= BLINK { Grade::Right } else { Grade::Wrong };
        Sight::new(TITLE, grade, words)
    }
}

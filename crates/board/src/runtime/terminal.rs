//! The terminal: taken over, given back, whatever happens.

use crate::model::Model;
use crate::view::view;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;
use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// The screen while the board has it. Dropping it gives it back.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over. A panic gives it back before it says what it has to say.
    pub(crate) fn take() -> io::Result<Self> {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            former(panic);
        }));
        enter()?;
        Ok(Self { terminal: blank()? })
    }

    pub(crate) fn draw(&mut self, model: &Model) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view(model, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Writes what is no picture.
    pub(crate) fn send(bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Draws everything anew at the next frame: the terminal may show something else than we think.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: that asks the terminal where its cursor is, and waits for an answer.
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = blank()?;
        Ok(())
    }

    /// Gives the terminal back before it is needed no more.
    #[expect(clippy::unused_self, reason = "only who has the screen can give it back")]
    pub(crate) fn lend(&self) {
        give_back();
    }

    /// Takes the terminal again, whatever has been done to it meanwhile.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        give_back();
        enter()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the terminal is ours. Given back twice it would move the cursor back to where it was
/// before the board began, over whatever was said since.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that is taken to show nothing yet.
fn blank() -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    // One write a frame, not one a cell.
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout())))
}

fn enter() -> io::Result<()> {
    TAKEN.store(true, Ordering::Relaxed);
    enable_raw_mode()?;
    // Without the brackets a pasted text would be keys, and do what they do.
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, Hide)
}

/// Puts the terminal back as it was. Nothing more can be done where that fails.
fn give_back() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    // In the background the modes are the shell's own; and to touch them stops whoever does.
    if is_ours() {
        let _ = disable_raw_mode();
    }
    let _ = io::stdout().flush();
}

/// Whether we run in the terminal's foreground, and so may do with it what we like.
pub(crate) fn is_ours() -> bool {
    // Where that cannot be told there is no job control either.
    tcgetpgrp(io::stdin()).map_or(true, |foreground| foreground == getpgrp())
}

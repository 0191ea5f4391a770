//! Acquires the terminal and restores it, also after a panic.

use crate::model::Model;
use crate::outside::{CLEAR_STATUS, RESTORE_TITLE, SAVE_TITLE, set_title};
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

/// The screen while the board owns it. Dropping it restores the terminal.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Acquires the terminal. A panic restores it before it prints its message.
    pub(crate) fn acquire() -> io::Result<Self> {
        let previous_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            previous_hook(panic);
        }));
        enter()?;
        Ok(Self { terminal: blank()? })
    }

    pub(crate) fn draw(&mut self, model: &Model) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view(model, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Writes bytes that are not part of the picture.
    pub(crate) fn send(bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Sets the title, and saves the former one before. `None` restores it.
    pub(crate) fn show_title(title: Option<&str>) -> io::Result<()> {
        let Some(title) = title else { return restore_title(&mut io::stdout()) };
        if !TITLE_SAVED.swap(true, Ordering::Relaxed) {
            Self::send(SAVE_TITLE.as_bytes())?;
        }
        Self::send(set_title(title).as_bytes())
    }

    /// Sends the status of the board. `None` clears it.
    pub(crate) fn show_status(status: Option<&str>) -> io::Result<()> {
        let Some(status) = status else { return clear_status(&mut io::stdout()) };
        STATUS_SHOWN.store(true, Ordering::Relaxed);
        Self::send(status.as_bytes())
    }

    /// Clears the screen and draws the next frame in full: the terminal may show something else than the last frame.
    pub(crate) fn invalidate(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal for the position of the cursor, and waits for the reply.
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = blank()?;
        Ok(())
    }

    /// Restores the terminal for another program.
    #[expect(clippy::unused_self, reason = "only the owner of the screen may release it")]
    pub(crate) fn release(&self) {
        restore();
    }

    /// Acquires the terminal again, in whatever state it is.
    pub(crate) fn reacquire(&mut self) -> io::Result<()> {
        restore();
        enter()?;
        self.invalidate()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// True while the board owns the terminal. A second restore would move the cursor back to its position before the
/// board, over later output.
static ACQUIRED: AtomicBool = AtomicBool::new(false);

/// True while the terminal shows a title of the board, and has saved its own.
static TITLE_SAVED: AtomicBool = AtomicBool::new(false);

/// True while the terminal has a status of the board.
static STATUS_SHOWN: AtomicBool = AtomicBool::new(false);

fn restore_title(out: &mut impl Write) -> io::Result<()> {
    if TITLE_SAVED.swap(false, Ordering::Relaxed) {
        out.write_all(RESTORE_TITLE.as_bytes())?;
    }
    out.flush()
}

fn clear_status(out: &mut impl Write) -> io::Result<()> {
    if STATUS_SHOWN.swap(false, Ordering::Relaxed) {
        out.write_all(CLEAR_STATUS.as_bytes())?;
    }
    out.flush()
}

/// Returns a terminal that assumes a blank screen.
fn blank() -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    // One write per frame instead of one per cell.
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout())))
}

fn enter() -> io::Result<()> {
    ACQUIRED.store(true, Ordering::Relaxed);
    enable_raw_mode()?;
    // Without bracketed paste, pasted text would run the actions of its letters.
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, Hide)
}

/// Restores the terminal. Errors are ignored: nothing can be done about them.
fn restore() {
    if !ACQUIRED.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = restore_title(&mut io::stdout());
    let _ = clear_status(&mut io::stdout());
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    // In the background the modes are the shell's own, and a change of them would stop this process.
    if is_foreground() {
        let _ = disable_raw_mode();
    }
    let _ = io::stdout().flush();
}

/// Returns true if this process is in the terminal's foreground, and so may change the terminal.
pub(crate) fn is_foreground() -> bool {
    // An error means that there is no job control.
    tcgetpgrp(io::stdin()).map_or(true, |foreground| foreground == getpgrp())
}

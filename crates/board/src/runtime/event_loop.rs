//! The event loop. It sleeps until there is a key, a signal, an event of the daemon, or a visible clock that changes.

mod daemon;
mod effects;

use crate::keymap::Key;
use crate::layout::rows_to_check;
use crate::model::options::Options;
use crate::model::{ConnectionState, Model};
use crate::outside::{program_status, title};
use crate::runtime::background::{LateReply, PendingReply, Questions, send_questions};
use crate::runtime::first_frame::time_until_first_frame;
use crate::runtime::host::Host;
use crate::runtime::signals::Signals;
use crate::runtime::terminal::{Screen, is_foreground};
use crate::runtime::typed::Typed;
use crate::update::{Message, next_clock, update};
use crewboard_client::{DaemonLocator, Subscription};
use crewboard_core::Timestamp;
use crewboard_platform::Clock;
use ratatui::crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The timeout of a poll for a further key.
const KEY_POLL_TIMEOUT: Duration = Duration::from_millis(1);

/// The least time between two frames, so that a burst of changes does not cause a burst of frames.
const MIN_FRAME_GAP: Duration = Duration::from_millis(33);

/// The pause before the second attempt to connect. Each further pause is twice as long.
const MIN_RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The board checks this often if a visible agent is suspended, which no event reports, and if the daemon answers. It
/// does so only while an agent works.
const PROCESS_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// An error that ends the board.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Runs the board until the user quits, or a signal ends it.
pub fn run(
    daemon_locator: &DaemonLocator,
    host: &mut dyn Host,
    options: Options,
) -> Result<(), BoardError> {
    let clock = Clock::new();
    let (width, height) = ratatui::crossterm::terminal::size()?;
    let (theme, keymap) = (options.theme, options.keymap.clone());
    let mut model = Model::new(theme, keymap, host.hook_state(), clock.now().wall);
    model.quit_after_jump = host.quits_after_jump();
    model.default_profile = host.default_profile();
    model.program = host.program();
    model.set_agent_text(host.agent_text());
    update(&mut model, Message::Configured(Box::new(options)), clock.now().wall);
    update(&mut model, Message::Resized { width, height }, clock.now().wall);
    let signals = Signals::register()?;
    let screen = Screen::acquire()?;
    let mut event_loop = EventLoop {
        clock,
        model,
        screen,
        signals,
        subscription: Subscription::new(daemon_locator),
        host,
        started: Instant::now(),
        last_frame: None,
        connect_at: Some(Instant::now()),
        retry_pause: MIN_RETRY_PAUSE,
        last_event: Instant::now(),
        last_process_check: Instant::now(),
        reply_deadline: None,
        asked: Questions { background: false, status: false },
        knows_status: false,
        shown_outside: (None, None),
        pending_reply: None,
        late_reply: LateReply::default(),
        quits: false,
    };
    event_loop.subscription.accept_notifications(true);
    event_loop.ask_terminal()?;
    event_loop.run()?;
    Ok(())
}

/// The board with its connections to the daemon, the terminal and the host.
struct EventLoop<'a> {
    clock: Clock,
    model: Model,
    screen: Screen,
    signals: Signals,
    subscription: Subscription<'a>,
    host: &'a mut dyn Host,
    started: Instant,
    /// The time at which the last frame was drawn.
    last_frame: Option<Instant>,
    /// The time of the next attempt to connect. `None` while connected.
    connect_at: Option<Instant>,
    /// The pause after the next failed attempt.
    retry_pause: Duration,
    /// The time at which the daemon last sent something.
    last_event: Instant,
    /// The time at which the board last asked the daemon to check the agents' processes.
    last_process_check: Instant,
    /// The time from which the pending reply is late.
    reply_deadline: Option<Instant>,
    /// The questions that the terminal has got already.
    asked: Questions,
    /// The terminal knows the Program Status Protocol.
    knows_status: bool,
    /// The title and the status that the terminal has got.
    shown_outside: (Option<String>, Option<String>),
    /// The reply of the terminal, while the board waits for it.
    pending_reply: Option<PendingReply>,
    late_reply: LateReply,
    quits: bool,
}

impl EventLoop<'_> {
    /// Asks the terminal once for its background, if the theme depends on it, and if it shows the status of a program. The
    /// board draws and connects meanwhile.
    fn ask_terminal(&mut self) -> io::Result<()> {
        let depends = self.model.configured_theme.depends_on_background();
        let questions = Questions {
            background: depends && !self.asked.background,
            status: self.model.report_status && !self.asked.status,
        };
        if self.pending_reply.is_some() || !questions.background && !questions.status {
            return Ok(());
        }
        self.asked.background |= questions.background;
        self.asked.status |= questions.status;
        self.pending_reply = send_questions(questions)?;
        Ok(())
    }

    /// Applies the reply of the terminal, if it has arrived or its time is over.
    fn finish_reply(&mut self) -> io::Result<()> {
        if self.pending_reply.as_ref().is_none_or(|pending| pending.remaining().is_some()) {
            return Ok(());
        }
        let Some(pending) = self.pending_reply.take() else { return Ok(()) };
        let reply = pending.finish();
        self.late_reply = reply.late;
        self.knows_status |= reply.knows_status;
        if let Some(background) = reply.background {
            self.apply(Message::Background(background))?;
        }
        for typed in reply.typed {
            self.apply(match typed {
                Typed::Key(key) => Message::Key(key),
                Typed::Pasted(text) => Message::Pasted(text),
            })?;
        }
        // The options may have changed meanwhile.
        self.ask_terminal()
    }

    fn run(&mut self) -> io::Result<()> {
        while !self.quits {
            if self.connect_at.is_some_and(|at| at <= Instant::now()) {
                self.connect();
            }
            let wait = self.draw_or_wait()?;
            self.sleep(wait)?;
        }
        if let Some(pending) = self.pending_reply.as_mut().filter(|_| is_foreground()) {
            // Otherwise the shell would get the reply as keys. A lost terminal sends none.
            let _ = pending.read_all();
        }
        Ok(())
    }

    /// Returns the time until the next frame may be drawn.
    fn time_until_frame(&self) -> Duration {
        if let Some(frame) = self.last_frame {
            return MIN_FRAME_GAP.saturating_sub(frame.elapsed());
        }
        let reply = self.pending_reply.as_ref().map(PendingReply::remaining_for_first_frame);
        time_until_first_frame(&self.model.connection, self.started.elapsed(), reply)
    }

    /// Draws a frame if something has changed and the last frame is old enough. Returns how long to sleep at most.
    fn draw_or_wait(&mut self) -> io::Result<Option<Duration>> {
        let mut wait = self.connect_at.map(|at| at.saturating_duration_since(Instant::now()));
        let mut at_most = |duration: Duration| {
            wait = Some(wait.map_or(duration, |wait| wait.min(duration)));
        };
        if let Some(rest) = self.pending_reply.as_ref().and_then(PendingReply::remaining) {
            at_most(rest);
        }
        if self.model.needs_redraw {
            let rest = self.time_until_frame();
            if !rest.is_zero() {
                at_most(rest);
                return Ok(wait);
            }
            self.screen.draw(&self.model)?;
            self.show_outside()?;
            self.model.needs_redraw = false;
            self.last_frame = Some(Instant::now());
        }
        if let Some(deadline) = self.reply_deadline {
            at_most(deadline.saturating_duration_since(Instant::now()));
        }
        if let Some(milliseconds) = next_clock(&self.model) {
            at_most(Duration::from_millis(milliseconds));
        }
        if self.model.connection == ConnectionState::Connected
            && !rows_to_check(&self.model).is_empty()
        {
            at_most(PROCESS_CHECK_INTERVAL.saturating_sub(self.last_process_check.elapsed()));
        }
        Ok(wait)
    }

    /// Updates the title of the terminal and the status that it gets, if they have changed.
    fn show_outside(&mut self) -> io::Result<()> {
        let counts = self.model.rows.totals().counts();
        let new_title = self.model.title.then(|| title(&counts));
        let reports = self.model.report_status && self.knows_status;
        let new_status = reports.then(|| program_status(&counts));
        let (old_title, old_status) = &self.shown_outside;
        if *old_title != new_title {
            Screen::show_title(new_title.as_deref())?;
        }
        if *old_status != new_status {
            Screen::show_status(new_status.as_deref())?;
        }
        self.shown_outside = (new_title, new_status);
        Ok(())
    }

    /// Sleeps until something happens, at most for `wait`, and handles it.
    fn sleep(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let stdin = io::stdin();
        let timeout = wait.map(|wait| Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        let (keys, signals, daemon, options, navigation, peek) = {
            let mut descriptors =
                vec![PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            let mut add = |descriptor| {
                descriptors.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
                descriptors.len() - 1
            };
            let daemon = self.subscription.stream().map(|stream| add(stream.as_fd()));
            let options = self.host.options_watch().map(&mut add);
            let navigation = self.host.navigation_watch().map(&mut add);
            let peek = self.host.peek_watch().map(&mut add);
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let flags =
                |index: usize| descriptors.get(index).map_or(PollFlags::empty(), PollFd::revents);
            let is_ready =
                |index: Option<usize>| index.is_some_and(|index| !flags(index).is_empty());
            (
                flags(0),
                !flags(1).is_empty(),
                is_ready(daemon),
                is_ready(options),
                is_ready(navigation),
                is_ready(peek),
            )
        };
        if keys.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            // The terminal is gone.
            self.quits = true;
            return Ok(());
        }
        if signals {
            self.handle_signals()?;
        }
        if let Some(pending) = &mut self.pending_reply {
            if !keys.is_empty() {
                pending.read()?;
            }
            self.finish_reply()?;
        } else if signals || !keys.is_empty() {
            // Also after a signal: a resize and a key may arrive together.
            self.read_keys()?;
        }
        if daemon {
            self.read_events();
        }
        if options && let Some(options) = self.host.changed_options() {
            self.apply(Message::Configured(Box::new(options)))?;
            self.ask_terminal()?;
        }
        if navigation {
            let outcome = self.host.navigation_outcome();
            self.apply(Message::Navigated(outcome))?;
        }
        if peek {
            let screen = self.host.peek_outcome();
            self.apply(Message::Peeked(screen))?;
        }
        if keys.is_empty() && !signals && !daemon && !options && !navigation && !peek {
            self.apply(Message::ClockTick)?;
            self.send_tick_requests();
        }
        if !daemon && self.reply_deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.reply_deadline = None;
            self.apply(Message::Unresponsive)?;
        }
        Ok(())
    }

    fn read_keys(&mut self) -> io::Result<()> {
        // With a timeout of zero crossterm 0.29 does not read. A key that arrived together with a resize would stay
        // unread, and the terminal would stay readable.
        while event::poll(KEY_POLL_TIMEOUT)? {
            let message = match event::read()? {
                Event::Key(key) if self.late_reply.swallows(&key) => continue,
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    Message::Key(Key::from(key))
                }
                Event::Mouse(mouse) => match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => {
                        Message::Clicked { column: mouse.column, line: mouse.row }
                    }
                    MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => Message::Wheel {
                        column: mouse.column,
                        line: mouse.row,
                        down: mouse.kind == MouseEventKind::ScrollDown,
                    },
                    _ => continue,
                },
                Event::Paste(text) => Message::Pasted(text),
                Event::Resize(width, height) => Message::Resized { width, height },
                _ => continue,
            };
            self.apply(message)?;
        }
        Ok(())
    }

    fn handle_signals(&mut self) -> io::Result<()> {
        let caught = self.signals.take();
        if caught.quit {
            // A board in the background must not acquire the terminal in order to quit.
            self.quits = true;
            return Ok(());
        }
        if caught.suspend {
            return self.suspend();
        }
        if caught.continued {
            // The board was stopped by SIGSTOP. Another program had the terminal meanwhile, or still has it.
            return if is_foreground() { self.resume() } else { self.stop() };
        }
        // Each of the other signals may mean a new size.
        let (width, height) = ratatui::crossterm::terminal::size()?;
        self.apply(Message::Resized { width, height })
    }

    fn apply(&mut self, message: Message) -> io::Result<()> {
        let now: Timestamp = self.clock.now().wall;
        for effect in update(&mut self.model, message, now) {
            self.run_effect(effect)?;
        }
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.screen.release();
        // Another board can show notifications meanwhile.
        self.subscription.accept_notifications(false);
        let result = self.stop();
        self.subscription.accept_notifications(true);
        result
    }

    /// Stops the process until it is in the foreground again, or must quit.
    fn stop(&mut self) -> io::Result<()> {
        loop {
            // The board catches SIGTSTP. The shell sees no difference.
            let _ = kill_process(getpid(), Signal::STOP);
            self.quits |= self.signals.take().quit;
            if self.quits {
                return Ok(());
            }
            // In the background the process must not touch the terminal.
            if is_foreground() {
                return self.resume();
            }
        }
    }

    /// Acquires the terminal again. Only the size may have changed without an event.
    fn resume(&mut self) -> io::Result<()> {
        self.screen.reacquire()?;
        self.shown_outside = (None, None);
        self.model.needs_redraw = true;
        let (width, height) = ratatui::crossterm::terminal::size()?;
        self.apply(Message::Resized { width, height })
    }
}

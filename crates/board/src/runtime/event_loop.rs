//! The loop: sleeps until a key, the daemon, a signal or a visible clock has something to say.

use crate::keymap::Key;
use crate::model::navigation::NavigationOutcome;
use crate::model::options::Options;
use crate::model::{ConnectionState, HookState, Model};
use crate::runtime::host::Host;
use crate::runtime::signals::Signals;
use crate::runtime::terminal::{Screen, is_ours};
use crate::update::{Effect, Message, next_clock, update};
use crewboard_client::{ConnectionError, DaemonLocator, Subscription, SubscriptionEvent};
use crewboard_core::{Session, Status, Timestamp};
use crewboard_platform::{Clock, Deadline};
use crewboard_protocol::{PROTOCOL, Request};
use ratatui::crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long to look for a further key.
const KEYS_WITHIN: Duration = Duration::from_millis(1);

/// Frames are at least this far apart, except the first after a pause: a flood of news must not
/// become a flood of drawing.
const FRAME_GAP: Duration = Duration::from_millis(33);

/// How long one attempt to find or start a daemon may hold up the keys.
const CONNECT_WITHIN: Duration = Duration::from_millis(150);

/// The pause before the second such attempt; each further one is twice as long,
const RECONNECT: Duration = Duration::from_millis(250);

/// up to this: a board that finds no daemon all day must not keep the machine awake.
const RECONNECT_AT_MOST: Duration = Duration::from_secs(8);

/// How long the daemon may take to answer before we say that it does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long it may have nothing to tell before a clock that ticks asks whether it is there at all. Without
/// a clock on the screen nobody asks: then nothing on it claims to be of now.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// Why the board ended otherwise than by its user.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the board until its user leaves.
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
    model.set_agent_text(host.agent_text());
    update(&mut model, Message::Configured(Box::new(options)), clock.now().wall);
    update(&mut model, Message::Resized { width, height }, clock.now().wall);
    let signals = Signals::catch()?;
    let screen = Screen::take()?;
    let mut shell = EventLoop {
        clock,
        model,
        screen,
        signals,
        follow: Subscription::new(daemon_locator),
        host,
        drawn: None,
        reconnect: Some(Instant::now()),
        pause: RECONNECT,
        heard: Instant::now(),
        answer_by: None,
        leaving: false,
    };
    shell.follow.accept_notifications(true);
    shell.run()?;
    Ok(())
}

/// The board and everything it is connected to.
struct EventLoop<'a> {
    clock: Clock,
    model: Model,
    screen: Screen,
    signals: Signals,
    follow: Subscription<'a>,
    host: &'a mut dyn Host,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
    /// When to look for a daemon next.
    reconnect: Option<Instant>,
    /// How long to wait after the next failure.
    pause: Duration,
    /// When the daemon last said something.
    heard: Instant,
    /// When it must have answered what it was asked.
    answer_by: Option<Instant>,
    leaving: bool,
}

impl EventLoop<'_> {
    fn run(&mut self) -> io::Result<()> {
        while !self.leaving {
            if self.reconnect.is_some_and(|at| at <= Instant::now()) {
                self.connect();
            }
            let wait = self.draw_or_wait()?;
            self.sleep(wait)?;
        }
        Ok(())
    }

    /// Draws if anything changed and the last frame is not too young; how long to sleep then.
    fn draw_or_wait(&mut self) -> io::Result<Option<Duration>> {
        let mut wait = self.reconnect.map(|at| at.saturating_duration_since(Instant::now()));
        let mut at_most = |duration: Duration| {
            wait = Some(wait.map_or(duration, |wait| wait.min(duration)));
        };
        if self.model.needs_redraw {
            let young = self.drawn.map(|drawn| FRAME_GAP.saturating_sub(drawn.elapsed()));
            match young {
                Some(rest) if !rest.is_zero() => {
                    at_most(rest);
                    return Ok(wait);
                }
                _ => {
                    self.screen.draw(&self.model)?;
                    self.model.needs_redraw = false;
                    self.drawn = Some(Instant::now());
                }
            }
        }
        if let Some(answer_by) = self.answer_by {
            at_most(answer_by.saturating_duration_since(Instant::now()));
        }
        if let Some(milliseconds) = next_clock(&self.model) {
            at_most(Duration::from_millis(milliseconds));
        }
        Ok(wait)
    }

    /// Sleeps until something happens, at most for `wait`, and takes it in.
    fn sleep(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let stdin = io::stdin();
        let timeout = wait.map(|wait| Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        let (keys, signals, daemon, options, errand) = {
            let mut descriptors =
                vec![PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            let mut add = |descriptor| {
                descriptors.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
                descriptors.len() - 1
            };
            let daemon = self.follow.stream().map(|stream| add(stream.as_fd()));
            let options = self.host.options_watch().map(&mut add);
            let errand = self.host.navigation_watch().map(&mut add);
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let happened =
                |index: usize| descriptors.get(index).map_or(PollFlags::empty(), PollFd::revents);
            let at = |index: Option<usize>| index.is_some_and(|index| !happened(index).is_empty());
            (happened(0), !happened(1).is_empty(), at(daemon), at(options), at(errand))
        };
        if keys.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            // The terminal is gone, and nobody is left to be shown anything.
            self.leaving = true;
            return Ok(());
        }
        if signals {
            self.take_signals()?;
        }
        // After a signal too: a resize and a key may come together.
        if signals || !keys.is_empty() {
            self.take_keys()?;
        }
        if daemon {
            self.take_news();
        }
        if options && let Some(options) = self.host.changed_options() {
            self.tell(Message::Configured(Box::new(options)))?;
        }
        if errand {
            let went = self.host.navigation_outcome();
            self.tell(Message::Navigated(went))?;
        }
        if keys.is_empty() && !signals && !daemon && !options && !errand {
            self.tell(Message::ClockTick)?;
            self.ask_on_tick();
        }
        if !daemon && self.answer_by.is_some_and(|answer_by| answer_by <= Instant::now()) {
            self.answer_by = None;
            self.tell(Message::Unresponsive)?;
        }
        Ok(())
    }

    /// What a clock that ticked has to ask: best effort, for the next tick asks again.
    fn ask_on_tick(&mut self) {
        if self.model.connection != ConnectionState::Connected {
            // What nobody takes in would fill the connection.
            return;
        }
        if self.heard.elapsed() >= ASK_AFTER {
            self.ask_whether_it_is_there();
        }
        let works = |row: &Session| row.status == Status::Working;
        if self.follow.rows().values().any(works) {
            let _ = self.follow.send(&Request::Look);
        }
    }

    /// Asks for a sign of life, unless one is owed already.
    fn ask_whether_it_is_there(&mut self) {
        let hello = Request::Hello { protocol: PROTOCOL };
        if self.answer_by.is_none() && self.follow.send(&hello).is_ok() {
            self.answer_by = Some(Instant::now() + ANSWER_WITHIN);
        }
    }

    fn take_keys(&mut self) -> io::Result<()> {
        // With no time at all the source does not even look (crossterm 0.29), and a key that came with a
        // resize would stay where it is and keep the terminal readable.
        while event::poll(KEYS_WITHIN)? {
            let message = match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    Message::Key(Key::from(key))
                }
                Event::Mouse(mouse) => match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => {
                        Message::Clicked { column: mouse.column, line: mouse.row }
                    }
                    MouseEventKind::ScrollUp => Message::WheelUp,
                    MouseEventKind::ScrollDown => Message::WheelDown,
                    _ => continue,
                },
                Event::Paste(text) => Message::Pasted(text),
                Event::Resize(width, height) => Message::Resized { width, height },
                _ => continue,
            };
            self.tell(message)?;
        }
        Ok(())
    }

    fn take_signals(&mut self) -> io::Result<()> {
        let caught = self.signals.take();
        if caught.leave {
            // One that is told to leave while it is stopped must not take the terminal for that.
            self.leaving = true;
            return Ok(());
        }
        if caught.stop {
            return self.suspend();
        }
        if caught.went_on {
            // Stopped behind our back: whatever ran meanwhile had the terminal, or has it still.
            return if is_ours() { self.go_on() } else { self.stay_stopped() };
        }
        // Of the others each may mean another size.
        let (width, height) = ratatui::crossterm::terminal::size()?;
        self.tell(Message::Resized { width, height })
    }

    fn take_news(&mut self) {
        (self.heard, self.answer_by) = (Instant::now(), None);
        update(&mut self.model, Message::Answered, self.clock.now().wall);
        match self.follow.ready() {
            Ok(news) => {
                for news in news {
                    self.take_piece(news);
                }
            }
            Err(error) => self.lost(&error.to_string()),
        }
    }

    fn take_piece(&mut self, news: SubscriptionEvent) {
        let now = self.clock.now().wall;
        let message = match news {
            SubscriptionEvent::Synced => {
                Message::Rows(self.follow.rows().values().cloned().collect())
            }
            SubscriptionEvent::Changed { row, .. } => match self.follow.rows().get(&row.key) {
                // With the history, which the news does not carry.
                Some(known) => Message::Row(Box::new(known.clone())),
                None => return,
            },
            SubscriptionEvent::Removed(key) => Message::Removed(key),
            SubscriptionEvent::RateLimits => Message::RateLimits(self.follow.limits().to_vec()),
            SubscriptionEvent::Losses(losses) => Message::Losses(losses),
            SubscriptionEvent::Notification { id, title, text } => {
                let bytes = self.host.notification_bytes(&title, &text);
                // A terminal that is gone ends the board by itself, and another tells the person.
                if Screen::send(&bytes).is_ok()
                    && let Some(id) = id
                {
                    let _ = self.follow.send(&Request::NotificationShown { id });
                }
                return;
            }
            SubscriptionEvent::Version(problem) => Message::Version(problem),
            SubscriptionEvent::Lost => return self.lost("it went away"),
            SubscriptionEvent::Unreachable(why) => return self.lost(&why),
        };
        update(&mut self.model, message, now);
    }

    fn lost(&mut self, why: &str) {
        let now = self.clock.now().wall;
        update(&mut self.model, Message::Disconnected(why.to_owned()), now);
        self.follow.forget_connection();
        self.answer_by = None;
        self.reconnect = Some(Instant::now());
    }

    fn connect(&mut self) {
        match self.follow.connect(Deadline::after(CONNECT_WITHIN)) {
            Ok(()) => {
                (self.reconnect, self.pause) = (None, RECONNECT);
                // It owes us all rows.
                self.answer_by = Some(Instant::now() + ANSWER_WITHIN);
            }
            Err(error) => {
                let now = self.clock.now().wall;
                update(&mut self.model, Message::Disconnected(error.to_string()), now);
                self.reconnect = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(RECONNECT_AT_MOST);
            }
        }
    }

    fn tell(&mut self, message: Message) -> io::Result<()> {
        let now: Timestamp = self.clock.now().wall;
        for effect in update(&mut self.model, message, now) {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Mark { row, mark } => {
                let sent: Result<(), ConnectionError> =
                    self.follow.send(&Request::Mark { row, mark });
                match sent {
                    Ok(()) => self.ask_whether_it_is_there(),
                    Err(error) => self.lost(&error.to_string()),
                }
            }
            Effect::LossesSeen(count) => {
                // A daemon that is gone hears it after the next key.
                let _ = self.follow.send(&Request::LossesSeen { count });
            }
            Effect::PreviewInstall if self.host.hook_state() == HookState::Installed => {
                self.tell(Message::Installed(Ok("The hooks are in place already.".to_owned())))?;
            }
            Effect::PreviewInstall => {
                let change = self.host.preview_install();
                self.tell(Message::InstallPreview(change))?;
            }
            Effect::Install => {
                let installed = self.host.install();
                self.tell(Message::Installed(installed))?;
            }
            Effect::Navigate { navigation, row } => {
                if let Err(why) = self.host.start_navigation(navigation, &row) {
                    self.tell(Message::Navigated(NavigationOutcome::Failed(why)))?;
                }
            }
            Effect::RunHere => {
                self.screen.lend();
                self.follow.accept_notifications(false);
                let ran = self.host.run_here();
                self.follow.accept_notifications(true);
                self.go_on()?;
                self.tell(Message::Navigated(ran.map_or_else(NavigationOutcome::Failed, |()| {
                    NavigationOutcome::Shown(String::new())
                })))?;
            }
            Effect::Redraw => self.screen.forget()?,
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.leaving = true,
        }
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.screen.lend();
        // Another board can call the person meanwhile.
        self.follow.accept_notifications(false);
        let ended = self.stay_stopped();
        self.follow.accept_notifications(true);
        ended
    }

    /// Stops until the terminal is ours again, or it is time to leave.
    fn stay_stopped(&mut self) -> io::Result<()> {
        loop {
            // Not SIGTSTP, which we catch; the shell sees no difference.
            let _ = kill_process(getpid(), Signal::STOP);
            // One that is told to leave while it is stopped must not take the terminal for that.
            self.leaving |= self.signals.take().leave;
            if self.leaving {
                return Ok(());
            }
            // Continued in the background there is nothing to show and nobody to ask.
            if is_ours() {
                return self.go_on();
            }
        }
    }

    /// Takes the terminal again; of what is not told again only the size matters.
    fn go_on(&mut self) -> io::Result<()> {
        self.screen.take_again()?;
        self.model.needs_redraw = true;
        let (width, height) = ratatui::crossterm::terminal::size()?;
        self.tell(Message::Resized { width, height })
    }
}

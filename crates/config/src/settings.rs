//! The effective settings, and the origin of each value.

use crate::file::{Location, locate, read};
use crate::hours::Hours;
use crate::parse::{FileValue, Parsed, parse, unbound};
use crate::problem::{Problem, Severity};
use crate::rules::Rule;
use crate::schema::{IDLE_EXIT_DEFAULT, IDLE_EXIT_VARIABLE, KEYS, SOUNDS, Schema, Value};
use crate::{Environment, duration};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
}

/// The effective value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub value: Value,
    pub origin: Origin,
}

/// The loaded configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The path of the file, or `None` if it is unknown.
    pub path: Option<PathBuf>,
    pub exists: bool,
    /// The settings of all options. If the problems contain an error, the file is ignored.
    pub settings: Vec<Setting>,
    /// The `[[on]]` rules, in the order of the file.
    pub rules: Vec<Rule>,
    pub problems: Vec<Problem>,
}

/// The effective configuration, as a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub board: Board,
    /// All actions with their keys.
    pub keys: Vec<(&'static str, Vec<String>)>,
    pub notify: Notify,
    /// The `[[on]]` rules.
    pub on: Vec<Rule>,
    pub jump: OwnCommand,
    pub open: OwnCommand,
    pub daemon: Daemon,
}

/// The user's own command that shows or opens a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCommand {
    /// The shell command, if there is one.
    pub command: Option<String>,
    /// Runs it also where Crewboard could do without.
    pub always: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the switches are independent")]
pub struct Board {
    /// The name of one of the known themes.
    pub theme: String,
    pub detail: bool,
    /// `auto`, `list` or `strip`.
    pub layout: String,
    /// The word of an order of the list.
    pub order: String,
    /// Show headings over the columns of the list and over groups.
    pub headings: bool,
    pub title: bool,
    pub report_status: bool,
}

/// The settings of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// The statuses that notify the user.
    pub statuses: Vec<String>,
    pub desktop: bool,
    /// `bell`, `osc9`, `osc777` or `off`.
    pub terminal: String,
    /// True if notifications include the question or the command.
    pub content: bool,
    /// The hours of the day without notifications.
    #[serde(default)]
    pub quiet: Option<Hours>,
    /// Statuses with the sound file of each.
    #[serde(default)]
    pub sounds: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    pub idle_exit: Duration,
}

impl Schema {
    /// Finds, reads and parses the configuration file.
    pub fn load(&self, environment: &Environment) -> Loaded {
        let path = match locate(environment) {
            Location::At(path) => path,
            Location::Nowhere => return self.resolve(None, None, environment),
            Location::Relative(path) => {
                let shown = path.display();
                let text = format!("CREWBOARD_CONFIG is {shown}; it must be an absolute path");
                let mut loaded = self.resolve(None, None, environment);
                loaded.problems.insert(0, error(None, text));
                return loaded;
            }
        };
        match read(&path) {
            Ok(text) => self.resolve(Some(&path), text.as_deref(), environment),
            Err(cause) => {
                let mut loaded = self.resolve(Some(&path), None, environment);
                loaded.exists = true;
                let text = format!("cannot read the file: {cause}");
                loaded.problems.insert(0, error(Some(&path), text));
                loaded
            }
        }
    }

    /// Returns the configuration for this text of the file.
    pub fn resolve(
        &self,
        path: Option<&Path>,
        text: Option<&str>,
        environment: &Environment,
    ) -> Loaded {
        let shown_path = path.unwrap_or_else(|| Path::new("config.toml"));
        let Parsed { mut values, mut rules, mut problems } =
            text.map_or_else(Parsed::default, |text| parse(self, shown_path, text));
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            values.clear();
            rules.clear();
        }
        let mut settings = self.file_settings(&values);
        let mut set = |section, name, value, variable, overrides_file| {
            let found = settings
                .iter_mut()
                .find(|setting| setting.section == section && setting.name == name);
            if let Some(setting) = found
                && (overrides_file || setting.origin == Origin::Default)
            {
                setting.value = value;
                setting.origin = Origin::Environment(variable);
            }
        };
        if environment.no_colour {
            // The convention (no-color.org) says that the configuration of a program overrides NO_COLOR.
            let colourless = Value::Word(self.known.colourless.to_owned());
            set("board", "theme", colourless, "NO_COLOR", false);
        }
        if let Some(word) = &environment.idle_exit {
            match duration(word) {
                Ok(time) => set("daemon", "idle_exit", Value::Time(time), IDLE_EXIT_VARIABLE, true),
                Err(error) => {
                    // A typing mistake in a shell profile must not prevent the start of the daemon.
                    let text = format!("{IDLE_EXIT_VARIABLE} is {word:?}; {error}");
                    let severity = Severity::Warning;
                    problems.push(Problem { severity, path: None, position: None, text });
                }
            }
        }
        let path = path.map(Path::to_owned);
        Loaded { path, exists: text.is_some(), settings, rules, problems }
    }

    /// Returns the settings from the file and the defaults, without the environment.
    fn file_settings(&self, values: &[FileValue]) -> Vec<Setting> {
        let setting = |(index, entry): (usize, &crate::Entry)| {
            let own = values.iter().find(|value| value.entry == index);
            let (value, origin) = match (own, &entry.default) {
                (Some(own), _) => (own.value.clone(), Origin::File { line: own.line }),
                (None, Value::Keys(keys)) => {
                    (Value::Keys(unbound(self, keys, values)), Origin::Default)
                }
                (None, default) => (default.clone(), Origin::Default),
            };
            Setting { section: entry.section, name: entry.name, value, origin }
        };
        self.entries().iter().enumerate().map(setting).collect()
    }
}

fn error(path: Option<&Path>, text: String) -> Problem {
    let path = path.map(Path::to_owned);
    Problem { severity: Severity::Error, path, position: None, text }
}

impl Loaded {
    /// Returns the problems because of which the file is ignored.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// Returns the problems with which the file is still used.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// Returns the settings as a structure.
    pub fn config(&self) -> Config {
        let value = |section, name| {
            let found = self
                .settings
                .iter()
                .find(|setting| setting.section == section && setting.name == name);
            debug_assert!(found.is_some(), "there is no option {section}.{name}");
            found.map(|setting| &setting.value)
        };
        let keys = self.settings.iter().filter(|setting| setting.section == KEYS);
        let is_on = |section, name| matches!(value(section, name), Some(Value::Switch(true)));
        let word = |section, name| match value(section, name) {
            Some(Value::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let own_command = |section| OwnCommand {
            command: match value(section, "command") {
                Some(Value::Text(line)) if !line.trim().is_empty() => Some(line.clone()),
                _ => None,
            },
            always: is_on(section, "always"),
        };
        Config {
            board: Board {
                theme: word("board", "theme"),
                detail: is_on("board", "detail"),
                layout: word("board", "layout"),
                order: word("board", "order"),
                headings: is_on("board", "headings"),
                title: is_on("board", "title"),
                report_status: is_on("board", "report_status"),
            },
            keys: keys
                .filter_map(|setting| match &setting.value {
                    Value::Keys(keys) => Some((setting.name, keys.clone())),
                    _ => None,
                })
                .collect(),
            notify: Notify {
                statuses: match value("notify", "statuses") {
                    Some(Value::Words(words)) => words.clone(),
                    _ => Vec::new(),
                },
                desktop: is_on("notify", "desktop"),
                terminal: word("notify", "terminal"),
                content: is_on("notify", "content"),
                quiet: match value("notify", "quiet") {
                    Some(Value::Hours(hours)) => *hours,
                    _ => None,
                },
                sounds: SOUNDS
                    .iter()
                    .filter_map(|(status, name)| match value("notify", name) {
                        Some(Value::Path(path)) if !path.is_empty() => {
                            Some(((*status).to_owned(), path.clone()))
                        }
                        _ => None,
                    })
                    .collect(),
            },
            on: self.rules.clone(),
            jump: own_command("jump"),
            open: own_command("open"),
            daemon: Daemon {
                idle_exit: match value("daemon", "idle_exit") {
                    Some(Value::Time(time)) => *time,
                    _ => IDLE_EXIT_DEFAULT,
                },
            },
        }
    }
}

//! What is in force, and where each value came from.

use crate::file::{Location, locate, read};
use crate::parse::{Given, Parsed, left_of, parse};
use crate::problem::{Problem, Severity};
use crate::rules::Rule;
use crate::schema::{
    BOARD, CONTENT, DAEMON, DESKTOP, DETAIL, IDLE_EXIT, IDLE_EXIT_DEFAULT, IDLE_EXIT_VARIABLE,
    KEYS, NOTIFY, STATUSES, Schema, TERMINAL, THEME, Value,
};
use crate::{Environment, duration};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        line: usize,
    },
    /// A variable of the environment.
    Environment(&'static str),
}

/// An option's value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub value: Value,
    pub origin: Origin,
}

/// What a look at the configuration found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The file; `None` if nobody says where it would be.
    pub path: Option<PathBuf>,
    pub exists: bool,
    /// Of every option. With an error among the problems, what holds without the file.
    pub settings: Vec<Setting>,
    /// What is to run at which statuses, in the file's order.
    pub rules: Vec<Rule>,
    pub problems: Vec<Problem>,
}

/// The configuration as its users want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub board: Board,
    /// Every action with its keys.
    pub keys: Vec<(&'static str, Vec<String>)>,
    pub notify: Notify,
    /// What is to run at which statuses.
    pub on: Vec<Rule>,
    pub daemon: Daemon,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The name of one of the known themes.
    pub theme: String,
    pub detail: bool,
}

/// How a person is told that a session needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Of which statuses.
    pub statuses: Vec<String>,
    pub desktop: bool,
    /// `bell`, `osc9`, `osc777` or `off`.
    pub terminal: String,
    /// What is asked is told too.
    pub content: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    pub idle_exit: Duration,
}

impl Schema {
    /// Finds, reads and checks the configuration.
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
            Err(why) => {
                let mut loaded = self.resolve(Some(&path), None, environment);
                loaded.exists = true;
                loaded.problems.insert(0, error(Some(&path), format!("cannot be read: {why}")));
                loaded
            }
        }
    }

    /// What holds with this text in the file.
    pub fn resolve(
        &self,
        path: Option<&Path>,
        text: Option<&str>,
        environment: &Environment,
    ) -> Loaded {
        let named = path.unwrap_or_else(|| Path::new("config.toml"));
        let Parsed { mut given, mut rules, mut problems } =
            text.map_or_else(Parsed::default, |text| parse(self, named, text));
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            given.clear();
            rules.clear();
        }
        let mut settings = self.without_environment(&given);
        let mut set = |section, name, value, variable, wins| {
            let found = settings
                .iter_mut()
                .find(|setting| setting.section == section && setting.name == name);
            if let Some(setting) = found
                && (wins || setting.origin == Origin::Default)
            {
                setting.value = value;
                setting.origin = Origin::Environment(variable);
            }
        };
        if environment.no_colour {
            // By its own convention (no-color.org) a program's configuration wins over it.
            let colourless = Value::Word(self.known.colourless.to_owned());
            set(BOARD, THEME, colourless, "NO_COLOR", false);
        }
        if let Some(word) = &environment.idle_exit {
            match duration(word) {
                Ok(time) => set(DAEMON, IDLE_EXIT, Value::Time(time), IDLE_EXIT_VARIABLE, true),
                Err(why) => {
                    // Ignored: a typing mistake in a profile must not keep the daemon from starting.
                    let text = format!("{IDLE_EXIT_VARIABLE} is {word:?}; {why}");
                    let severity = Severity::Warning;
                    problems.push(Problem { severity, path: None, position: None, text });
                }
            }
        }
        let path = path.map(Path::to_owned);
        Loaded { path, exists: text.is_some(), settings, rules, problems }
    }

    fn without_environment(&self, given: &[Given]) -> Vec<Setting> {
        let setting = |(index, entry): (usize, &crate::Entry)| {
            let own = given.iter().find(|given| given.entry == index);
            let (value, origin) = match (own, &entry.default) {
                (Some(own), _) => (own.value.clone(), Origin::File { line: own.line }),
                (None, Value::Keys(keys)) => {
                    (Value::Keys(left_of(self, keys, given)), Origin::Default)
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
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// The settings by name.
    pub fn config(&self) -> Config {
        let value = |section, name| {
            let found = self.settings.iter().find(|one| one.section == section && one.name == name);
            found.map(|setting| &setting.value)
        };
        let keys = self.settings.iter().filter(|setting| setting.section == KEYS);
        let is_on = |section, name| matches!(value(section, name), Some(Value::Switch(true)));
        let word = |section, name| match value(section, name) {
            Some(Value::Word(word)) => word.clone(),
            _ => String::new(),
        };
        Config {
            board: Board { theme: word(BOARD, THEME), detail: is_on(BOARD, DETAIL) },
            keys: keys
                .filter_map(|setting| match &setting.value {
                    Value::Keys(keys) => Some((setting.name, keys.clone())),
                    _ => None,
                })
                .collect(),
            notify: Notify {
                statuses: match value(NOTIFY, STATUSES) {
                    Some(Value::Words(words)) => words.clone(),
                    _ => Vec::new(),
                },
                desktop: is_on(NOTIFY, DESKTOP),
                terminal: word(NOTIFY, TERMINAL),
                content: is_on(NOTIFY, CONTENT),
            },
            on: self.rules.clone(),
            daemon: Daemon {
                idle_exit: match value(DAEMON, IDLE_EXIT) {
                    Some(Value::Time(time)) => *time,
                    _ => IDLE_EXIT_DEFAULT,
                },
            },
        }
    }
}

//! The configuration, between the crate that reads it and the board whose words are in it.

use crewboard_board::Options;
use crewboard_board::keymap::{Action, KEY_WORDS, Key, Keymap, TABLE};
use crewboard_board::look::{Look, PLAIN, TERMINAL, THEMES};
use crewboard_config::{
    Action as KnownAction, Environment, FileWatch, Known, Loaded, Location, Problem, Schema, locate,
};
use crewboard_core::Status;
use std::os::fd::{AsFd, BorrowedFd};

/// All options there are.
pub(crate) fn schema() -> Schema {
    let actions = TABLE.iter().map(|entry| KnownAction {
        name: entry.name,
        keys: entry.keys.iter().map(|key| (*key).to_owned()).collect(),
        help: entry.help,
        needed: entry.action == Action::Quit,
    });
    let needing =
        Status::ALL.iter().filter(|status| status.is_request() || status.calls_until_seen());
    Schema::new(Known {
        themes: THEMES.iter().map(|theme| theme.name).collect(),
        colourless: PLAIN.name,
        actions: actions.collect(),
        needing: needing.map(|status| status.word()).collect(),
        occasions: ["needs-you"].into_iter().chain(Status::ALL.map(Status::word)).collect(),
        key_words: KEY_WORDS,
        key: |word| match word.parse::<Key>() {
            Ok(key) => Ok(key.to_string()),
            Err(error) => Err(error.to_string()),
        },
    })
}

/// The configuration that is in force on a board, and what tells of another.
#[derive(Debug)]
pub(crate) struct Configured {
    schema: Schema,
    environment: Environment,
    unicode: bool,
    watch: Option<FileWatch>,
    in_force: Loaded,
    /// What was last found to be wrong with the file.
    problems: Vec<String>,
}

impl Configured {
    /// Reads the configuration for a board that opens; `unicode` says what its locale can show.
    pub(crate) fn open(environment: Environment, unicode: bool) -> (Self, Options) {
        // Watched before it is read: no change is missed in between.
        let watch = match locate(&environment) {
            Location::At(path) => FileWatch::new(&path),
            Location::Nowhere | Location::Relative(_) => None,
        };
        let schema = schema();
        let in_force = schema.load(&environment);
        let problems = problems(&in_force);
        let configured = Self { schema, environment, unicode, watch, in_force, problems };
        let options = configured.options(None);
        (configured, options)
    }

    /// What a board is to do to be noticed: `notify.terminal`.
    pub(crate) fn ring(&self) -> String {
        self.in_force.config().notify.terminal
    }

    /// Becomes readable when the file may be another.
    pub(crate) fn watch(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// The options, if they are others now or the file is wrong. A wrong one changes nothing else.
    pub(crate) fn changed(&mut self) -> Option<Options> {
        if !self.watch.as_mut()?.changed() {
            return None;
        }
        let loaded = self.schema.load(&self.environment);
        let before = std::mem::replace(&mut self.problems, problems(&loaded));
        if loaded.errors().next().is_some() {
            return Some(self.options(None));
        }
        let is_other = loaded.config() != self.in_force.config();
        self.in_force = loaded;
        let is_news = is_other || before != self.problems;
        let notice = self.problems.is_empty().then(|| "The configuration is in force.".to_owned());
        is_news.then(|| self.options(notice))
    }

    fn options(&self, notice: Option<String>) -> Options {
        let config = self.in_force.config();
        let theme = THEMES.iter().find(|theme| theme.name == config.board.theme);
        let theme = theme.copied().unwrap_or(&TERMINAL);
        let mut keymap = Keymap::default();
        for (name, words) in &config.keys {
            if let Some(entry) = TABLE.iter().find(|entry| entry.name == *name) {
                let keys: Vec<Key> = words.iter().filter_map(|word| word.parse().ok()).collect();
                keymap.rebind(entry.action, &keys);
            }
        }
        let look = Look { theme, unicode: self.unicode };
        Options {
            look,
            keymap,
            detail: config.board.detail,
            notice,
            problems: self.problems.clone(),
        }
    }
}

/// All that is wrong, the worst first.
fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.errors().chain(loaded.warnings()).map(Problem::brief).collect()
}

#[cfg(test)]
mod tests;

//! The configuration, between the crate that reads it and the board whose words are in it.

use crewboard_board::Options;
use crewboard_board::keymap::{Action, KEY_WORDS, Key, Keymap, TABLE};
use crewboard_board::look::{Look, PLAIN, TERMINAL, THEMES};
use crewboard_config::{
    Action as KnownAction, Environment, FileWatch, Known, Loaded, Location, Schema, locate,
};
use std::os::fd::{AsFd, BorrowedFd};

/// All options there are.
pub(crate) fn schema() -> Schema {
    let actions = TABLE.iter().map(|entry| KnownAction {
        name: entry.name,
        keys: entry.keys.iter().map(|key| (*key).to_owned()).collect(),
        help: entry.help,
        needed: entry.action == Action::Quit,
    });
    Schema::new(Known {
        themes: THEMES.iter().map(|theme| theme.name).collect(),
        colourless: PLAIN.name,
        actions: actions.collect(),
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
    /// The file was last found to be wrong.
    is_refused: bool,
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
        let is_refused = in_force.errors().next().is_some();
        let configured = Self { schema, environment, unicode, watch, in_force, is_refused };
        let options = configured.options(complaint(&configured.in_force));
        (configured, options)
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
        let complaint = complaint(&loaded);
        if loaded.errors().next().is_some() {
            self.is_refused = true;
            return Some(self.options(complaint));
        }
        let is_other = loaded.config() != self.in_force.config();
        let is_mended = std::mem::take(&mut self.is_refused);
        self.in_force = loaded;
        let applied =
            || (is_other || is_mended).then(|| "The configuration is in force.".to_owned());
        let notice = complaint.or_else(applied);
        (is_other || notice.is_some()).then(|| self.options(notice))
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
        Options { look, keymap, detail: config.board.detail, notice }
    }
}

/// The worst that is wrong, in a line.
fn complaint(loaded: &Loaded) -> Option<String> {
    let first = loaded.errors().chain(loaded.warnings()).next()?;
    let more = match loaded.problems.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: `crewboard config check`)"),
    };
    Some(format!("{}{more}", first.brief()))
}

#[cfg(test)]
mod tests;

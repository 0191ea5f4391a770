//! Connects the configuration crate with the board: the known options, and the options of a running board.

use crate::arguments::LayoutArgument;
use clap::ValueEnum as _;
use crewboard_board::keymap::{Action, KEY_WORDS, Key, Keymap, TABLE};
use crewboard_board::theme::{AUTO, PALETTES, PLAIN, Theme};
use crewboard_board::{LayoutMode, Options, RowOrder};
use crewboard_config::{
    Action as KnownAction, Environment, FileWatch, Known, Loaded, Location, Problem, Schema, locate,
};
use crewboard_core::Status;
use std::os::fd::{AsFd, BorrowedFd};

/// Returns the schema with all options.
pub(crate) fn schema() -> Schema {
    let actions = TABLE.iter().map(|entry| KnownAction {
        name: entry.name,
        keys: entry.keys.iter().map(|key| (*key).to_owned()).collect(),
        help: entry.help,
        required: entry.action == Action::Quit,
    });
    let notify_statuses =
        Status::ALL.iter().filter(|status| status.is_prompt() || status.needs_you_until_seen());
    Schema::new(Known {
        themes: PALETTES.iter().map(|palette| palette.name).collect(),
        orders: RowOrder::ALL.map(|(_, word)| word).to_vec(),
        colourless: PLAIN.name,
        actions: actions.collect(),
        notify_statuses: notify_statuses.map(|status| status.word()).collect(),
        rule_statuses: ["needs-you"].into_iter().chain(Status::ALL.map(Status::word)).collect(),
        key_words: KEY_WORDS,
        parse_key: |word| match word.parse::<Key>() {
            Ok(key) => Ok(key.to_string()),
            Err(error) => Err(error.to_string()),
        },
    })
}

/// The configuration of a running board, which is reloaded when the file changes.
#[derive(Debug)]
pub(crate) struct BoardConfig {
    schema: Schema,
    environment: Environment,
    unicode: bool,
    /// The layout of the command line.
    layout_mode: Option<LayoutMode>,
    watch: Option<FileWatch>,
    current: Loaded,
    /// The problems found in the file at the last read.
    problems: Vec<String>,
}

impl BoardConfig {
    /// Reads the configuration for a new board. `unicode` is true if its locale can show more than ASCII.
    pub(crate) fn open(
        environment: Environment,
        unicode: bool,
        layout_mode: Option<LayoutMode>,
    ) -> (Self, Options) {
        // Watch the file before reading it, so that no change is missed.
        let watch = match locate(&environment) {
            Location::At(path) => FileWatch::new(&path),
            Location::Nowhere | Location::Relative(_) => None,
        };
        let schema = schema();
        let current = schema.load(&environment);
        let problems = problems(&current);
        let board_config =
            Self { schema, environment, unicode, layout_mode, watch, current, problems };
        let options = board_config.options(None);
        (board_config, options)
    }

    /// Returns `notify.terminal`: how the board notifies the user through its terminal.
    pub(crate) fn ring(&self) -> String {
        self.current.config().notify.terminal
    }

    /// Returns a descriptor that becomes readable when the file may have changed.
    pub(crate) fn watch(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// Returns the options if they or the problems have changed. A file with errors changes only the problems.
    pub(crate) fn changed(&mut self) -> Option<Options> {
        if !self.watch.as_mut()?.changed() {
            return None;
        }
        let loaded = self.schema.load(&self.environment);
        let before = std::mem::replace(&mut self.problems, problems(&loaded));
        if loaded.errors().next().is_some() {
            return Some(self.options(None));
        }
        let has_changed = loaded.config() != self.current.config();
        self.current = loaded;
        let is_new = has_changed || before != self.problems;
        let notice = self.problems.is_empty().then(|| "The configuration was reloaded.".to_owned());
        is_new.then(|| self.options(notice))
    }

    fn options(&self, notice: Option<String>) -> Options {
        let config = self.current.config();
        let palette = PALETTES.iter().find(|palette| palette.name == config.board.theme);
        let palette = palette.copied().unwrap_or(&AUTO);
        let mut keymap = Keymap::default();
        for (name, words) in &config.keys {
            if let Some(entry) = TABLE.iter().find(|entry| entry.name == *name) {
                let keys: Vec<Key> = words.iter().filter_map(|word| word.parse().ok()).collect();
                keymap.rebind(entry.action, &keys);
            }
        }
        let theme = Theme { palette, unicode: self.unicode };
        let layout = LayoutArgument::from_str(&config.board.layout, false);
        let configured_layout = layout.map_or(LayoutMode::Auto, LayoutMode::from);
        Options {
            theme,
            keymap,
            detail: config.board.detail,
            layout_mode: self.layout_mode.unwrap_or(configured_layout),
            order: RowOrder::of_word(&config.board.order),
            headings: config.board.headings,
            title: config.board.title,
            report_status: config.board.report_status,
            notice,
            problems: self.problems.clone(),
        }
    }
}

/// Returns all problems, errors first.
fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.errors().chain(loaded.warnings()).map(Problem::brief).collect()
}

#[cfg(test)]
mod tests;

//! Options that change while the board is open.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_board::Options;
use crewboard_board::keymap::{Action, Key, Keymap};
use crewboard_board::look::{DARK, Look, TERMINAL};
use crewboard_board::model::{Hooks, Model};
use crewboard_board::update::{Effect, Msg, update};
use crewboard_core::Timestamp;

#[test]
fn changed_options_are_in_force_at_once() {
    let now = Timestamp(1_795_331_980_546);
    let key = |word: &str| -> Key { word.parse().unwrap() };
    let look = |theme| Look { theme, unicode: true };
    let mut options =
        Options { look: look(&TERMINAL), keymap: Keymap::default(), detail: true, notice: None };
    let mut model = Model::new(options.look, Keymap::default(), Hooks::Installed, now);
    let tell = |model: &mut Model, message| update(model, message, now);
    let configured = |options: &Options| Msg::Configured(Box::new(options.clone()));

    tell(&mut model, configured(&options));
    assert!(model.detail && model.notice.is_none());

    options.look = look(&DARK);
    options.keymap.rebind(Action::Quit, &[key("Q")]);
    tell(&mut model, configured(&options));
    assert_eq!(model.look.theme.name, "dark");
    assert_eq!(tell(&mut model, Msg::Key(key("q"))), []);
    assert_eq!(tell(&mut model, Msg::Key(key("Q"))), [Effect::Quit]);

    // What the user's key said holds until the option itself changes.
    tell(&mut model, Msg::Key(key("d")));
    assert!(!model.detail);
    options.notice = Some("config.toml:1:1: no".to_owned());
    tell(&mut model, configured(&options));
    assert!(!model.detail);
    assert_eq!(model.notice.as_ref().unwrap().text, "config.toml:1:1: no");
    options.detail = false;
    tell(&mut model, configured(&options));
    tell(&mut model, Msg::Key(key("d")));
    assert!(model.detail);
    tell(&mut model, configured(&options));
    assert!(model.detail);
}

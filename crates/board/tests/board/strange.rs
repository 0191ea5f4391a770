//! Unusual texts of agents and users, and terminals that can show only ASCII.

use crate::sample::{
    NOW, UNICODE, asking, board, buffer, day, empty, picture, plan, press, row, text,
};
use crewboard_board::model::{HookState, Model};
use crewboard_board::theme::{PLAIN, Theme};
use crewboard_board::update::{Message, update};
use crewboard_core::{PromptKind, RowKey, Session, Status, Timestamp};
use insta::assert_snapshot;

pub(crate) const STRANGE: [(&str, &str); 11] = [
    (
        "日本語のプロジェクト",
        "日本語のテキストがとても長いので切り取られます、ここで、または次の行で。",
    ),
    ("👩‍👩‍👧‍👦👍🏽🇪🇺", "👩‍👩‍👧 family 👍🏽 thumbs 🇪🇺 flag ❤️ heart"),
    ("مشروع", "مرحبا بالعالم hello עולם"),
    ("e\u{301}a\u{308}", "combining e\u{301}\u{302}\u{303}\u{304} z\u{335}a\u{336}lgo"),
    ("\x1b[31mred\x07", "\x1b]0;title\x07\x1b[2J\u{9b}H\r\nnext"),
    ("\u{202e}evil\u{202c}", "user\u{202e}gpj.exe \u{2066}isolated\u{2069} \u{200e}"),
    ("zero\u{200b}width\u{feff}", "a\u{200b}b\u{200d}c\u{2060}d\u{ad}e"),
    ("", ""),
    ("ﷺ𒐫", "wide and long: ﷽ 𒐫 ⸻"),
    ("\u{600}\u{601}١", "signs \u{600}\u{601}\u{605}١٢ \u{6dd} \u{110bd}\u{8e2}x"),
    ("🇩🇪☰", "1️⃣ 🏃‍♂️ ⚊ ⌚︎ ❤ বাংলা தமிழ் हिन्दी ไทย 한국어 لا"),
];

fn strange_rows() -> Vec<Session> {
    let mut rows: Vec<Session> = (0_u64..)
        .zip(STRANGE)
        .map(|(index, (name, activity))| Session {
            activity: Some(activity.to_owned()),
            branch: Some(name.to_owned()),
            user_prompt: Some(activity.repeat(9)),
            started: Timestamp(NOW.0 - 9000 + index),
            ..row(&format!("s{index}"), name, Status::ALL[usize::try_from(index).unwrap() % 8], 60)
        })
        .collect();
    rows.push(row("long", &"very-long-name-".repeat(20), Status::Working, 9));
    rows
}

#[test]
fn unusual_texts_stay_in_their_columns() {
    let model = board(strange_rows(), 100, 40);
    assert_snapshot!("strange", picture(&model));
    let buffer = buffer(&model);
    for cell in &buffer.content {
        assert!(!cell.symbol().contains(char::is_control), "{:?}", cell.symbol());
        let bidi =
            |character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!cell.symbol().contains(bidi), "{:?}", cell.symbol());
    }
}

/// Returns every screen, in several sizes.
fn screens(theme: Theme) -> Vec<Model> {
    let mut screens = vec![empty(80, 24, theme)];
    let mut missing = empty(80, 24, theme);
    missing.hooks = HookState::Missing;
    update(&mut missing, Message::Rows(Vec::new()), NOW);
    screens.push(missing.clone());
    update(&mut missing, Message::InstallPreview(Ok("+ „ünïcode” √\n- 日本".to_owned())), NOW);
    screens.push(missing);
    for (width, height) in [(150, 50), (80, 24), (40, 20), (60, 3), (60, 1)] {
        for keys in ["", "t", "?", "v", "/ w", "X", "G", "enter", "o"] {
            let mut model = empty(width, height, theme);
            let mut rows = day();
            rows.extend(strange_rows());
            rows.push(Session { pinned: true, snoozed_until: Some(NOW), ..plan() });
            rows.push(Session {
                parent: Some(RowKey::new("c1")),
                dismissed: true,
                ..row("child", "shop", Status::Working, 60)
            });
            update(&mut model, Message::Rows(rows), NOW);
            press(&mut model, keys);
            for _ in 0..3 {
                press(&mut model, "down");
                screens.push(model.clone());
            }
            update(&mut model, Message::Disconnected("„gone”".to_owned()), NOW);
            update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 1000));
            screens.push(model);
        }
    }
    screens
}

#[test]
fn board_is_ascii_in_an_ascii_locale() {
    let screens = screens(Theme { palette: &PLAIN, unicode: false });
    for model in &screens {
        let text = text(&buffer(model));
        let line = text.lines().find(|line| !line.is_ascii());
        assert_eq!(line, None, "{:?} {:?}", model.screen, model.overlay);
    }
    assert_snapshot!("ascii", picture(&screens[30]));
    let mut timeline = board(day(), 80, 16);
    timeline.theme = Theme { palette: &PLAIN, unicode: false };
    press(&mut timeline, "t");
    assert_snapshot!("ascii timeline", picture(&timeline));
}

#[test]
fn list_of_a_thousand_rows_scrolls() {
    let mut rows: Vec<Session> = (0_u64..1000)
        .map(|index| Session {
            started: Timestamp(NOW.0 - 10_000_000 + index),
            ..row(&format!("k{index:04}"), &format!("project-{index}"), Status::Idle, 60)
        })
        .collect();
    rows.push(row("waits", "waits", Status::Question, 5));
    let mut model = board(rows, 80, 16);
    press(&mut model, "G");
    assert_snapshot!("many", picture(&model));
}

#[test]
fn endless_word_is_broken() {
    let asked = asking(
        row("w", "w", Status::Permission, 5),
        PromptKind::Permission,
        Some("Bash"),
        &"x".repeat(400),
    );
    let mut model = board(vec![asked], 60, 20);
    model.theme = UNICODE;
    assert_snapshot!("endless", picture(&model));
}

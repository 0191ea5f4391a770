//! The rate limits in the header.

use crate::sample::{NOW, UNICODE, ago, board, day, empty, idle, picture};
use crewboard_board::model::Model;
use crewboard_board::theme::{PLAIN, Theme};
use crewboard_board::update::{Message, next_clock, update};
use crewboard_core::{AgentName, RateLimits, RateWindow, RowKey, Session, Timestamp};
use insta::assert_snapshot;

const HOUR: u64 = 3_600_000;

fn window(used_percent: u8, minutes: u64, reported_seconds_ago: u64) -> RateWindow {
    let resets_at = Timestamp(NOW.0 + minutes * 60_000);
    RateWindow { used_percent, resets_at, at: ago(reported_seconds_ago) }
}

fn limits(profile: &str, five_hour: RateWindow, seven_day: Option<RateWindow>) -> RateLimits {
    let (agent, profile) = (AgentName::new("claude"), profile.to_owned());
    RateLimits { agent, profile, five_hour: Some(five_hour), seven_day }
}

fn ordinary() -> RateLimits {
    // A reset in more than a day would be shown as a local weekday.
    limits("/home/dev/.claude", window(62, 72, 30), Some(window(31, 900, 30)))
}

fn with(mut model: Model, limits: Vec<RateLimits>) -> Model {
    update(&mut model, Message::RateLimits(limits), NOW);
    model
}

/// Returns the first line of the screen.
fn first_line(model: &Model) -> String {
    picture(model).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn limits_show_as_much_detail_as_fits() {
    let widths = [200, 150, 140, 120, 100, 90, 80, 60, 40, 20];
    let lines = widths.map(|width| {
        format!("{width:>3} {}", first_line(&with(board(day(), width, 20), vec![ordinary()])))
    });
    assert_snapshot!("limits by width", lines.join("\n"));
}

/// Returns rows of all statuses, with each status `times` times.
fn rows(times: usize) -> Vec<Session> {
    let key = |row: &Session, index: usize| RowKey::new(&format!("{}x{index}", row.key));
    let copies = |row: Session| {
        (0..times).map(move |index| Session { key: key(&row, index), ..row.clone() })
    };
    day().into_iter().flat_map(copies).collect()
}

#[test]
fn header_has_one_form_for_each_width() {
    for width in 20..=220 {
        let lines = [vec![idle()], rows(1), rows(3)]
            .map(|rows| first_line(&with(board(rows, width, 20), vec![ordinary()])));
        let limits = |line: &str| line.split_once("5h").map(|(_, limits)| limits.to_owned());
        assert_eq!(limits(&lines[0]), limits(&lines[1]), "{width}");
        assert_eq!(limits(&lines[1]), limits(&lines[2]), "{width}");
        assert_eq!(limits(&lines[0]).is_some(), width >= 65, "{width}");
        for (line, count) in lines[1..].iter().zip([2, 6]) {
            let expected = match width {
                200.. => format!("permission{}, ", if count == 2 { "" } else { "s" }),
                140.. => format!(" · {count} working"),
                _ if width >= 35 => format!(" ●{count}"),
                _ => "need you".to_owned(),
            };
            assert!(line.contains(&expected), "{width}: {expected} in {line}");
        }
        assert_eq!(lines[1].contains('█'), width >= 100, "{width}");
        assert_eq!(lines[1].contains('→'), width >= 120, "{width}");
        assert_eq!(lines[1].contains("pace"), width >= 160, "{width}");
    }
}

#[test]
fn pace_compares_the_use_with_the_time() {
    for (used, minutes_left, expected) in [
        (62, 72, "62% pace 82% "),
        (50, 150, "50% pace 100% "),
        (80, 150, "80% pace 160% "),
        (130, 60, "130% pace 163% "),
        // Less than a twentieth of the window says nothing about the rest.
        (3, 290, "3% → "),
        // A longer window than the known one.
        (3, 400, "3% → "),
    ] {
        let limits = limits("/home/dev/.claude", window(used, minutes_left, 0), None);
        let line = first_line(&with(board(vec![idle()], 160, 20), vec![limits]));
        assert!(line.contains(expected), "{expected} in {line}");
    }
}

#[test]
fn limits_of_each_kind_are_shown() {
    let old = limits("/home/dev/.claude", window(62, 72, 740), None);
    let over = limits("/home/dev/.claude", window(99, 0, 10), Some(window(97, 300, 10)));
    let work = limits("/home/dev/.claude-work/", window(4, 12, 0), Some(window(100, 1439, 0)));
    let ascii = Theme { palette: &PLAIN, unicode: false };
    let mut plain = empty(120, 12, ascii);
    update(&mut plain, Message::Rows(vec![idle()]), NOW);
    let lines = [
        first_line(&with(board(vec![idle()], 120, 12), vec![old])),
        first_line(&with(board(vec![idle()], 120, 12), vec![over])),
        first_line(&with(board(vec![idle()], 120, 12), vec![ordinary(), work.clone()])),
        first_line(&with(board(vec![idle()], 120, 3), vec![work])),
        first_line(&with(plain, vec![ordinary()])),
        first_line(&with(empty(120, 12, UNICODE), vec![ordinary()])),
    ];
    assert_snapshot!("limits of all kinds", lines.join("\n"));
}

/// Returns four accounts. The fullest is neither the first nor the last.
fn four() -> Vec<RateLimits> {
    let of = |profile: &str, used, weekly| {
        let profile = format!("/home/dev/.claude{profile}");
        limits(&profile, window(used, 72, 30), Some(window(weekly, 90, 30)))
    };
    vec![of("", 62, 31), of("-lab", 5, 8), of("-play", 20, 91), of("-work", 70, 40)]
}

#[test]
fn fullest_accounts_are_shown_if_not_all_fit() {
    let widths = [250, 200, 160, 140, 110, 90, 60, 40];
    let lines = widths
        .map(|width| format!("{width:>3} {}", first_line(&with(board(day(), width, 20), four()))));
    assert_snapshot!("limits of several accounts by width", lines.join("\n"));
}

#[test]
fn limits_tick_when_their_text_changes() {
    // Reset times tick by the minute; percentages alone when they become old; old ones with their age.
    let old = limits("/home/dev/.claude", window(62, 72, 740), None);
    for (width, limits) in
        [(120, vec![ordinary()]), (66, vec![ordinary()]), (66, vec![old]), (100, four())]
    {
        let row = Session { since: ago(10 * 24 * 3600), ..idle() };
        let mut model = with(board(vec![row], width, 8), limits);
        model.detail = false;
        let mut now = NOW.0;
        while now < NOW.0 + 2 * HOUR {
            let next = next_clock(&model).unwrap();
            let before = picture(&model);
            update(&mut model, Message::ClockTick, Timestamp(now + next - 1));
            assert_eq!(picture(&model), before, "{width}: changed before the tick");
            now += next;
            update(&mut model, Message::ClockTick, Timestamp(now));
            assert_ne!(picture(&model), before, "{width}: no change at the tick");
        }
    }
}

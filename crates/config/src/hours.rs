//! Hours of the day, such as `22:00-07:00`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A part of each day, in minutes since midnight. It may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    from: u16,
    until: u16,
}

impl Hours {
    /// Returns true if the minute of the day is in these hours. The last minute is not.
    pub fn contains(self, minute: u16) -> bool {
        let Self { from, until } = self;
        if from < until {
            (from..until).contains(&minute)
        } else {
            minute >= from || minute < until
        }
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (from, until) = text.split_once('-')?;
            Some((parse_minute(from.trim())?, parse_minute(until.trim())?))
        };
        match read() {
            Some((from, until)) if from != until => Ok(Self { from, until }),
            _ => Err("use two different times of the day such as \"22:00-07:00\"".to_owned()),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, until] =
            [self.from, self.until].map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60));
        write!(formatter, "{from}-{until}")
    }
}

/// Parses a time of the day such as `07:30`. Returns the minutes since midnight.
pub fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let is_number = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hour) || !is_number(minute) || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_parsed_and_formatted() {
        for (text, expected) in [
            ("22:00-07:00", Some("22:00-07:00")),
            ("9:30 - 17:05", Some("09:30-17:05")),
            ("00:00-23:59", Some("00:00-23:59")),
            ("22:00", None),
            ("24:00-07:00", None),
            ("22:60-07:00", None),
            ("22:0-07:00", None),
            ("+2:00-07:00", None),
            ("07:00-07:00", None),
            ("", None),
        ] {
            let read = text.parse::<Hours>().ok().map(|hours| hours.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn hours_may_pass_midnight() {
        let is_in = |hours: &str, minute: &str| {
            hours.parse::<Hours>().unwrap().contains(parse_minute(minute).unwrap())
        };
        for (minute, night, day) in [
            ("21:59", false, false),
            ("22:00", true, false),
            ("03:00", true, false),
            ("06:59", true, false),
            ("07:00", false, false),
            ("09:00", false, true),
            ("16:59", false, true),
            ("17:00", false, false),
        ] {
            assert_eq!(is_in("22:00-07:00", minute), night, "{minute}");
            assert_eq!(is_in("09:00-17:00", minute), day, "{minute}");
        }
    }
}

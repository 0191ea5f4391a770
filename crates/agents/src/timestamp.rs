//! Reads the times in agents' files.

/// Parses `2026-11-25T11:04:08.475Z`, the only form in transcripts, into Unix milliseconds.
pub(crate) fn milliseconds_of(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator: char| -> Option<Vec<u64>> {
        text.split(separator).map(|part| part.parse().ok()).collect()
    };
    let [year, month, day] = numbers(date, '-')?.try_into().ok()?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?.try_into().ok()?;
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let milliseconds = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    // The days since 1970, counted in years that begin in March, so that the leap day is the last day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_read_as_unix_milliseconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-25T11:04:08.475Z", Some(1_795_604_648_475)),
            ("2024-02-29T23:59:59.9Z", Some(1_709_251_199_900)),
            ("2026-11-25", None),
            ("2026-13-25T11:04:08Z", None),
            ("0000-01-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(milliseconds_of(text), expected, "{text}");
        }
    }
}

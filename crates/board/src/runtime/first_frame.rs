//! Decides when the first frame is drawn: an empty frame in front of it would only flicker, and would delay the rows by the
//! gap between two frames.

use crate::model::ConnectionState;
use std::time::Duration;

/// The time for which the first frame waits for the rows. A user who sees nothing for longer wonders whether the program
/// runs.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_millis(100);

/// Returns the time until the first frame may be drawn: when the rows are there, or when it takes too long. `reply` is the
/// time that is left for the reply of the terminal, if that has not arrived.
pub(crate) fn time_until_first_frame(
    connection: &ConnectionState,
    since_start: Duration,
    reply: Option<Duration>,
) -> Duration {
    match connection {
        ConnectionState::Connecting => FIRST_FRAME_TIMEOUT.saturating_sub(since_start),
        _ => reply.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Timestamp;

    #[test]
    fn first_frame_waits_for_the_rows_but_not_for_long() {
        let ms = Duration::from_millis;
        let lost = ConnectionState::Disconnected { why: String::new(), since: Timestamp(0) };
        for (connection, since_start, reply, expected) in [
            (ConnectionState::Connecting, ms(3), None, ms(97)),
            (ConnectionState::Connecting, ms(120), Some(ms(2)), ms(0)),
            (ConnectionState::Connected, ms(3), None, ms(0)),
            (ConnectionState::Connected, ms(3), Some(ms(2)), ms(2)),
            (lost, ms(3), None, ms(0)),
        ] {
            let time = time_until_first_frame(&connection, since_start, reply);
            assert_eq!(time, expected, "{connection:?} {since_start:?} {reply:?}");
        }
    }
}

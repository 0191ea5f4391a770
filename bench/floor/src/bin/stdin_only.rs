//! Reads standard input to its end.

use std::io::Read;

fn main() {
    let mut input = Vec::with_capacity(4096);
    let _ = std::io::stdin().lock().read_to_end(&mut input);
}

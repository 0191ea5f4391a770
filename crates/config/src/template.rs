//! The commented file and the documentation, from the schema.

use crate::schema::{Entry, Schema, Value};
use std::fmt::Write as _;

/// Columns of a comment in the file.
const WIDTH: usize = 98;

/// What `[[on]]` is.
const ON_HELP: &str = "A command of your own, run when a session enters a status; up to a hundred of these. The \
     session is in variables (CREWBOARD_NAME, CREWBOARD_STATUS and others) and, as JSON, on standard input.";

/// The documentation's beginning.
const PREFACE: &str = r#"<!-- Generated from the table of options: UPDATE_DOCS=1 cargo test -p crewboard documentation -->

# Configuration

Everything is optional, and Crewboard is meant to be used without a configuration. What you want otherwise goes into
`~/.config/crewboard/config.toml`, or `$XDG_CONFIG_HOME/crewboard/config.toml`, or the file that `CREWBOARD_CONFIG` names
with an absolute path. The daemon does not read a file on a network file system that may block it. `crewboard daemon status` then says
`configuration not read`, and the daemon uses the defaults.

```toml
[board]
theme = "dark"

[keys]
quit = ["Q", "ctrl-c"]
pin = []
```

| command | does |
| --- | --- |
| `crewboard config path` | prints where the file is looked for |
| `crewboard config show [--json]` | prints each value in force, and where it came from |
| `crewboard config init` | writes a file with every option and its default, all commented out; never over another |
| `crewboard config check [FILE]` | lists all that is wrong with a file; exit code 1 if there are errors |

The board and the daemon apply a change as soon as the file is written; on macOS those that are started next have it. An unknown option is a
warning. A wrong value, or a file that cannot be read or is longer than 64 KiB, is an error: the board says so and keeps what it
had, and a board or a daemon that starts goes by the defaults. Hooks never read the file.

Of two that set the same thing: a word of the command line wins over `CREWBOARD_…` in the environment, that over the file,
and that over the default. `NO_COLOR` is the exception: as its convention has it, a theme in the file wins over it.
"#;

impl Schema {
    /// A file with every option, all commented out.
    pub fn template(&self) -> String {
        let mut text = "# Crewboard's configuration. All of it is optional; what is commented out is the default.\n\
             # `crewboard config check` finds mistakes, `crewboard config show` prints what is in force.\n"
            .to_owned();
        for (section, about) in self.sections() {
            text.push('\n');
            comment(&mut text, &about);
            let _ = writeln!(text, "[{section}]");
            for entry in self.entries().iter().filter(|entry| entry.section == section) {
                text.push('\n');
                comment(&mut text, &described(entry));
                let _ = writeln!(text, "#{} = {}", entry.name, entry.default);
            }
        }
        text.push('\n');
        comment(&mut text, ON_HELP);
        text.push_str("#[[on]]\n#status = \"needs-you\"\n#run = 'paplay ~/ring.oga'\n");
        text
    }

    /// The documentation, in Markdown.
    pub fn page(&self) -> String {
        let mut text = PREFACE.to_owned();
        for (section, about) in self.sections() {
            let _ = write!(text, "\n## `[{section}]`\n\n{about}\n\n");
            text.push_str("| option | default | |\n| --- | --- | --- |\n");
            for entry in self.entries().iter().filter(|entry| entry.section == section) {
                let help = described(entry).replace('|', "\\|");
                let _ = writeln!(text, "| `{}` | `{}` | {help} |", entry.name, entry.default);
            }
        }
        let _ = write!(text, "\n## `[[on]]`\n\n{ON_HELP}\n");
        text.push_str(&self.page_of_rules());
        text
    }

    fn page_of_rules(&self) -> String {
        format!(
            r#"
```toml
[[on]]
status = "needs-you"
run = "paplay ~/ring.oga"
```

| option | |
| --- | --- |
| `status` | One or a list of {}. |
| `run` | A line for `/bin/sh`. |

[Notifications](notifications.md) has the variables, and what else is to be known of it.
"#,
            self.known.occasions.join(", ")
        )
    }
}

/// What the option means, and what it may be.
fn described(entry: &Entry) -> String {
    match entry.default {
        Value::Word(_) => format!("{} One of {}.", entry.help, entry.allowed.join(", ")),
        Value::Words(_) => format!("{} Any of {}.", entry.help, entry.allowed.join(", ")),
        _ => entry.help.clone(),
    }
}

fn comment(text: &mut String, paragraph: &str) {
    let mut line = "#".to_owned();
    for word in paragraph.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            "#".clone_into(&mut line);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
}

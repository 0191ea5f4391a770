//! Completions in real shells, in the ways in which people have them: from the first Tab on.

use crate::board_world::BoardWorld;
use crate::skip;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// A shell, and how it gets at the completions.
struct Way {
    shell: &'static str,
    /// The file with the completions, below the home.
    script: &'static str,
    /// What the shell reads at its start, below the home, and what is in it.
    start: &'static str,
    text: &'static str,
}

const WAYS: [Way; 4] = [
    Way {
        shell: "bash",
        script: "crewboard.bash",
        start: ".bashrc",
        text: "source ~/crewboard.bash\nPS1='$ '",
    },
    Way {
        shell: "zsh",
        script: "functions/_crewboard",
        start: ".zshrc",
        text: "fpath=(~/functions $fpath)\nautoload -Uz compinit && compinit -u -D\nPS1='$ '",
    },
    Way {
        shell: "zsh",
        script: "crewboard.zsh",
        start: ".zshrc",
        text: "autoload -Uz compinit && compinit -u -D\nsource ~/crewboard.zsh\nPS1='$ '",
    },
    Way {
        shell: "fish",
        script: ".local/share/fish/vendor_completions.d/crewboard.fish",
        start: ".config/fish/config.fish",
        text: "function fish_prompt; echo '$ '; end",
    },
];

fn write(path: &Path, text: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_first_tab_completes() {
    for Way { shell, script, start, text } in WAYS {
        if Command::new(shell).arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(&format!("there is no {shell} here"));
            continue;
        }
        let Some(world) = BoardWorld::new() else { return };
        let output = world.command(&["completions", shell]).output().unwrap();
        write(&world.home().join(script), &output.stdout);
        write(&world.home().join(start), text.as_bytes());
        let path = Path::new(PROGRAM).parent().unwrap().display();
        let path = format!("PATH={path}:/usr/bin:/bin");
        let pane = world.tmux.open("shell", (80, 10), &["env", &path, shell, "-i"]);
        pane.shows("$");
        // What follows shows that the word was not only suggested.
        pane.press(&["crewboard insta", "Tab", "x"]);
        pane.shows("crewboard install x");
    }
}

/// A directory's name and a file's are an agent's to choose. In bash what is completed is run as it stands.
#[test]
fn no_completion_puts_a_command_into_the_line_of_bash() {
    let Some(world) = BoardWorld::new() else { return };
    let output = world.command(&["completions", "bash"]).output().unwrap();
    write(&world.home().join("crewboard.bash"), &output.stdout);
    write(&world.home().join(".bashrc"), b"source ~/crewboard.bash\nPS1='$ '\ncd\n");
    write(&world.home().join("trap$(touch pwned)"), b"");
    let path = Path::new(PROGRAM).parent().unwrap().display();
    let path = format!("PATH={path}:/usr/bin:/bin");
    let pane = world.tmux.open("shell", (80, 10), &["env", &path, "bash", "-i"]);
    pane.shows("$");
    for words in ["replay", "install --config-dir", "record --out"] {
        pane.press(&[&format!("crewboard {words} tra"), "Tab", "x"]);
        pane.shows(&format!("crewboard {words} trax"));
        pane.press(&["C-u"]);
    }
    assert!(!world.home().join("pwned").exists());
}

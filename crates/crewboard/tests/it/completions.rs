//! Completions in real shells, installed in each documented way.

use crate::support::{BoardWorld, PROGRAM};
use crewboard_testkit::skip;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A shell, and how it loads the completions.
struct Installation {
    shell: &'static str,
    /// The file with the completions, relative to the home.
    script: &'static str,
    /// The startup file of the shell, relative to the home, and its text.
    start: &'static str,
    text: &'static str,
}

const INSTALLATIONS: [Installation; 4] = [
    Installation {
        shell: "bash",
        script: "crewboard.bash",
        start: ".bashrc",
        text: "source ~/crewboard.bash\nPS1='$ '",
    },
    Installation {
        shell: "zsh",
        script: "functions/_crewboard",
        start: ".zshrc",
        text: "fpath=(~/functions $fpath)\nautoload -Uz compinit && compinit -u -D\nPS1='$ '",
    },
    Installation {
        shell: "zsh",
        script: "crewboard.zsh",
        start: ".zshrc",
        text: "autoload -Uz compinit && compinit -u -D\nsource ~/crewboard.zsh\nPS1='$ '",
    },
    Installation {
        shell: "fish",
        script: ".local/share/fish/vendor_completions.d/crewboard.fish",
        start: ".config/fish/config.fish",
        text: "function fish_prompt; echo '$ '; end",
    },
];

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn first_tab_completes_in_each_shell() {
    for Installation { shell, script, start, text } in INSTALLATIONS {
        if Command::new(shell).arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(&format!("{shell} is not installed"));
            continue;
        }
        let Some(world) = BoardWorld::new() else { return };
        let output = world.run(["completions", shell]);
        write(&world.home().join(script), &output.stdout);
        write(&world.home().join(start), text);
        let path = Path::new(PROGRAM).parent().unwrap().display();
        let path = format!("PATH={path}:/usr/bin:/bin");
        let pane = world.tmux.open("shell", (80, 10), &["env", &path, shell, "-i"]);
        pane.wait_for_text("$");
        // The `x` shows that the shell inserted the word and did not only suggest it.
        pane.press(&["crewboard insta", "Tab", "x"]);
        pane.wait_for_text("crewboard install x");
    }
}

/// An agent can choose names of files and directories, and bash runs a completed word as it is.
#[test]
fn bash_completion_inserts_no_command_substitution() {
    let Some(world) = BoardWorld::new() else { return };
    let output = world.run(["completions", "bash"]);
    write(&world.home().join("crewboard.bash"), &output.stdout);
    write(&world.home().join(".bashrc"), "source ~/crewboard.bash\nPS1='$ '\ncd\n");
    write(&world.home().join("trap$(touch pwned)"), "");
    let path = Path::new(PROGRAM).parent().unwrap().display();
    let path = format!("PATH={path}:/usr/bin:/bin");
    let pane = world.tmux.open("shell", (80, 10), &["env", &path, "bash", "-i"]);
    pane.wait_for_text("$");
    for words in ["replay", "install --config-dir", "record --out"] {
        pane.press(&[&format!("crewboard {words} tra"), "Tab", "x"]);
        pane.wait_for_text(&format!("crewboard {words} trax"));
        pane.press(&["C-u"]);
    }
    assert!(!world.home().join("pwned").exists());
}

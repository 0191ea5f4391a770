//! Writes the pictures of the documentation: the demo at fixed moments in a private terminal.

use crate::workspace::{cargo, root, run as run_checked, target_dir};
use anyhow::{Context, Result};
use crewboard_testkit::picture::{ANIMATED_SIZE, Look, MOMENT, MOMENTS, SIZE, board, list, svg};
use std::fs;
use std::path::Path;

/// The page with the list.
const LIST_PAGE: &str = "docs/commands.md";

/// Takes the pictures and writes them.
pub(crate) fn run() -> Result<()> {
    run_checked(cargo().args(["build", "--package", "crewboard"]))?;
    let program = target_dir()?.join("debug/crewboard");
    let pictures = root().join("docs/pictures");
    fs::create_dir_all(&pictures)?;
    for look in [Look::DARK, Look::LIGHT] {
        let theme = look.theme;
        let screen = board(&program, theme, MOMENT, SIZE).context("tmux is missing")?;
        let title = "The board of Crewboard: twelve sessions, five of which need you";
        write(&pictures.join(format!("board-{theme}.svg")), &svg(&[screen], title, look, SIZE))?;
        let screens: Option<Vec<String>> =
            MOMENTS.iter().map(|moment| board(&program, theme, *moment, ANIMATED_SIZE)).collect();
        let screens = screens.context("tmux is missing")?;
        let title = "The board over half a minute";
        let picture = svg(&screens, title, look, ANIMATED_SIZE);
        write(&pictures.join(format!("demo-{theme}.svg")), &picture)?;
    }
    let path = root().join(LIST_PAGE);
    let page = fs::read_to_string(&path)?;
    let begin = "<!-- picture:list -->";
    let (before, rest) = page.split_once(begin).with_context(|| format!("no {begin}"))?;
    let (_, after) = rest.split_once("<!-- /picture -->").context("no /picture")?;
    let list = list(&program).context("tmux is missing")?;
    write(&path, &format!("{before}{begin}\n```text\n{list}\n```\n<!-- /picture -->{after}"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    println!("{}: {} bytes", path.display(), text.len());
    Ok(())
}

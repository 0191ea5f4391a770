//! One configuration directory is one profile, however it is spelled: in rows, limits, files and `install`.

use crate::{now, payload, world};
use crewboard_testkit::{FakeAgent, View, World, event_line, eventually, finish, prompt};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs a command as a client with these variables does.
fn run(mut command: Command, variables: &[(&str, &str)], agent: &FakeAgent, input: &Value) {
    command.env("CLAUDE_PID", agent.pid().to_string()).envs(variables.iter().copied());
    let said = finish(command, input.to_string().as_bytes());
    assert_eq!(said.code(), Some(0), "{said:?}");
}

/// A session starts, and its client tells its status line of limits.
fn start_session(world: &World, variables: &[(&str, &str)], agent: &FakeAgent, id: &str) {
    let started = json!({"session_id": id, "hook_event_name": "SessionStart", "cwd": "/srv/shop"});
    run(world.command(["hook", "claude"]), variables, agent, &started);
    tell_limits(world, variables, agent, id);
}

fn tell_limits(world: &World, variables: &[(&str, &str)], agent: &FakeAgent, id: &str) {
    let resets_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 4320;
    let window = json!({"used_percentage": 50, "resets_at": resets_at});
    let told = json!({"session_id": id, "rate_limits": {"five_hour": window}});
    run(world.command(["statusline", "--", "cat"]), variables, agent, &told);
}

/// The profiles of the limits that are known.
fn limited(world: &World) -> Vec<Value> {
    let counts = world.say(["counts", "--format", "json"]);
    let counts: Value = serde_json::from_str(&counts.stdout).unwrap();
    counts["limits"].as_array().unwrap().iter().map(|limits| limits["profile"].clone()).collect()
}

/// Writes the file in which an agent says what it does.
fn write_condition(profile: &Path, agent: &FakeAgent, id: &str) {
    let process = agent.process();
    let file = json!({
        "pid": process.pid, "sessionId": id, "cwd": "/srv/shop", "kind": "interactive",
        "procStart": process.start.to_string(), "entrypoint": "cli", "status": "busy",
    });
    fs::create_dir_all(profile.join("sessions")).unwrap();
    let path = profile.join("sessions").join(format!("{}.json", process.pid));
    fs::write(path, file.to_string()).unwrap();
}

#[test]
fn a_directory_spelled_in_many_ways_is_one_profile() {
    let world = world();
    let home = world.home().canonicalize().unwrap();
    let real = home.join("dot/work");
    fs::create_dir_all(&real).unwrap();
    symlink("dot/work", home.join("link")).unwrap();
    symlink("link", home.join("link-to-link")).unwrap();
    let at = home.display();
    let mut view = View::new(world.start());
    let spellings = [
        format!("{at}/dot/work"),
        format!("{at}/dot/work/"),
        format!("{at}//dot/./work"),
        format!("{at}/dot/../dot/work"),
        format!("{at}/link"),
        format!("{at}/link-to-link/"),
        "dot/work".to_owned(),
        "./link/".to_owned(),
    ];
    for (number, spelling) in spellings.iter().enumerate() {
        let agent = FakeAgent::in_profile_from(&home, Path::new(spelling));
        let id = format!("s{number}");
        start_session(&world, &[("CLAUDE_CONFIG_DIR", spelling)], &agent, &id);
        let row = view.until_row(&id, |row| row["status"] == "idle");
        assert_eq!(row["profile"], json!(real), "{spelling}");
        // The daemon reads the agent's file, wherever the link leads.
        write_condition(&real, &agent, &id);
        view.until_row(&id, |row| row["source"] == "file:busy" && row["confirmed"] == true);
        // A session that no hook tells of has the same profile.
        let silent = FakeAgent::in_profile_from(&home, Path::new(spelling));
        write_condition(&real, &silent, &format!("silent{number}"));
        let row = view.until_row(&format!("silent{number}"), |row| row["status"] == "working");
        assert_eq!(row["profile"], json!(real), "{spelling}");
        let mut install = world.command(["install", "--dry-run"]);
        install.env("CLAUDE_CONFIG_DIR", spelling);
        let said = finish(install, b"");
        assert!(said.stdout.contains(&format!("{}/settings.json", real.display())), "{said:?}");
    }
    assert_eq!(limited(&world), [json!(real)]);
}

#[test]
fn a_missing_directory_and_the_usual_one_are_one_profile_each() {
    let world = world();
    let home = world.home().canonicalize().unwrap();
    let at = home.display();
    let mut view = View::new(world.start());
    let usual = home.join(".claude");
    let transcript = json!({"transcript_path": usual.join("projects/-srv-shop/t.jsonl")});
    let missing = home.join("missing");
    let cases = [
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}/missing"))], &missing),
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}//missing/"))], &missing),
        (vec![("CLAUDE_CONFIG_DIR", format!("{at}/.claude/"))], &usual),
        (vec![("CLAUDE_CONFIG_DIR", String::new())], &usual),
        (vec![], &usual),
    ];
    for (number, (variables, profile)) in cases.iter().enumerate() {
        let id = format!("s{number}");
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // What the kernel says of the agent's process decides, so the agent has the variables as well.
        let own = variables.iter().find(|(_, value)| !value.is_empty());
        let agent = match own {
            Some((_, directory)) => FakeAgent::in_profile(Path::new(directory)),
            None => FakeAgent::at_home(&home),
        };
        start_session(&world, &variables, &agent, &id);
        let row = view.until_row(&id, |row| row["status"] == "idle");
        assert_eq!(row["profile"], json!(profile), "{variables:?}");
    }
    let agent = FakeAgent::at_home(&home);
    world.hook(&agent, &payload("SessionStart", "told", &transcript));
    let row = view.until_row("told", |row| row["status"] == "idle");
    assert_eq!(row["profile"], json!(usual));
    eventually("the limits of both are known", || limited(&world).len() == 2);
    assert_eq!(limited(&world), [json!(usual), json!(missing)]);
}

#[test]
fn a_profile_is_cut_at_the_last_projects_of_the_transcript() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = FakeAgent::new();
    let profile = "/data/projects/ana/.claude";
    let transcript = format!("{profile}/projects/-x/s.jsonl");
    let payload = payload("SessionStart", "s", &json!({"transcript_path": transcript}));
    world.hook(&agent, &payload);
    let row = view.until_row("s", |row| row["status"] == "idle");
    assert_eq!(row["profile"], profile);
}

#[test]
fn a_raw_clients_spelling_of_a_profile_does_not_make_another() {
    let world = world();
    let mut client = world.start();
    for (number, spelling) in
        ["/home/dev/.w", "/home/dev/.w/", "//home/./dev/.w"].iter().enumerate()
    {
        let line = event_line(&format!("s{number}"), None, now(), prompt("go"));
        let mut line: Value = serde_json::from_slice(&line).unwrap();
        line["report"]["profile"] = json!(spelling);
        client.send(line);
    }
    client.await_events(3);
    let rows = client.list();
    assert_eq!(rows.len(), 3);
    assert!(rows.values().all(|row| row["profile"] == "/home/dev/.w"), "{rows:?}");
}

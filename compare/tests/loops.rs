//! What the command `loops` keeps is what the report draws.

use std::fs;
use std::process::Command;

fn run(options: &[&str]) {
    let program = env!("CARGO_BIN_EXE_ringmq-compare");
    let output = Command::new(program).args(options).output().expect("start it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn figures_that_are_kept_are_drawn() {
    let folder = std::env::temp_dir().join(format!("ringmq-compare-loops-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("make a folder");
    let json = folder.join("figures.json").to_string_lossy().into_owned();
    run(&["loops", "--quick", "--only", "post", "--with", "ringmq poll", "--json", &json]);
    let text = fs::read_to_string(&json).expect("it was written");
    assert!(text.contains("\"work\":\"post\",\"contestant\":\"ringmq poll\""), "{text}");
    run(&["--from", &json, "--out", &folder.to_string_lossy()]);
    assert!(folder.join("post.svg").exists());
    fs::remove_dir_all(folder).expect("it is there");
}

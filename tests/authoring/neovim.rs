//! The real Neovim, started without a screen, with the configuration that users get. Machines without it say so and go on;
//! `scripts/editors.sh --all` fails there.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn neovim_shows_what_the_server_says() {
    neovim("server.lua");
}

#[test]
fn the_plugin_starts_one_server_and_shows_plans() {
    neovim("plugin.lua");
}

/// Runs a script of `editors/nvim/test`, which says whether its checks passed.
fn neovim(script: &str) {
    let nvim = std::env::var_os("NVIM").unwrap_or_else(|| "nvim".into());
    if Command::new(&nvim).arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("left out: there is no {}", nvim.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(nvim);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["--headless", "-u", "NONE"]);
    // Nothing of the user's, and nothing left behind.
    for place in ["HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        command.env(place, home.path());
    }
    let program = Path::new(env!("CARGO_BIN_EXE_fsched")).display();
    command.arg("--cmd").arg(format!("let g:fsched_path = '{program}'"));
    command.args(["--cmd", "set rtp^=editors/nvim", "-c", "runtime plugin/fsched.lua", "-c", "filetype plugin on"]);
    command.args(["-c", &format!("luafile editors/nvim/test/{script}")]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    print!("{said}");
    assert!(output.status.success() && said.contains("checks passed"), "{said}");
}

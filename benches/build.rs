//! Hands the versions of the compiler and of the peers to the program, which prints them.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The packages whose versions a reader of the figures needs to know.
const PEERS: [&str; 7] = [
    "weftwork",
    "tokio",
    "smol",
    "async-executor",
    "async-io",
    "hyper",
    "mimalloc",
];

fn main() {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let lock_path = Path::new(&manifest_dir).join("../Cargo.lock");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", lock_path.display());

    let lock = fs::read_to_string(&lock_path).expect("the workspace has a Cargo.lock");
    let versions: Vec<String> = PEERS
        .iter()
        .filter_map(|name| Some(format!("{name} {}", locked_version(&lock, name)?)))
        .collect();
    println!("cargo::rustc-env=BENCHES_PEERS={}", versions.join(", "));
    println!("cargo::rustc-env=BENCHES_RUSTC={}", rustc_version());
    println!("cargo::rustc-env=BENCHES_PROFILE={}", profile());
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let head = format!("\nname = \"{name}\"\nversion = \"");
    let (_, rest) = lock.split_once(&head)?;
    rest.split('"').next()
}

fn rustc_version() -> String {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn profile() -> String {
    let name = env::var("PROFILE").expect("cargo sets PROFILE");
    let level = env::var("OPT_LEVEL").expect("cargo sets OPT_LEVEL");
    format!("{name}, opt-level {level}")
}

//! Runs every program, on several workers and on one thread, and compares what they print with
//! what CPython printed.
//!
//! `cargo run --release --example tour -- [--scale 0.1] [NAME..]`
//!
//! It ends with 1 if any of them printed something unexpected, failed or hung, and with 2 if the
//! command line makes no sense.

#[path = "../programs/mod.rs"]
mod programs;

mod catalogue;
mod child;
mod report;

use catalogue::{PROGRAMS, Program};
use std::process::ExitCode;
use weftwork_examples::Options;

/// The first word of the command line of a child.
const CHILD: &str = "--program";

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == CHILD) {
        return be_child(&words[1..]);
    }
    let names = take_names(&mut words);
    let options = match Options::parse(words) {
        Ok(options) if !options.local => options,
        Ok(_) => return misuse("the tour runs each program in both modes, so leave --local out"),
        Err(error) => return misuse(&format!("{error}\nusage: [--scale FACTOR] [NAME..]")),
    };
    if let Some(name) = names.iter().find(|name| catalogue::find(name).is_none()) {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        let known = known.join(", ");
        return misuse(&format!("no program is named '{name}'; there are {known}"));
    }
    let chosen = |program: &&Program| names.is_empty() || names.iter().any(|n| n == program.name);
    tour(&PROGRAMS.iter().filter(chosen).collect::<Vec<_>>(), options)
}

/// The words that are neither an option nor the value of one.
fn take_names(words: &mut Vec<String>) -> Vec<String> {
    let mut after_scale = false;
    words
        .extract_if(.., |word| {
            let is_value = std::mem::replace(&mut after_scale, word == "--scale");
            !is_value && !word.starts_with("--")
        })
        .collect()
}

fn misuse(text: &str) -> ExitCode {
    eprintln!("tour: {text}");
    ExitCode::from(2)
}

/// Runs one program, as its own `main` would.
fn be_child(words: &[String]) -> ExitCode {
    let Some((name, words)) = words.split_first() else {
        return misuse("which program?");
    };
    match (catalogue::find(name), Options::parse(words.to_vec())) {
        (Some(program), Ok(options)) => {
            weftwork_examples::set_options(options);
            (program.main)();
            ExitCode::SUCCESS
        }
        (None, _) => misuse(&format!("no program is named '{name}'")),
        (_, Err(error)) => misuse(&error.to_string()),
    }
}

fn tour(programs: &[&Program], options: Options) -> ExitCode {
    println!(
        "{} programs, each on workers and on one thread; sleeps are multiplied by {}\n",
        programs.len(),
        options.scale
    );
    let mut visits = Vec::new();
    for (n, program) in programs.iter().enumerate() {
        let [workers, local] =
            [false, true].map(|local| child::visit(program, Options { local, ..options }));
        report::progress(n + 1, programs.len(), program, [&workers, &local]);
        visits.push((*program, [workers, local]));
    }
    report::table(&visits);
    match report::verdict(&visits) {
        Ok(text) => {
            println!("\n{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            println!("\n{text}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_options_and_their_values() {
        let words = ["hello", "--scale", "0.1", "task_repr", "--local", "0.2"];
        let mut words = words.map(str::to_owned).to_vec();
        assert_eq!(take_names(&mut words), ["hello", "task_repr", "0.2"]);
        assert_eq!(words, ["--scale", "0.1", "--local"]);
    }
}

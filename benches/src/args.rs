//! The command line.

use crate::row::{Peer, Row, Scale};
use crate::rows;
#[cfg(target_os = "linux")]
use crate::sockets::{SERVE, Server};

/// What this process is to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Suite(Options),
    /// Two files of figures.
    Compare(String, String),
    /// Hidden: one measurement, in a process of its own.
    Measure(Request),
    /// Hidden: the server of such a measurement.
    #[cfg(target_os = "linux")]
    Serve(Server),
}

/// A run of the suite.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rows: Vec<&'static Row>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) rounds: usize,
    pub(crate) scale: Scale,
    pub(crate) workers: usize,
    pub(crate) json: Option<String>,
    pub(crate) svg: Option<String>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) row: &'static Row,
    pub(crate) peer: Peer,
    pub(crate) ops: u64,
    pub(crate) workers: usize,
}

/// The first argument of a process that measures.
pub(crate) const MEASURE: &str = "--measure";

/// The allocator that was compiled in.
pub(crate) const ALLOCATOR: &str = if cfg!(feature = "mimalloc") {
    "mimalloc"
} else {
    "system"
};

const USAGE: &str = "\
weftwork-benches [ROW..] [options]
weftwork-benches compare OLD.json NEW.json

  ROW               a row, or the beginning of the names of several (default: all)
  --peers A,B       who takes part: weftwork,tokio,smol,flume,kanal,rayon,floor,floor_1
                    (default: all)
  --rounds N        measurements of each row and peer (default: 9; 3 with --quick)
  --quick           a tenth of the work
  --smoke           the least work, one round: checks the checksums, measures nothing of use
  --workers N       worker threads of each runtime (default: 2)
  --alloc NAME      system or mimalloc: refuse to run if the other one is compiled in
  --json FILE       write all figures
  --svg FILE        draw the ratios";

pub(crate) fn help() -> String {
    let mut text = format!("{USAGE}\n\nRows:\n");
    for row in rows::ALL {
        text += &format!("  {:17} {}\n", row.name, row.about);
    }
    text
}

pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
    let args: Vec<String> = args.collect();
    match args.first().map(String::as_str) {
        Some(MEASURE) => parse_request(&args[1..]).map(Command::Measure),
        #[cfg(target_os = "linux")]
        Some(SERVE) => parse_server(&args[1..]).map(Command::Serve),
        Some("compare") => match &args[1..] {
            [old, new] => Ok(Command::Compare(old.clone(), new.clone())),
            _ => Err("compare needs two files that --json wrote".to_owned()),
        },
        _ if args.iter().any(|arg| arg == "--help" || arg == "-h") => Ok(Command::Help),
        _ => parse_options(args.into_iter()).map(Command::Suite),
    }
}

fn parse_options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        rows: Vec::new(),
        peers: Peer::ALL.to_vec(),
        rounds: 0,
        scale: Scale::Full,
        workers: 2,
        json: None,
        svg: None,
    };
    let mut rounds = None;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--peers" => options.peers = peers(&value()?)?,
            "--rounds" => rounds = Some(positive(&arg, &value()?)?),
            "--workers" => options.workers = positive(&arg, &value()?)?,
            "--json" => options.json = Some(value()?),
            "--svg" => options.svg = Some(value()?),
            "--alloc" => check_allocator(&value()?)?,
            "--quick" => options.scale = Scale::Quick,
            "--smoke" => options.scale = Scale::Smoke,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            name => options.rows.extend(rows_by_name(name)?),
        }
    }
    options.rounds = rounds.unwrap_or(match options.scale {
        Scale::Full => 9,
        Scale::Quick => 3,
        Scale::Smoke => 1,
    });
    if options.rows.is_empty() {
        options.rows = rows::ALL.to_vec();
    }
    Ok(options)
}

fn rows_by_name(start: &str) -> Result<Vec<&'static Row>, String> {
    let mut found = rows::ALL.to_vec();
    found.retain(|row| row.name.starts_with(start));
    if found.is_empty() {
        return Err(format!("no row's name starts with {start}"));
    }
    Ok(found)
}

fn peers(list: &str) -> Result<Vec<Peer>, String> {
    list.split(',')
        .map(|name| Peer::by_name(name).ok_or(format!("no peer is called {name}")))
        .collect()
}

fn positive(option: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} needs a positive number, not {value}")),
    }
}

/// The allocator is chosen at compile time. The option guards against comparing the wrong builds.
fn check_allocator(name: &str) -> Result<(), String> {
    match name {
        _ if name == ALLOCATOR => Ok(()),
        "mimalloc" => Err("build with --features mimalloc for --alloc mimalloc".to_owned()),
        "system" => Err("build without --features mimalloc for --alloc system".to_owned()),
        _ => Err(format!("no allocator is called {name}")),
    }
}

impl Request {
    /// The arguments that make a process do this measurement.
    pub(crate) fn to_args(self) -> [String; 5] {
        [
            MEASURE.to_owned(),
            self.row.name.to_owned(),
            self.peer.name().to_owned(),
            self.ops.to_string(),
            self.workers.to_string(),
        ]
    }
}

fn parse_request(args: &[String]) -> Result<Request, String> {
    let parsed = match args {
        [row, peer, ops, workers] => rows::ALL
            .iter()
            .copied()
            .find(|candidate| candidate.name == row)
            .zip(Peer::by_name(peer))
            .zip(ops.parse().ok().zip(workers.parse().ok())),
        _ => None,
    };
    let ((row, peer), (ops, workers)) =
        parsed.ok_or(format!("{MEASURE} is for the suite's own use"))?;
    Ok(Request {
        row,
        peer,
        ops,
        workers,
    })
}

#[cfg(target_os = "linux")]
fn parse_server(args: &[String]) -> Result<Server, String> {
    Server::from_args(args).ok_or(format!("{SERVE} is for the suite's own use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(str::to_owned))? {
            Command::Suite(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_follow_the_scale() {
        assert_eq!(options("").unwrap().rounds, 9);
        assert_eq!(options("--quick").unwrap().rounds, 3);
        assert_eq!(options("--rounds 5 --quick").unwrap().rounds, 5);
        assert_eq!(options("--smoke").unwrap().rows.len(), rows::ALL.len());
    }

    #[test]
    fn rows_are_chosen_by_the_beginning_of_their_names() {
        let names = |line| -> Vec<&str> {
            let rows = options(line).unwrap().rows;
            rows.iter().map(|row| row.name).collect()
        };
        assert_eq!(names("yield --workers 4"), ["yield"]);
        assert_eq!(
            names("spawn_ext chained"),
            ["spawn_external", "spawn_external_8", "chained_spawn"]
        );
    }

    #[test]
    fn mistakes_are_refused() {
        for line in [
            "nonsense",
            "--nonsense",
            "--rounds",
            "--rounds 0",
            "--peers tokio,nobody",
            "--alloc jemalloc",
            "--measure yield tokio",
            "--serve echo tokio",
            "compare old.json",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
        let other = ["system", "mimalloc"].map(|name| options(&format!("--alloc {name}")).is_ok());
        assert_eq!(other, [ALLOCATOR == "system", ALLOCATOR == "mimalloc"]);
    }

    #[test]
    fn a_request_survives_the_command_line() {
        let request = Request {
            row: rows::ALL[2],
            peer: Peer::Smol,
            ops: 77,
            workers: 3,
        };
        match parse(request.to_args().into_iter()) {
            Ok(Command::Measure(parsed)) => assert_eq!(parsed.to_args(), request.to_args()),
            other => panic!("{other:?}"),
        }
    }
}

//! `--scale` and `--local`, which every program takes.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

/// The usage of a program.
pub const USAGE: &str = "[--scale FACTOR] [--local]";

/// A smaller scale counts as this one.
///
/// The order of many lines rests on sleeps that differ by 0.9 s of the tutorial or more. Of that
/// 90 ms are to remain, so that a busy machine keeps the order.
pub const LEAST_SCALE: f64 = 0.1;

/// What the command line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Every sleep is multiplied by this; at least [`LEAST_SCALE`].
    pub scale: f64,
    /// One thread and asyncio's exact order, instead of a worker on each core.
    pub local: bool,
}

/// What is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse(String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Options {
    /// Reads the words of a command line.
    ///
    /// # Errors
    /// An unknown word, or a scale that is no positive number.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, Misuse> {
        let mut options = Self {
            scale: 1.0,
            local: false,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--local" => options.local = true,
                "--scale" => options.scale = scale(words.next())?,
                _ => return Err(Misuse(format!("'{word}' is no option"))),
            }
        }
        Ok(options)
    }
}

fn scale(word: Option<String>) -> Result<f64, Misuse> {
    let word = word.ok_or_else(|| Misuse("--scale needs a factor, as in --scale 0.1".into()))?;
    match word.parse() {
        Ok(scale) if 0.0 < scale && scale <= 1000.0 => Ok(f64::max(scale, LEAST_SCALE)),
        _ => Err(Misuse(format!(
            "'{word}' is no scale: a number over 0 and up to 1000 is"
        ))),
    }
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// The options of this program; ends it with a message if they make no sense.
pub fn options() -> Options {
    *OPTIONS.get_or_init(|| {
        Options::parse(std::env::args().skip(1)).unwrap_or_else(|misuse| {
            eprintln!("{misuse}\nusage: {USAGE}");
            std::process::exit(2)
        })
    })
}

/// Sets the options before the first look at them.
pub fn set_options(options: Options) {
    // The first one to set them wins: there is one caller, the tour.
    let _ = OPTIONS.set(options);
}

/// So many seconds, times `--scale`.
pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds * options().scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Misuse> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn both_options_in_any_order() {
        let expected = Options {
            scale: 0.25,
            local: true,
        };
        assert_eq!(parse("--scale 0.25 --local"), Ok(expected));
        assert_eq!(parse("--local --scale 0.25"), Ok(expected));
    }

    #[test]
    fn a_scale_at_which_the_order_would_be_luck_counts_as_the_least() {
        assert_eq!(parse("--scale 0.001").unwrap().scale, LEAST_SCALE);
        assert_eq!(parse("--scale 0.2").unwrap().scale, 0.2);
    }

    #[test]
    fn misuse_is_refused() {
        for line in [
            "--lokal",
            "--scale",
            "--scale x",
            "--scale 0",
            "--scale -1",
            "--scale NaN",
            "--scale 1001",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

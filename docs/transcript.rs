//! What a program of the porting guide printed.

use std::fs;
use std::path::Path;
use weftwork_std_or_loom::Mutex;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Stands in for std's in the programs of the guide: keeps the line for [`compare`].
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::add(::std::format!($($argument)*))
    };
}

/// Keeps a line.
pub fn add(line: String) {
    LINES.lock().push(line);
}

/// Compares what was printed with the output of the Python program of this name.
///
/// # Panics
/// If it is not the same, or not recorded.
pub fn compare(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("expected")
        .join(format!("{name}.txt"));
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: run python/guide.py", path.display()));
    let printed = std::mem::take(&mut *LINES.lock());
    let expected: Vec<_> = expected.lines().collect();
    assert_eq!(
        printed, expected,
        "{name}: printed, and what CPython printed"
    );
}

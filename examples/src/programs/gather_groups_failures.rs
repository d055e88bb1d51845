//! Tasks that fail in groups: `return_exceptions` puts the failure in the place of the value.

use weftwork::{gather, sleep};
use weftwork_examples::{ValueError, pprint, raise, run, seconds};

async fn coro(tag: String) -> String {
    println!("> {tag}");
    sleep(seconds(1.0 + 2.0 * fastrand::f64())).await;
    if tag.ends_with('3') {
        raise(ValueError);
    }
    println!("< {tag}");
    tag
}

/// Runs the program.
pub fn main() {
    run(async {
        let group1 = gather((1..=5).map(|i| coro(format!("group 1.{i}")))).return_exceptions();
        let group2 = gather((1..=3).map(|i| coro(format!("group 2.{i}")))).return_exceptions();
        let group3 = gather((1..=9).map(|i| coro(format!("group 3.{i}")))).return_exceptions();
        let group4 = gather([group1, group2]).return_exceptions();
        let all_groups = gather!(group3, group4; return_exceptions);

        pprint(all_groups.await);
    });
}

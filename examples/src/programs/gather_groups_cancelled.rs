//! One group of several is cancelled; its sibling and its parent go on.

use weftwork::{gather, sleep};
use weftwork_examples::{pprint, run_until_complete, seconds};

async fn coro(tag: String) -> String {
    println!("> {tag}");
    sleep(seconds(1.0 + 2.0 * fastrand::f64())).await;
    println!("< {tag}");
    tag
}

/// Runs the program.
pub fn main() {
    // The groups are made before the loop runs, so no task of the cancelled one ever begins.
    let results = run_until_complete(|| {
        let group1 = gather((1..=5).map(|i| coro(format!("group 1.{i}"))));
        let mut group2 = gather((1..=3).map(|i| coro(format!("group 2.{i}"))));
        let group3 = gather((1..=9).map(|i| coro(format!("group 3.{i}"))));

        // The group itself moves into group 4; its control remains.
        let control2 = group2.control();
        let group4 = gather([group1, group2]).return_exceptions();
        let all_groups = gather!(group3, group4);

        control2.cancel();
        all_groups
    });
    pprint(results);
}

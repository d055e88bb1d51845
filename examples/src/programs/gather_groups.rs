//! Groups of groups: `gather` gives all results in the order of the input.

use weftwork::{gather, sleep};
use weftwork_examples::{pprint, run, seconds};

async fn coro(tag: String) -> String {
    println!("> {tag}");
    sleep(seconds(1.0 + 2.0 * fastrand::f64())).await;
    println!("< {tag}");
    tag
}

/// Runs the program.
pub fn main() {
    run(async {
        let group1 = gather((1..=5).map(|i| coro(format!("group 1.{i}"))));
        let group2 = gather((1..=3).map(|i| coro(format!("group 2.{i}"))));
        let group3 = gather((1..=9).map(|i| coro(format!("group 3.{i}"))));
        let group4 = gather([group1, group2]);
        let all_groups = gather!(group3, group4);

        pprint(all_groups.await);
    });
}

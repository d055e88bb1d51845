//! Three tasks at the same time; their results from the caller's own list, after `wait_on`.

use weftwork::{ensure_future, sleep, wait_on};
use weftwork_examples::{run, seconds};

async fn do_some_work(x: u32) -> String {
    println!("等待 {x}");
    sleep(seconds(x.into())).await;
    format!("Done after {x}s")
}

/// Runs the program.
pub fn main() {
    run(async {
        let mut tasks = [1, 2, 3].map(|x| ensure_future(do_some_work(x)));
        wait_on(&mut tasks).await;
        for task in &mut tasks {
            println!("任务返回的结果是 {}", task.result().unwrap());
        }
    });
}

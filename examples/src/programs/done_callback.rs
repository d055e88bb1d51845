//! A done callback with one more argument: its closure captures it.

use weftwork::{Finished, sleep, spawn};
use weftwork_examples::{run, seconds};

fn my_callback(name: &str, future: &Finished<'_, &'static str>) {
    println!("{name} 返回值： {}", future.value().unwrap());
}

async fn coroutine_example() -> &'static str {
    sleep(seconds(1.0)).await;
    "zhihu ID: Zarten"
}

/// Runs the program.
pub fn main() {
    run(async {
        let task = spawn(coroutine_example());
        task.add_done_callback(|future| my_callback("test", future));
        task.await;
    });
}

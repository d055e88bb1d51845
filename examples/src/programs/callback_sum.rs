//! A done callback that computes with the result.

use weftwork::{Finished, ensure_future, sleep};
use weftwork_examples::{run, seconds};

async fn hello(x: i32) -> i32 {
    sleep(seconds(x.into())).await;
    x
}

fn callback(future: &Finished<'_, i32>) {
    if let Some(result) = future.value() {
        let sum = 10 + result;
        println!("回调返回值是 {sum}");
    }
}

/// Runs the program.
pub fn main() {
    run(async {
        let task = ensure_future(hello(3));
        task.add_done_callback(callback);
        // The callback has seen the result before the awaiter takes it.
        let _result = task.await;
        // As in the tutorial: the text has no place for the result.
        println!("返回结果");
    });
}

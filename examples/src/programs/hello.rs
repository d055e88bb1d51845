//! The first coroutine: `ensure_future` makes a task of it.

use weftwork::ensure_future;
use weftwork_examples::run;

async fn hello(name: &str) {
    println!("hello {name}");
}

/// Runs the program.
pub fn main() {
    run(async {
        let task = ensure_future(hello("world"));
        task.await;
    });
}

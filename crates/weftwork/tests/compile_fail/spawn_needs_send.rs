//! A task may move to another worker: what it captures is `Send`.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    weftwork::spawn(async move { *shared }).detach();
}

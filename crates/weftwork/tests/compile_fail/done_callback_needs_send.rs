//! So do done callbacks.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    let task = weftwork::spawn(async {});
    task.add_done_callback(move |_| drop(shared));
}

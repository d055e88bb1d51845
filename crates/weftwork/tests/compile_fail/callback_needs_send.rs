//! Callbacks run on whatever worker the lane is on.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    weftwork::Handle::current().call_soon(move || drop(shared));
}

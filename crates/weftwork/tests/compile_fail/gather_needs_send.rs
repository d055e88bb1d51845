//! The children of a gather are tasks: what they capture is `Send`.

use std::rc::Rc;

fn main() {
    let shared = Rc::new(1);
    drop(weftwork::gather([async move { *shared }]));
}

//! A task may outlive whoever spawned it: it cannot borrow.

fn main() {
    let text = String::from("borrowed");
    weftwork::spawn(async { text.len() }).detach();
}

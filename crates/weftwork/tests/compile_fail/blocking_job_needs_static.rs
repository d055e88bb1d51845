//! A blocking job runs on when nobody waits for it: it cannot borrow.

fn main() {
    let text = String::from("borrowed");
    weftwork::spawn_blocking(|| text.len()).detach();
}

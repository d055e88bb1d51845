//! The value of a task is taken on another thread: it is `Send`.

fn main() {
    weftwork::spawn(async { std::rc::Rc::new(1) }).detach();
}

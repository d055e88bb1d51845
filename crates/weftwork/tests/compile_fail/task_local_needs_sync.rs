//! Tasks on several threads see one value: a task local needs `Send` and `Sync`.

weftwork::task_local! {
    static SHARED: std::cell::Cell<u32>;
}

fn main() {}

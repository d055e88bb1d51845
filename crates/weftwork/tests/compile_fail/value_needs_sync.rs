//! Two threads may hold `&Task`: a look at the value needs `Sync`.

fn main() {
    let task = weftwork::spawn(async { std::cell::Cell::new(1) });
    let _ = task.value();
}

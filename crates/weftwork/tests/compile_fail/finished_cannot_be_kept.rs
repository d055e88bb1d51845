//! A done callback borrows the value: it cannot carry it off.

fn main() {
    let task = weftwork::spawn(async { String::new() });
    let (sender, _) = std::sync::mpsc::channel::<&'static String>();
    task.add_done_callback(move |end| sender.send(end.value().unwrap()).unwrap());
}

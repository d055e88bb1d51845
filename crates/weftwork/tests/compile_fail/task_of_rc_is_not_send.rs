//! The handle of a local task whose value is not `Send` stays on its thread.

fn is_send<T: Send>() {}

fn main() {
    is_send::<weftwork::Task<std::rc::Rc<u8>>>();
}

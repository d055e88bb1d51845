//! Nor may it be looked at from another thread.

fn is_sync<T: Sync>() {}

fn main() {
    is_sync::<weftwork::Task<std::rc::Rc<u8>>>();
}

//! A runtime is left on the thread that entered it.

fn is_send<T: Send>() {}

fn main() {
    is_send::<weftwork::EnterGuard<'_>>();
}

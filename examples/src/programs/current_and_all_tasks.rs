//! `current_task` and `all_tasks`, inside of tasks and outside.

use weftwork::sync::oneshot;
use weftwork::{Handle, Task, TaskControl, all_tasks, current_task, sleep, wait};
use weftwork_examples::{run, seconds};

fn names(tasks: &[TaskControl]) -> String {
    let mut names: Vec<_> = tasks.iter().map(TaskControl::name).collect();
    names.sort();
    names.join(", ")
}

fn task_name() -> String {
    current_task().map_or("None".to_owned(), |task| task.name())
}

async fn worker() {
    println!("inside a task, current_task: {}", task_name());
    sleep(seconds(1.0)).await;
}

async fn program() -> Handle {
    let main = current_task().expect("the main future is a task");
    main.set_name("main");
    let tasks = [1, 2].map(|i| Task::builder().name(format!("worker {i}")).spawn(worker()));
    println!("inside main, all_tasks: {}", names(&all_tasks()));
    wait(tasks).await;
    println!("after the workers, all_tasks: {}", names(&all_tasks()));

    let (call, called) = oneshot::channel();
    Handle::current().call_soon(move || {
        println!("in a callback, current_task: {}", task_name());
        call.send(()).unwrap();
    });
    called.await.unwrap();
    Handle::current()
}

/// Runs the program.
pub fn main() {
    println!("outside, current_task: {}", task_name());
    let handle = run(program());
    println!("outside, all_tasks: {}", handle.all_tasks().len());
}

//! One connection, many requests: a number matches each answer, in any order, to its request.
//!
//! Each caller waits on a one-shot channel (asyncio's `create_future`), filed under the number.
//! Takes 3 s: coffee takes 1 s, soup 2 s; the fish is lost, and its caller times out.
#![cfg_attr(not(test), expect(clippy::print_stdout, reason = "it is a program to look at"))]

use std::{cell::RefCell, collections::HashMap, time::Duration};

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    run().await;
}

pub(crate) async fn run() {
    let (requests, orders) = mpsc::channel(8);
    let (dishes, answers) = mpsc::channel(8);
    let line = Connection { requests, waiting: RefCell::default() };
    let asked = (1..).zip(["soup", "coffee", "fish"]).map(|(number, dish)| line.ask(number, dish));
    tokio::select! {
        () = kitchen(orders, dishes) => println!("the kitchen has closed"),
        () = line.deliver(answers) => println!("the connection has ended"),
        answers = join_all(asked) => println!("{answers:?}"),
    }
}

struct Connection {
    requests: mpsc::Sender<(u32, &'static str)>,
    waiting: RefCell<HashMap<u32, oneshot::Sender<String>>>,
}

impl Connection {
    async fn ask(&self, number: u32, dish: &'static str) -> Option<String> {
        let (tx, rx) = oneshot::channel();
        self.waiting.borrow_mut().retain(|_, caller| !caller.is_closed()); // Timed out.
        self.waiting.borrow_mut().insert(number, tx);
        self.requests.send((number, dish)).await.ok()?;
        timeout(Duration::from_secs(3), rx).await.ok()?.ok()
    }

    async fn deliver(&self, mut answers: mpsc::Receiver<(u32, String)>) {
        while let Some((number, dish)) = answers.recv().await {
            println!("answer to {number}: {dish}");
            self.waiting.borrow_mut().remove(&number).map(|caller| caller.send(dish));
        }
    }
}

async fn kitchen(mut orders: mpsc::Receiver<(u32, &str)>, dishes: mpsc::Sender<(u32, String)>) {
    let (soup, coffee) = (orders.recv().await, orders.recv().await);
    for (number, dish) in [coffee, soup].into_iter().flatten() {
        sleep(Duration::from_secs(1)).await;
        let _ = dishes.send((number, format!("hot {dish}"))).await;
    }
    while orders.recv().await.is_some() {} // The later orders are lost.
}

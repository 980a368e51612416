//! Load over streams: one for each connection, whose answers come in the order of its messages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Status, Streaming};

use super::BenchError;
use super::arrivals::Schedule;
use super::open::pace;
use super::raw::Raw;
use super::window::Running;

/// One stream: what goes in, and what of it is not answered yet.
#[derive(Clone)]
struct Lane {
    messages: UnboundedSender<Bytes>,
    waiting: Arc<Mutex<VecDeque<(u64, Instant)>>>,
}

impl Lane {
    fn send(&self, n: u64, due: Instant, message: Bytes) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((n, due));
        // Where the stream has ended, its end is the answer.
        let _ = self.messages.send(message);
    }

    fn first(&self) -> Option<(u64, Instant)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

async fn lanes(running: &Running) -> Result<Vec<(Lane, Streaming<Bytes>)>, BenchError> {
    let mut lanes = Vec::new();
    for place in 0..running.target.n_connections() as u64 {
        let (messages, sent) = unbounded_channel();
        let mut connection = running.target.connection(place);
        let unready = |error| BenchError::Stream(Box::new(Status::unavailable(format!("{error}"))));
        connection.ready().await.map_err(unready)?;
        let request = Request::new(UnboundedReceiverStream::new(sent));
        let answers = connection.streaming(request, running.target.path().clone(), Raw).await;
        let answers = answers.map_err(|status| BenchError::Stream(Box::new(status)))?.into_inner();
        lanes.push((Lane { messages, waiting: Arc::default() }, answers));
    }
    Ok(lanes)
}

/// Reads answers until the stream ends; what was sent and not answered then has the stream's status. After each answer,
/// `then` is called, which may send more.
fn read(
    running: &Arc<Running>,
    waiting: Lane,
    mut answers: Streaming<Bytes>,
    then: impl Fn() + Send + 'static,
) -> JoinHandle<()> {
    let running = Arc::clone(running);
    tokio::spawn(async move {
        let status = loop {
            match answers.message().await {
                Ok(Some(answer)) => {
                    if let Some((n, due)) = waiting.first() {
                        running.answered(n, due, Ok(answer));
                    }
                    then();
                }
                Ok(None) => break Status::aborted("the stream ended before it answered"),
                Err(status) => break status,
            }
        };
        while let Some((n, due)) = waiting.first() {
            running.answered(n, due, Err(Box::new(status.clone())));
        }
    })
}

/// What is read of a lane holds no end of it to send by, or the stream would never end.
fn deaf(lane: &Lane) -> Lane {
    Lane { messages: unbounded_channel().0, waiting: Arc::clone(&lane.waiting) }
}

/// Sends each message when it is due, over the streams in turn.
pub(super) async fn open(running: &Arc<Running>, schedule: Schedule) -> Result<(), BenchError> {
    let (lanes, answers): (Vec<_>, Vec<_>) = lanes(running).await?.into_iter().unzip();
    let read_from = lanes.iter().map(deaf).zip(answers);
    let readers: Vec<_> = read_from.map(|(lane, answers)| read(running, lane, answers, || ())).collect();
    let shared = Arc::clone(running);
    let send = move || {
        let messages = Arc::clone(shared.target.messages());
        let in_turn = |n: u64| &lanes[(n % lanes.len() as u64) as usize];
        let send = |n, due, message| {
            shared.sent(due);
            in_turn(n).send(n, due, message);
        };
        pace(&shared, schedule, send, || messages.next());
    };
    std::thread::Builder::new().name("pacer".to_owned()).spawn(send).map_err(BenchError::Thread)?;
    for reader in readers {
        // A reader that panicked has told so.
        let _ = reader.await;
    }
    Ok(())
}

/// Keeps `in_flight` messages unanswered, shared among the streams.
pub(super) async fn closed(running: &Arc<Running>, in_flight: usize) -> Result<(), BenchError> {
    let next = Arc::new(AtomicU64::new(0));
    let lanes = lanes(running).await?;
    let n_lanes = lanes.len();
    let mut readers = Vec::new();
    for (place, (lane, answers)) in lanes.into_iter().enumerate() {
        let reads = deaf(&lane);
        let (shared, next) = (Arc::clone(running), Arc::clone(&next));
        // Dropped when the time is over, which ends the stream.
        let sends = Mutex::new(Some(lane));
        let send_next = move || {
            let mut sends = sends.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(lane) = sends.as_ref().filter(|_| Instant::now() < shared.until) else {
                *sends = None;
                return;
            };
            let n = next.fetch_add(1, Ordering::Relaxed);
            let message = shared.target.messages().next();
            lane.send(n, Instant::now(), message);
        };
        for _ in (place..in_flight).step_by(n_lanes) {
            send_next();
        }
        readers.push(read(running, reads, answers, send_next));
    }
    for reader in readers {
        // A reader that panicked has told so.
        let _ = reader.await;
    }
    Ok(())
}

//! Random sequences of everything that can be asked of queues, against a model of a few lines.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures_util::poll;
use proptest::prelude::*;
use wasm_pool::queue::{GetError, PutError};
use wasm_pool::{Item, Queue, Received, Wait};

use super::{block_on, pool, queue};

/// One step.
#[derive(Debug, Clone)]
enum Step {
    Put(usize, Wait),
    Get(usize, Wait),
    PutMany(usize, usize),
    GetMany(usize, usize),
    Select,
    Close(usize),
    /// A get or a put that waits, as a task of its own.
    BeginGet(usize),
    BeginPut(usize),
    /// The wait at this place is given up.
    GiveUp(usize),
}

const QUEUES: usize = 3;

/// Not at all, or so short a time that nobody comes to help.
fn wait() -> impl Strategy<Value = Wait> {
    let times = [0, 1, 20].map(Duration::from_micros).map(Wait::For);
    prop::sample::select([&[Wait::No][..], &times].concat())
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..QUEUES;
    prop_oneof![
        6 => (at.clone(), wait()).prop_map(|(at, wait)| Step::Put(at, wait)),
        6 => (at.clone(), wait()).prop_map(|(at, wait)| Step::Get(at, wait)),
        2 => (at.clone(), 0..6usize).prop_map(|(at, count)| Step::PutMany(at, count)),
        2 => (at.clone(), 0..6usize).prop_map(|(at, count)| Step::GetMany(at, count)),
        3 => Just(Step::Select),
        1 => at.clone().prop_map(Step::Close),
        4 => at.clone().prop_map(Step::BeginGet),
        4 => at.prop_map(Step::BeginPut),
        3 => (0..8usize).prop_map(Step::GiveUp),
    ]
}

/// What a queue is, in a few lines.
#[derive(Default)]
struct Model {
    max: usize,
    items: VecDeque<i64>,
    closed: bool,
    /// Who waits to get, and to put what, by the number of the wait.
    getters: VecDeque<usize>,
    putters: VecDeque<(usize, i64)>,
}

/// How a wait ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Got(i64),
    Put,
    Closed,
}

type Wait_<'a> = Pin<Box<dyn Future<Output = Ended> + 'a>>;

/// The waits that go on, and how the model says that those ended which are not looked at yet.
struct Waits<'a> {
    futures: Vec<Option<Wait_<'a>>>,
    expected: Vec<Option<Ended>>,
}

impl Model {
    fn put(&mut self, value: i64, waits: &mut Waits<'_>) -> Result<(), &'static str> {
        if self.closed {
            return Err("closed");
        }
        if let Some(getter) = self.getters.pop_front() {
            waits.expected[getter] = Some(Ended::Got(value));
            return Ok(());
        }
        if self.items.len() >= self.max {
            return Err("full");
        }
        self.items.push_back(value);
        Ok(())
    }

    fn get(&mut self, waits: &mut Waits<'_>) -> Result<i64, GetError> {
        let empty = if self.closed { GetError::Closed } else { GetError::Empty };
        let value = self.items.pop_front().ok_or(empty)?;
        self.admit(waits);
        Ok(value)
    }

    fn admit(&mut self, waits: &mut Waits<'_>) {
        while self.items.len() < self.max
            && let Some((putter, value)) = self.putters.pop_front()
        {
            self.items.push_back(value);
            waits.expected[putter] = Some(Ended::Put);
        }
    }

    fn close(&mut self, waits: &mut Waits<'_>) {
        self.closed = true;
        let waiting = self
            .getters
            .drain(..)
            .chain(self.putters.drain(..).map(|(putter, _)| putter));
        waiting.for_each(|wait| waits.expected[wait] = Some(Ended::Closed));
    }

    /// A wait is given up: what it was handed goes on to the next, or back.
    fn give_up(&mut self, wait: usize, waits: &mut Waits<'_>) {
        self.getters.retain(|getter| *getter != wait);
        self.putters.retain(|(putter, _)| *putter != wait);
        if let Some(Ended::Got(value)) = waits.expected[wait].take() {
            match self.getters.pop_front() {
                Some(next) => waits.expected[next] = Some(Ended::Got(value)),
                None => self.items.push_front(value),
            }
        }
    }
}

fn value(received: Received) -> i64 {
    super::number(received)
}

async fn get_waiting(queue: &Queue) -> Ended {
    match queue.get_async(Wait::Forever).await {
        Ok(received) => Ended::Got(value(received)),
        Err(error) => {
            assert_eq!(error, GetError::Closed);
            Ended::Closed
        }
    }
}

async fn put_waiting(queue: &Queue, value: i64) -> Ended {
    match queue.put_async(value, Wait::Forever).await {
        Ok(()) => Ended::Put,
        Err(error) => {
            assert_eq!(error, PutError::Closed(Item::S64(value)));
            Ended::Closed
        }
    }
}

fn put_result(result: Result<(), PutError>) -> Result<(), &'static str> {
    result.map_err(|error| match error {
        PutError::Full(_) => "full",
        PutError::Closed(_) => "closed",
        other => panic!("{other}"),
    })
}

async fn follow(steps: &[Step], queues: &[Queue]) {
    let mut models: Vec<_> = queues
        .iter()
        .map(|queue| Model {
            max: queue.max_size() as usize,
            ..Model::default()
        })
        .collect();
    let mut waits = Waits {
        futures: Vec::new(),
        expected: Vec::new(),
    };
    // Where each wait stands.
    let mut stands: Vec<usize> = Vec::new();
    let mut next = 0..;
    let mut fresh = move || next.next().unwrap_or_default();
    for step in steps {
        match *step {
            Step::Put(at, wait) => {
                let value = fresh();
                let done = put_result(queues[at].put(value, wait));
                assert_eq!(done, models[at].put(value, &mut waits));
            }
            Step::Get(at, wait) => assert_eq!(queues[at].get(wait).map(value), models[at].get(&mut waits)),
            Step::PutMany(at, count) => {
                let values: Vec<_> = (0..count).map(|_| fresh()).collect();
                let done = queues[at].put_many(values.iter().map(|value| Item::S64(*value)), Wait::No);
                let expected = values
                    .iter()
                    .take_while(|value| models[at].put(**value, &mut waits).is_ok());
                let expected = expected.count();
                match done {
                    Ok(()) => assert_eq!(expected, count),
                    Err(error) => assert_eq!((error.accepted, error.rest.len()), (expected, count - expected - 1)),
                }
            }
            Step::GetMany(at, count) => {
                let got = queues[at].get_many(count, Wait::No);
                let mut expected = Vec::new();
                while expected.len() < count
                    && let Ok(value) = models[at].get(&mut waits)
                {
                    expected.push(value);
                }
                let got: Vec<_> = got.unwrap_or_default().into_iter().map(value).collect();
                assert_eq!(got, expected);
            }
            Step::Select => {
                let all: Vec<_> = queues.iter().collect();
                let first = models.iter().position(|model| model.closed || !model.items.is_empty());
                match Queue::select(&all, Wait::No) {
                    Ok((at, received)) => {
                        assert_eq!(Some(at), first);
                        assert_eq!(Ok(value(received)), models[at].get(&mut waits));
                    }
                    Err((at, GetError::Closed)) => {
                        assert_eq!(Some(at), first);
                        assert!(models[at].closed && models[at].items.is_empty());
                    }
                    Err((_, error)) => assert_eq!((error, first), (GetError::Empty, None)),
                }
            }
            Step::Close(at) => {
                queues[at].close();
                models[at].close(&mut waits);
            }
            Step::BeginGet(at) | Step::BeginPut(at) => {
                let number = waits.futures.len();
                stands.push(at);
                waits.expected.push(None);
                let model = &mut models[at];
                let future: Wait_<'_> = if matches!(step, Step::BeginGet(_)) {
                    match model.get(&mut waits) {
                        Ok(value) => waits.expected[number] = Some(Ended::Got(value)),
                        Err(GetError::Closed) => waits.expected[number] = Some(Ended::Closed),
                        Err(_) => model.getters.push_back(number),
                    }
                    Box::pin(get_waiting(&queues[at]))
                } else {
                    let value = fresh();
                    match model.put(value, &mut waits) {
                        Ok(()) => waits.expected[number] = Some(Ended::Put),
                        Err("closed") => waits.expected[number] = Some(Ended::Closed),
                        Err(_) => model.putters.push_back((number, value)),
                    }
                    Box::pin(put_waiting(&queues[at], value))
                };
                waits.futures.push(Some(future));
                look(&mut waits, number).await;
            }
            Step::GiveUp(nth) => {
                let going: Vec<_> = (0..waits.futures.len())
                    .filter(|at| waits.futures[*at].is_some())
                    .collect();
                if let Some(number) = going.get(nth).copied() {
                    waits.futures[number] = None;
                    models[stands[number]].give_up(number, &mut waits);
                }
            }
        }
        for (queue, model) in queues.iter().zip(&models) {
            assert_eq!(queue.qsize(), model.items.len(), "after {step:?}");
            assert_eq!(queue.is_closed(), model.closed);
            assert_eq!(queue.is_full(), model.items.len() >= model.max);
        }
    }
    // Whoever the model says was served was served, with what it says.
    for number in 0..waits.futures.len() {
        look(&mut waits, number).await;
    }
}

/// A wait is over exactly when the model says so, and with what it says.
async fn look(waits: &mut Waits<'_>, number: usize) {
    let Some(future) = &mut waits.futures[number] else {
        return;
    };
    match poll!(future.as_mut()) {
        std::task::Poll::Ready(ended) => {
            assert_eq!(waits.expected[number].take(), Some(ended));
            waits.futures[number] = None;
        }
        std::task::Poll::Pending => assert_eq!(waits.expected[number], None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queues_do_what_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let pool = pool();
        let queues: Vec<_> = [1, 2, 5].map(|max| queue(&pool, max)).into();
        block_on(follow(&steps, &queues));
        drop(queues);
        prop_assert_eq!((pool.budget().used(), pool.queues().len()), (0, 0));
    }
}

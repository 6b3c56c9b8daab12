//! What guests may import besides WASI: queues and interpreters, as `wit/` says.
//!
//! Guests' mistakes are WIT errors; guests' crimes (a handle that is none, more handles than the limit) are traps. What one
//! guest may use is a matter of its [`Talk`]: the queues and interpreters that it made, was granted, or was sent.

mod convert;
mod interpreters;
pub(crate) mod polls;
mod queues;
mod talk;

use wasmtime::component::{HasData, Linker, ResourceTable};

pub(crate) use self::convert::failure_of;
pub(crate) use self::talk::{Family, Place, Talk};
use crate::interpreter::Guest;
use crate::limits::LimitHit;
use crate::queue::Item;

/// Everything that Wasmtime generates from `wit/`.
pub(crate) mod bindings {
    #![allow(missing_docs, unreachable_pub)]

    wasmtime::component::bindgen!({
        path: "../wit",
        world: "worker",
        imports: {
            "wasm-pool:interpreters/queues.[method]queue.put": async | trappable,
            "wasm-pool:interpreters/queues.[method]queue.put-many": async | trappable,
            "wasm-pool:interpreters/queues.[method]queue.get": async | trappable,
            "wasm-pool:interpreters/queues.[method]queue.get-many": async | trappable,
            "wasm-pool:interpreters/queues.select": async | trappable,
            "wasm-pool:interpreters/interpreters.[method]interpreter.prepare-main": async | trappable,
            "wasm-pool:interpreters/interpreters.[method]interpreter.exec": async | trappable,
            "wasm-pool:interpreters/interpreters.[method]interpreter.call": async | trappable,
            "wasm-pool:interpreters/interpreters.[method]thread.join": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasm-pool:interpreters/queues.queue": crate::hostcalls::queues::Handle,
            "wasm-pool:interpreters/interpreters.interpreter": crate::interpreter::Interpreter,
            "wasm-pool:interpreters/interpreters.thread": crate::hostcalls::interpreters::Thread,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
        require_store_data_send: true,
    });
}

pub(crate) use self::bindings::wasm_pool::interpreters::{interpreters as wit_interpreters, queues as wit};
pub(crate) use self::bindings::{Worker, WorkerPre};

/// The package whose import makes a guest one that talks.
pub(crate) const PACKAGE: &str = "wasm-pool:interpreters/";

/// A guest while it calls.
pub(crate) struct Speaker<'a>(&'a mut Guest);

struct Speakers;

impl HasData for Speakers {
    type Data<'a> = Speaker<'a>;
}

impl<'a> Speaker<'a> {
    /// What it may use, and its handles.
    fn parts(&mut self) -> wasmtime::Result<(&mut Talk, &mut ResourceTable)> {
        Speaker(self.0).into_parts()
    }

    fn into_parts(self) -> wasmtime::Result<(&'a mut Talk, &'a mut ResourceTable)> {
        match self.0.talk_and_table() {
            (Some(talk), table) => Ok((talk, table)),
            (None, _) => wasmtime::bail!("this interpreter was not set up to talk"),
        }
    }
}

/// Items as arguments for a guest, with the handles that come with them; none of them when it has no room for those.
pub(crate) fn hand_over(guest: &mut Guest, items: Vec<Item>) -> wasmtime::Result<Result<Vec<wit::Item>, LimitHit>> {
    let more = items.iter().filter(|item| matches!(item, Item::Queue(_))).count();
    let asked = if more > 0 { guest.handles() + more } else { 0 };
    let most = guest.most_handles();
    let (talk, table) = Speaker(guest).into_parts()?;
    if asked > most {
        return Ok(Err(talk.handles_limit(asked as u64)));
    }
    let given = items.into_iter().map(|item| convert::to_guest(talk, table, item));
    given.collect::<wasmtime::Result<_>>().map(Ok)
}

/// An item that a guest gave as a result; or what is wrong with it.
pub(crate) fn take_back(guest: &mut Guest, item: wit::Item) -> wasmtime::Result<Result<Item, String>> {
    let (talk, table) = Speaker(guest).into_parts()?;
    convert::from_guest(talk, table, item)
}

/// Offers the interfaces to components.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wit::add_to_linker::<_, Speakers>(linker, |guest| Speaker(guest))?;
    wit_interpreters::add_to_linker::<_, Speakers>(linker, |guest| Speaker(guest))
}

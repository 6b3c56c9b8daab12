//! What a service offers to its guests besides WASI: functions of its own, by interface.
//!
//! They are made with Wasmtime's linkers: plain closures (`linker.instance(…)?.func_wrap(…)`) or what
//! `wasmtime::component::bindgen!` generates (`Plugin::add_to_linker`). Each sees in its store's [`Guest`] who calls. What guests
//! wait for in them is covered by deadlines and kills, since a call is a future on a fiber; a function that blocks its thread
//! instead holds a worker, as it would hold one of any async runtime's.

use std::sync::Arc;

use wasmtime::Linker as ModuleLinker;
use wasmtime::component::Linker as ComponentLinker;

use crate::interpreter::Guest;

/// Whether host functions return at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCalls {
    /// They return at once, so guests that import them can be called directly. They must be synchronous.
    Prompt,
    /// They may wait: guests that import them run on fibers.
    Waiting,
}

/// Functions that are offered under one interface.
#[derive(Clone)]
pub(crate) struct Offer {
    interface: String,
    calls: HostCalls,
    add: Add,
}

type To<L> = Arc<dyn Fn(&mut L) -> wasmtime::Result<()> + Send + Sync>;

#[derive(Clone)]
enum Add {
    Components(To<ComponentLinker<Guest>>),
    Modules(To<ModuleLinker<Guest>>),
}

impl Offer {
    pub(crate) fn to_components(
        interface: &str,
        calls: HostCalls,
        add: impl Fn(&mut ComponentLinker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Offer {
        Offer {
            interface: interface.to_owned(),
            calls,
            add: Add::Components(Arc::new(add)),
        }
    }

    pub(crate) fn to_modules(
        module: &str,
        calls: HostCalls,
        add: impl Fn(&mut ModuleLinker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Offer {
        Offer {
            interface: module.to_owned(),
            calls,
            add: Add::Modules(Arc::new(add)),
        }
    }

    /// Whether it offers this interface, whatever its version, to be called without waiting.
    pub(crate) fn is_prompt_for(&self, interface: &str) -> bool {
        let rest = interface.strip_prefix(&*self.interface);
        self.calls == HostCalls::Prompt && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    }

    fn fits(&self, prompt_only: bool) -> bool {
        !prompt_only || self.calls == HostCalls::Prompt
    }
}

/// Adds the offers to what components may import; with `prompt_only`, those that never wait.
pub(crate) fn for_components(
    offers: &[Offer],
    prompt_only: bool,
    linker: &mut ComponentLinker<Guest>,
) -> wasmtime::Result<()> {
    for offer in offers.iter().filter(|offer| offer.fits(prompt_only)) {
        if let Add::Components(add) = &offer.add {
            add(linker)?;
        }
    }
    Ok(())
}

/// Adds the offers to what core modules may import; with `prompt_only`, those that never wait.
pub(crate) fn for_modules(
    offers: &[Offer],
    prompt_only: bool,
    linker: &mut ModuleLinker<Guest>,
) -> wasmtime::Result<()> {
    for offer in offers.iter().filter(|offer| offer.fits(prompt_only)) {
        if let Add::Modules(add) = &offer.add {
            add(linker)?;
        }
    }
    Ok(())
}

//! A program's code with its imports resolved, and what it can be used for.

use wasmtime_wasi::p2::bindings::CommandPre;

use super::{Code, Entry, types};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hostcalls::WorkerPre;
use crate::interpreter::Guest;

/// What an interpreter takes at its start; `None` when that cannot be told beforehand.
pub(super) fn resources(code: &Code) -> Option<wasmtime::ResourcesRequired> {
    match code {
        Code::Module(module) => Some(module.resources_required()),
        Code::Component(component) => component.resources_required(),
    }
}

/// Refuses a program of more memories or tables than each interpreter of this engine may have.
pub(super) fn check_parts(engine: &Engine, code: &Code) -> Result<()> {
    let Some(required) = resources(code) else { return Ok(()) };
    let parts = engine.parts();
    for (what, found, most) in [
        ("memories", required.num_memories, parts.memories),
        ("tables", required.num_tables, parts.tables),
    ] {
        if found > most {
            return Err(Error::refused(format!(
                "its {found} {what} are more than the {most} that each of {} instances at once may have",
                engine.instances()
            )));
        }
    }
    Ok(())
}

/// A module with its imports.
pub(super) fn resolved_module(
    linker: &wasmtime::Linker<Guest>,
    module: &wasmtime::Module,
) -> Result<wasmtime::InstancePre<Guest>> {
    linker
        .instantiate_pre(module)
        .map_err(|error| match error.downcast_ref::<wasmtime::UnknownImportError>() {
            Some(unknown) => Error::refused(format!(
                "imports {:?} from {:?}, which this host does not offer; a core module may import {}",
                unknown.name(),
                unknown.module(),
                crate::wasi::PREVIEW1
            )),
            None => Error::refused(format!("an import does not fit: {error:#}")),
        })
}

/// A component with its imports.
pub(super) fn resolved_component(
    linker: &wasmtime::component::Linker<Guest>,
    component: &wasmtime::component::Component,
) -> Result<wasmtime::component::InstancePre<Guest>> {
    linker
        .instantiate_pre(component)
        .map_err(|error| Error::refused(format!("an import is not offered or does not fit: {error:#}")))
}

/// A module's `_start`, or why it is no command.
pub(super) fn module_entry(module: &wasmtime::Module, pre: &wasmtime::InstancePre<Guest>) -> Result<Entry, String> {
    use wasmtime::ExternType;
    let index = module.get_export_index("_start");
    match module.get_export("_start").zip(index) {
        Some((ExternType::Func(ty), start)) if ty.params().len() == 0 && ty.results().len() == 0 => Ok(Entry::Start {
            module: pre.clone(),
            start,
        }),
        Some((ty @ ExternType::Func(_), _)) => Err(format!(
            "its `_start` is {}, where a command's takes and gives nothing",
            types::extern_type(&ty)
        )),
        Some(_) => Err("its `_start` is not a function, so it is no command".to_owned()),
        None => {
            let names = module.exports().map(|export| export.name().to_owned());
            Err(format!(
                "no command: a core module needs an exported function `_start`, and this one exports {}",
                list(names)
            ))
        }
    }
}

/// What a component can be used for.
pub(super) type Entries = (Result<Entry, String>, Option<WorkerPre<Guest>>);

/// A component's `wasi:cli/run`, or why it is no command, and its `task`.
pub(super) fn component_entries(
    engine: &Engine,
    component: &wasmtime::component::Component,
    pre: &wasmtime::component::InstancePre<Guest>,
) -> Entries {
    let worker = WorkerPre::new(pre.clone()).ok();
    let command = CommandPre::new(pre.clone()).map(Entry::Run).map_err(|_| {
        let ty = component.component_type();
        let names: Vec<_> = ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        format!(
            "no command: a component needs the export `wasi:cli/run`, and this one exports {}",
            list(names.into_iter())
        )
    });
    (command, worker)
}

/// Names for a message: at most eight.
pub(super) fn list(names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    match names.len() - SHOWN.min(names.len()) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

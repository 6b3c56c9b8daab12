//! What a program imports and exports, what it wants to be granted, and whether it can block: facts for people.

use std::fmt;

use wasmtime::component::types::ComponentItem;

use super::types::{CUT, core_function_type, extern_type, function_type, wit};
use super::{Code, Program};
use crate::text;

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The module or interface it belongs to; empty for one that stands alone.
    pub interface: String,
    /// Its name, escaped.
    pub name: String,
    /// Its type, in WIT's or WebAssembly's words.
    pub ty: String,
}

/// Whether a program can wait for something, so that its calls need a fiber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocking {
    /// It imports nothing that can wait.
    Never,
    /// These imports can wait.
    Through(Vec<String>),
}

impl fmt::Display for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocking::Never => f.write_str("never: it imports nothing that can wait"),
            Blocking::Through(imports) => write!(f, "can wait in {}", imports.join(", ")),
        }
    }
}

/// Something a program can use only when it is granted, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Folders: `--dir`.
    Files,
    /// Environment variables: `--env`.
    Environment,
    /// The network, which cannot be granted.
    Network,
}

/// Preview 1's functions that never wait; what is not here may.
const PROMPT: [&str; 12] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "proc_exit",
    "random_get",
];

/// The interfaces of WASI 0.2 that never wait; what is not here may.
const PROMPT_INTERFACES: [&str; 10] = [
    "wasi:cli/environment@",
    "wasi:cli/exit@",
    "wasi:cli/stderr@",
    "wasi:cli/stdin@",
    "wasi:cli/stdout@",
    "wasi:cli/terminal-",
    "wasi:clocks/monotonic-clock@",
    "wasi:clocks/wall-clock@",
    "wasi:io/error@",
    "wasi:random/",
];

/// How a resource is described: as a type alone it cannot do anything.
const RESOURCE: &str = "resource";

/// Whether it imports queues or interpreters.
pub(super) fn talks(engine: &crate::Engine, code: &Code) -> bool {
    match code {
        Code::Module(_) => false,
        Code::Component(component) => component
            .component_type()
            .imports(engine.wasmtime())
            .any(|(name, _)| name.starts_with(crate::hostcalls::PACKAGE)),
    }
}

impl Program {
    /// What it imports.
    pub fn imports(&self) -> Vec<Item> {
        let mut items = Items::new();
        match self.code() {
            Code::Module(module) => {
                for import in module.imports() {
                    items.add(import.module(), import.name(), || extern_type(&import.ty()));
                }
            }
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                for (name, import) in ty.imports(engine) {
                    items.add_component_s(engine, name, &import.ty);
                }
            }
        }
        items.items
    }

    /// What it exports.
    pub fn exports(&self) -> Vec<Item> {
        let mut items = Items::new();
        match self.code() {
            Code::Module(module) => {
                for export in module.exports() {
                    items.add("", export.name(), || extern_type(&export.ty()));
                }
            }
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                for (name, export) in ty.exports(engine) {
                    items.add_component_s(engine, name, &export.ty);
                }
            }
        }
        items.items
    }

    /// Whether it can wait, judged by what it imports.
    pub fn blocking(&self) -> Blocking {
        let imports = self.imports().into_iter().filter(|import| import.ty != RESOURCE);
        let mut waiting: Vec<_> = imports
            .filter_map(|import| {
                if import.interface == crate::wasi::PREVIEW1 {
                    return (!PROMPT.contains(&import.name.as_str())).then_some(import.name);
                }
                // What a world imports without an interface stands for itself.
                let interface = if import.interface.is_empty() {
                    import.name
                } else {
                    import.interface
                };
                let prompt = PROMPT_INTERFACES.iter().any(|known| interface.starts_with(known))
                    || self.engine().offers_promptly(&interface);
                (!prompt).then_some(interface)
            })
            .collect();
        waiting.sort();
        waiting.dedup();
        if waiting.is_empty() {
            Blocking::Never
        } else {
            Blocking::Through(waiting)
        }
    }

    /// What it would use if it were granted, judged by what it imports.
    pub fn needs(&self) -> Vec<Need> {
        let mut needs: Vec<_> = self
            .imports()
            .iter()
            .filter_map(|import| match import.interface.as_str() {
                crate::wasi::PREVIEW1 if import.name.starts_with("path_") => Some(Need::Files),
                crate::wasi::PREVIEW1 if import.name == "environ_get" => Some(Need::Environment),
                crate::wasi::PREVIEW1 if import.name.starts_with("sock_") => Some(Need::Network),
                name if name.starts_with("wasi:filesystem/") => Some(Need::Files),
                name if name.starts_with("wasi:cli/environment@") => Some(Need::Environment),
                name if name.starts_with("wasi:sockets/") => Some(Need::Network),
                _ => None,
            })
            .collect();
        needs.sort();
        needs.dedup();
        needs
    }
}

/// Everything that is described together is this long at most; what comes after it has no types.
const ALL_TYPES: usize = 4 << 20;

/// What is described together.
struct Items {
    items: Vec<Item>,
    left: usize,
}

impl Items {
    fn new() -> Items {
        Items {
            items: Vec::new(),
            left: ALL_TYPES,
        }
    }

    fn add(&mut self, interface: &str, name: &str, ty: impl FnOnce() -> String) {
        let ty = match self.left {
            0 => CUT.to_owned(),
            _ => text::one_line(&ty()),
        };
        self.left = self.left.saturating_sub(ty.len());
        self.items.push(Item {
            interface: text::one_line(interface),
            name: text::one_line(name),
            ty,
        });
    }

    /// An entry of a component's type; an interface becomes its functions.
    fn add_component_s(&mut self, engine: &wasmtime::Engine, name: &str, entry: &ComponentItem) {
        match entry {
            ComponentItem::ComponentInstance(instance) => {
                for (function, export) in instance.exports(engine) {
                    match export.ty {
                        ComponentItem::ComponentFunc(ty) => self.add(name, function, || function_type(&ty)),
                        ComponentItem::Resource(_) => self.add(name, function, || RESOURCE.to_owned()),
                        _ => {}
                    }
                }
            }
            ComponentItem::ComponentFunc(ty) => self.add("", name, || function_type(ty)),
            ComponentItem::CoreFunc(ty) => self.add("", name, || core_function_type(ty)),
            ComponentItem::Module(_) => self.add("", name, || "core module".to_owned()),
            ComponentItem::Component(_) => self.add("", name, || "component".to_owned()),
            ComponentItem::Type(ty) => self.add("", name, || format!("type {}", wit(ty))),
            ComponentItem::Resource(_) => self.add("", name, || RESOURCE.to_owned()),
        }
    }
}

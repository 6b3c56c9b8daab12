//! What a program imports and exports, what it wants to be granted, and whether it can block: facts for people.

use std::fmt;

use wasmtime::ExternType;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

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
        match self.code() {
            Code::Module(module) => module
                .imports()
                .map(|import| item(import.module(), import.name(), extern_type(&import.ty())))
                .collect(),
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                ty.imports(engine)
                    .flat_map(|(name, import)| component_items(engine, name, &import.ty))
                    .collect()
            }
        }
    }

    /// What it exports.
    pub fn exports(&self) -> Vec<Item> {
        match self.code() {
            Code::Module(module) => module
                .exports()
                .map(|export| item("", export.name(), extern_type(&export.ty())))
                .collect(),
            Code::Component(component) => {
                let engine = self.engine().wasmtime();
                let ty = component.component_type();
                ty.exports(engine)
                    .flat_map(|(name, export)| component_items(engine, name, &export.ty))
                    .collect()
            }
        }
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

fn item(interface: &str, name: &str, ty: String) -> Item {
    Item {
        interface: text::one_line(interface),
        name: text::one_line(name),
        ty: text::one_line(&ty),
    }
}

pub(super) fn extern_type(ty: &ExternType) -> String {
    match ty {
        ExternType::Func(func) => {
            let list = |types: &mut dyn Iterator<Item = wasmtime::ValType>| {
                types.map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ")
            };
            let (params, results) = (list(&mut func.params()), list(&mut func.results()));
            match results.as_str() {
                "" => format!("func({params})"),
                results => format!("func({params}) -> {results}"),
            }
        }
        ExternType::Global(global) => format!("global {}", global.content()),
        ExternType::Table(table) => match table.maximum() {
            Some(maximum) => format!("table of {} to {maximum} elements", table.minimum()),
            None => format!("table of {} elements and more", table.minimum()),
        },
        ExternType::Memory(memory) => match memory.maximum() {
            Some(maximum) => format!("memory of {} to {maximum} pages", memory.minimum()),
            None => format!("memory of {} pages and more", memory.minimum()),
        },
        ExternType::Tag(_) => "tag".to_owned(),
    }
}

/// One entry of a component's type; an interface becomes its functions.
fn component_items(engine: &wasmtime::Engine, name: &str, entry: &ComponentItem) -> Vec<Item> {
    match entry {
        ComponentItem::ComponentInstance(instance) => {
            let functions = instance
                .exports(engine)
                .filter_map(|(function, export)| match export.ty {
                    ComponentItem::ComponentFunc(ty) => Some(item(name, function, function_type(&ty))),
                    ComponentItem::Resource(_) => Some(item(name, function, RESOURCE.to_owned())),
                    _ => None,
                });
            functions.collect()
        }
        ComponentItem::ComponentFunc(ty) => vec![item("", name, function_type(ty))],
        ComponentItem::CoreFunc(ty) => vec![item("", name, ty.to_string())],
        ComponentItem::Module(_) => vec![item("", name, "core module".to_owned())],
        ComponentItem::Component(_) => vec![item("", name, "component".to_owned())],
        ComponentItem::Type(ty) => vec![item("", name, format!("type {}", wit(ty)))],
        ComponentItem::Resource(_) => vec![item("", name, RESOURCE.to_owned())],
    }
}

pub(super) fn function_type(func: &ComponentFunc) -> String {
    let params: Vec<_> = func
        .params()
        .map(|(name, ty)| format!("{name}: {}", wit(&ty)))
        .collect();
    let results: Vec<_> = func.results().map(|ty| wit(&ty)).collect();
    match results.as_slice() {
        [] => format!("func({})", params.join(", ")),
        results => format!("func({}) -> {}", params.join(", "), results.join(", ")),
    }
}

/// A type in WIT's words. Component types carry no names of their own, so records and variants are spelled out.
pub(crate) fn wit(ty: &Type) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::Float32 => "f32".to_owned(),
        Type::Float64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(inner) => format!("list<{}>", wit(&inner.ty())),
        Type::FixedLengthList(inner) => format!("list<{}, {}>", wit(&inner.ty()), inner.len()),
        Type::Map(map) => format!("map<{}, {}>", wit(&map.key()), wit(&map.value())),
        Type::Record(record) => {
            let fields = record
                .fields()
                .map(|field| format!("{}: {}", field.name, wit(&field.ty)));
            format!("record {{ {} }}", list(fields.collect()))
        }
        Type::Tuple(tuple) => format!("tuple<{}>", list(tuple.types().map(|ty| wit(&ty)).collect())),
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| match case.ty {
                Some(ty) => format!("{}({})", case.name, wit(&ty)),
                None => case.name.to_owned(),
            });
            format!("variant {{ {} }}", list(cases.collect()))
        }
        Type::Enum(names) => format!("enum {{ {} }}", list(names.names().map(str::to_owned).collect())),
        Type::Flags(names) => format!("flags {{ {} }}", list(names.names().map(str::to_owned).collect())),
        Type::Option(inner) => format!("option<{}>", wit(&inner.ty())),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", wit(&ok)),
            (ok, Some(err)) => format!("result<{}, {}>", ok.map_or("_".to_owned(), |ok| wit(&ok)), wit(&err)),
        },
        Type::Own(_) => "resource".to_owned(),
        Type::Borrow(_) => "borrow<resource>".to_owned(),
        Type::Future(inner) => format!("future<{}>", inner.ty().map_or(String::new(), |ty| wit(&ty))),
        Type::Stream(inner) => format!("stream<{}>", inner.ty().map_or(String::new(), |ty| wit(&ty))),
        Type::ErrorContext => "error-context".to_owned(),
    }
}

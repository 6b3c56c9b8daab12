//! `wasm-pool cache`

use wasm_pool::{ByteSize, Cache, text, units};

use crate::args::{CacheArgs, CacheVerb};
use crate::report;

pub(crate) fn cache(args: &CacheArgs) -> anyhow::Result<u8> {
    let Some(folder) = Cache::default_folder() else {
        anyhow::bail!("there is no home folder, so there is no code cache");
    };
    let cache = Cache::open(folder)?;
    let limit = units::show_size(cache.limit());
    let (verb, what, of) = match args.verb {
        CacheVerb::Info => ("holds", cache.info(), format!(" of at most {limit}")),
        CacheVerb::Clean => ("was emptied of", cache.clean()?, String::new()),
    };
    let folder = text::one_line(&cache.folder().display().to_string());
    let size = units::show_size(ByteSize::b(what.bytes));
    report::to_stdout(|out| writeln!(out, "{folder} {verb} {} programs, {size}{of}", what.entries))
}

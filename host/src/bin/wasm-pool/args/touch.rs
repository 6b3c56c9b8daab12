//! What guests may touch.

use clap::Args;
use wasm_pool::grants::DirGrant;

#[derive(Debug, Args)]
#[command(next_help_heading = "Grants (nothing is granted by default)")]
pub(crate) struct GrantArgs {
    /// A folder the guests may use, under a name of theirs; read-only unless it ends in `:rw`.
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro|:rw]")]
    pub dirs: Vec<DirGrant>,

    /// An environment variable, with a value or the host's; for `run`, `{instance}` in the value is the instance's number.
    #[arg(long = "env", value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,
}

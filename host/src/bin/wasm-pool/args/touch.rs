//! What guests may touch.

use std::str::FromStr;

use clap::Args;
use wasm_pool::grants::{Access, DirGrant};

#[derive(Debug, Args)]
#[command(next_help_heading = "Grants (nothing is granted by default)")]
pub(crate) struct GrantArgs {
    /// A folder the guests may use, under a name of theirs; read-only unless it ends in `:rw`.
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro|:rw]")]
    pub dirs: Vec<DirSpec>,

    /// An environment variable, with a value or the host's; for `run`, `{instance}` in the value is the instance's number.
    #[arg(long = "env", value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,
}

/// `--dir`
#[derive(Debug, Clone)]
pub(crate) struct DirSpec(pub DirGrant);

impl FromStr for DirSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<DirSpec, String> {
        let (text, access) = match (text.strip_suffix(":rw"), text.strip_suffix(":ro")) {
            (Some(text), _) => (text, Access::ReadWrite),
            (_, Some(text)) => (text, Access::ReadOnly),
            _ => (text, Access::ReadOnly),
        };
        let (host, guest) = text.split_once("::").unwrap_or_default();
        if host.is_empty() || guest.is_empty() || guest.contains([':', '\0']) {
            return Err("expected HOST::GUEST, such as ./data::/data or ./out::/out:rw".to_owned());
        }
        Ok(DirSpec(DirGrant {
            host: host.into(),
            guest: guest.to_owned(),
            access,
        }))
    }
}

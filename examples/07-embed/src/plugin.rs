//! The plugin: what it may use, what it may call, how it is called and how it is replaced.
//!
//! - **What it may touch**: nothing but `log` and `caller` of its world's `host`; no file, no network, no other call.
//! - **What bounds a call**: memory and time of the [`Settings`]; lines of the log. What it does beyond that ends this call and
//!   nobody else's.
//! - **What it leaves behind**: nothing. Each call has a fresh interpreter.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use wasm_pool::calls::Pending;
use wasm_pool::{
    Engine, Executor, Future, FutureError, Guest, HostCalls, Limits, Pool, Program, Setup, Shutdown, text,
};
use wasmtime::component::HasSelf;

use crate::failure::Failure;
use crate::settings::Settings;

mod bindings {
    #![allow(missing_docs, unreachable_pub)]

    wasmtime::component::bindgen!({ path: "wit", world: "transform", exports: { default: async } });
}

use bindings::Transform;
use bindings::demo::text::host;

/// How many lines a call may log. The log is the service's own: nobody may flood it.
const LOG_LINES: u32 = 10;

/// The plugin that is called at the moment. Calls go on while another one takes over.
pub struct Plugin {
    limits: Limits,
    pool: Pool,
    executor: Executor,
    /// Held while a new one is compiled: one at a time, and the last one to come is the last one to take over.
    replacing: Mutex<()>,
}

impl Plugin {
    /// Loads the plugin of the settings. Compiles it.
    ///
    /// # Errors
    /// When it is no such plugin, or this machine cannot run as many as was asked for.
    pub async fn load(settings: &Settings) -> Result<Plugin, Failure> {
        let limits = settings.limits();
        let engine = Engine::builder()
            .limits(&limits)
            // One more is tried out before it takes over.
            .instances(settings.running + 1)
            .host_functions("demo:text/host", HostCalls::Prompt, |linker| {
                Transform::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
            })
            .build()?;
        let program = Program::from_file_async(&engine, &settings.plugin, &limits).await?;
        let pool = Pool::new(&engine)?;
        try_out(&pool, &program, &limits).await?;
        let executor = Executor::builder(&pool, &program)
            .setup(setup(&limits))
            .interpreters(settings.running as usize)
            .waiting(settings.waiting)
            .build()?;
        Ok(Plugin {
            limits,
            pool,
            executor,
            replacing: Mutex::new(()),
        })
    }

    /// What the plugin makes of the text. When this future is dropped, since nobody waits for the answer any more, the call ends.
    ///
    /// # Errors
    /// The plugin's own, how it was ended, or why it was not called.
    pub async fn transform(&self, caller: String, text: String) -> Result<String, Failure> {
        let call = self.executor.submit_typed(move |store, instance| {
            Box::pin(async move {
                store.data_mut().set_context(Caller::new(caller));
                let plugin = Transform::new(&mut *store, instance)?;
                plugin.call_transform(store, &text).await
            })
        })?;
        Call(call).await?.map_err(Failure::Declined)
    }

    /// Compiles a component, tries it out, and lets new calls go to it; those that are there finish on the one before. When it
    /// is no such plugin nothing changes.
    ///
    /// # Errors
    /// [`Failure::Plugin`]: why it cannot take over.
    pub async fn replace(&self, component: Vec<u8>) -> Result<(), Failure> {
        let _first = self.replacing.lock().await;
        let (before, limits) = (self.executor.program(), self.limits.clone());
        // It keeps the name, which is the label of its metrics.
        let compile = move || Program::from_bytes(before.engine(), before.name(), &component, &limits);
        let compiled = tokio::task::spawn_blocking(compile).await;
        let program = match compiled {
            Ok(program) => program.map_err(|error| Failure::Plugin(error.to_string()))?,
            Err(lost) => return Err(Failure::Plugin(lost.to_string())),
        };
        try_out(&self.pool, &program, &self.limits).await?;
        Ok(self.executor.replace(&program)?)
    }

    /// Tells the metrics how many interpreters there are and how much memory they have.
    pub fn observe(&self) {
        self.pool.observe();
    }

    /// Takes no more calls, and waits for those that it took.
    ///
    /// # Errors
    /// When the system gives no thread to wait on.
    pub async fn shut_down(&self) -> Result<(), Failure> {
        self.executor.shutdown_async(Pending::Run).await?;
        Ok(self.pool.shutdown_async(Shutdown::Wait).await?)
    }
}

fn setup(limits: &Limits) -> Setup {
    Setup {
        limits: limits.clone(),
        ..Setup::default()
    }
}

/// Whether a program starts within the limits, and has the functions of the world.
async fn try_out(pool: &Pool, program: &Program, limits: &Limits) -> Result<(), Failure> {
    let executor = Executor::builder(pool, program)
        .setup(setup(limits))
        .interpreters(1)
        .build()?;
    let bind = executor.submit_typed(|store, instance| {
        Box::pin(async move { Ok(Transform::new(store, instance).map_err(|error| format!("{error:#}"))) })
    });
    let bound = match bind {
        Ok(bound) => bound.await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // The place is the next one's.
    executor.shutdown_async(Pending::Cancel).await?;
    bound.and_then(|bound| bound.map(drop)).map_err(Failure::Plugin)
}

/// For whom a call is.
struct Caller {
    name: String,
    lines: AtomicU32,
}

impl Caller {
    fn new(name: String) -> Caller {
        Caller {
            name,
            lines: AtomicU32::new(0),
        }
    }
}

/// What the service offers its plugins. A plugin that calls it while it starts is nobody's yet.
impl host::Host for Guest {
    fn log(&mut self, message: String) {
        if let Some(caller) = self.context::<Caller>()
            && caller.lines.fetch_add(1, Relaxed) < LOG_LINES
        {
            let (name, message) = (text::one_line(&caller.name), text::one_line(&message));
            tracing::info!(plugin = self.program().name(), caller = name, "{message}");
        }
    }

    fn caller(&mut self) -> String {
        self.context::<Caller>()
            .map_or_else(String::new, |caller| caller.name.clone())
    }
}

/// A call that ends when nobody waits for it any more.
struct Call<T>(Future<T>);

impl<T> std::future::Future for Call<T> {
    type Output = Result<T, FutureError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

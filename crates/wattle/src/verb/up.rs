//! `wattle up`: an app in the foreground, until somebody says stop.

use std::sync::Arc;

use tokio::net::UnixListener;
use wattle_host::Host;
use wattle_spec::app::App;
use wattle_spec::manifest::Pull;

use super::serving::{self, Serving, tell_end, until_stopped};
use super::stop::Stop;
use crate::app_file::AppFile;
use crate::artifacts::Asking;
use crate::cli::Up;
use crate::control::{Control, Place};
use crate::listeners::Listeners;
use crate::problem::Problem;
use crate::{kept, told};

pub(crate) fn run(arguments: Up) -> Result<(), Problem> {
    let pull = if arguments.offline { Some(Pull::Never) } else { arguments.pull };
    let asking = match arguments.locked {
        true => Asking::Locked { pull },
        false => Asking::Registries { pull },
    };
    let mut file = AppFile::read(&arguments.what, asking)?;
    kept::recall(&mut file, arguments.data_dir.as_deref())?;
    let mut app = file.resolve()?;
    file.keep_lock();
    for component in app.components.values_mut() {
        component.env.extend(arguments.env.iter().cloned());
    }
    serving::run(&arguments.serving, &file.host, async |serving| serve(&arguments, &file, &app, serving).await)
}

async fn serve(arguments: &Up, file: &AppFile, app: &App, mut serving: Serving<'_>) -> Result<(), Problem> {
    let stop = Stop::install()?;
    let socket = open_control(&serving).await?;
    let doors = serving.doors(socket)?;
    let host = serving.host(doors.is_some());
    let host = Arc::new(kept::add_to(host, file, app, arguments.data_dir.as_deref())?.build()?);
    told::defaults::log(&app.id, &file.explain()?);
    let listeners = Arc::new(serving.listeners(&host));
    let control = doors.map(|doors| Control::start(doors, serving.served(&host, &listeners)));
    let ended = serve_app((&host, &listeners), (file, app), &mut serving, stop).await;
    tell_end(&serving.ending, &ended);
    match (control, &ended) {
        // The process ends at once.
        (_, Err(Problem::Interrupted)) | (None, _) => {}
        (Some(control), _) => control.end().await,
    }
    ended
}

/// Runs the app on `host` until somebody says stop.
async fn serve_app(
    (host, listeners): (&Host, &Listeners),
    (file, app): (&AppFile, &App),
    serving: &mut Serving<'_>,
    mut stop: Stop,
) -> Result<(), Problem> {
    serving.watch(host)?;
    tokio::select! {
        started = host.start(app, &file.bytes) => started?,
        _ = stop.asked() => return Ok(()),
        () = serving.ending.asked() => return Ok(()),
    }
    file.runs(app)?;
    serving.listen(listeners).await?;
    until_stopped(host, stop, &serving.ending).await
}

/// The control socket. That there is none is only a failure if somebody asked for it.
async fn open_control(serving: &Serving<'_>) -> Result<Option<(Place, UnixListener)>, Problem> {
    match serving.control_socket().await {
        Some(Err(error)) if serving.names_control_socket() => Err(Problem::ControlSocket(error)),
        Some(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "there is no control socket: `wattle ps` and others will not find this host");
            Ok(None)
        }
        Some(Ok(socket)) => Ok(Some(socket)),
        None => Ok(None),
    }
}

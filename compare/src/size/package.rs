//! A minimal echo server as a package of its own: written, built from nothing, stripped and tried out.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server, and what its package depends on.
pub struct Server {
    pub name: &'static str,
    dependencies: &'static str,
    source: &'static str,
}

/// What stands for the path of this repository in a dependency.
const HERE: &str = "HERE";

pub static SERVERS: [Server; 9] = [
    server("hand", "libc = '0.2'", include_str!("../../examples/echo_hand.rs")),
    server(
        "ringmq",
        "ringmq = { path = 'HERE', default-features = false }",
        include_str!("../../examples/echo_ringmq.rs"),
    ),
    server(
        "ringmq-stream",
        "ringmq = { path = 'HERE', default-features = false }",
        include_str!("../../examples/echo_ringmq_stream.rs"),
    ),
    server(
        "ringmq-framed",
        "ringmq = { path = 'HERE', default-features = false, features = ['codec'] }",
        include_str!("../../examples/echo_ringmq_framed.rs"),
    ),
    server(
        "ringmq-default",
        "ringmq = { path = 'HERE' }",
        include_str!("../../examples/echo_ringmq_framed.rs"),
    ),
    server(
        "mio",
        "mio = { version = '1', features = ['net', 'os-poll'] }",
        include_str!("../../examples/echo_mio.rs"),
    ),
    server("polling", "polling = '3'", include_str!("../../examples/echo_polling.rs")),
    server("calloop", "calloop = '0.14'", include_str!("../../examples/echo_calloop.rs")),
    server(
        "tokio",
        "tokio = { version = '1', features = ['io-util', 'net', 'rt'] }",
        include_str!("../../examples/echo_tokio.rs"),
    ),
];

const fn server(name: &'static str, dependencies: &'static str, source: &'static str) -> Server {
    Server { name, dependencies, source }
}

/// How long a server may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server as a package on the disk.
pub struct Package {
    pub server: &'static Server,
    folder: PathBuf,
}

/// How long a build took.
#[derive(Clone)]
pub struct Built {
    pub seconds: f64,
    /// Of the processors, which all processes of the build had together.
    pub processor_seconds: f64,
}

impl Package {
    /// Writes it, and fetches what it depends on.
    pub fn write(server: &'static Server) -> Result<Package, Box<dyn Error>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("this package lies in no folder")?;
        let folder = here.join("target/compare/size").join(server.name);
        fs::create_dir_all(folder.join("src"))?;
        let dependencies = server.dependencies.replace(HERE, &here.to_string_lossy());
        let manifest = format!(
            "[package]\nname = 'server'\nversion = '0.0.0'\nedition = '2021'\n\n[workspace]\n\n[dependencies]\n{dependencies}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), server.source)?;
        let package = Package { server, folder };
        package.succeed(package.cargo("fetch").arg("-q"))?;
        Ok(package)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new("cargo");
        // What is set for this program is not meant for the one that it builds.
        cargo
            .arg(command)
            .current_dir(&self.folder)
            .env_remove("RUSTFLAGS")
            .env("CARGO_TARGET_DIR", "target");
        cargo
    }

    /// Builds it from nothing.
    pub fn build(&self) -> Result<Built, Box<dyn Error>> {
        match fs::remove_dir_all(self.folder.join("target")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let (start, before) = (Instant::now(), processor_of_children()?);
        self.succeed(self.cargo("build").args(["-q", "--release", "--offline"]))?;
        let processor_seconds = processor_of_children()? - before;
        Ok(Built { seconds: start.elapsed().as_secs_f64(), processor_seconds })
    }

    /// How many bytes it has once it is stripped.
    pub fn strip(&self) -> Result<u64, Box<dyn Error>> {
        let built = self.folder.join("target/release/server");
        self.succeed(Command::new("strip").arg("-o").arg(self.program()).arg(built))?;
        Ok(fs::metadata(self.program())?.len())
    }

    fn program(&self) -> PathBuf {
        self.folder.join("target/stripped")
    }

    /// How many crates it has linked beside its own and those that come with the compiler.
    pub fn count_crates(&self) -> Result<usize, Box<dyn Error>> {
        let format = ["-e", "normal", "--prefix", "none", "--format", "{p}", "--offline"];
        let output = self.cargo("tree").args(format).stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        // One that is named a second time has a mark behind it.
        let mut crates: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        crates.sort_unstable();
        crates.dedup();
        crates.len().checked_sub(1).ok_or_else(|| "cargo has named no crate".into())
    }

    /// Sees that it sends back what it is sent, behind a length since that is what some of them take.
    pub fn try_out(&self) -> Result<(), Box<dyn Error>> {
        let mut server = Running(Command::new(self.program()).stdout(Stdio::piped()).spawn()?);
        let mut address = String::new();
        let output = server.0.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut address)?;
        let mut stream = TcpStream::connect(address.trim())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (sent, mut received) = (*b"\0\0\0\x05hello", [0; 9]);
        stream.write_all(&sent)?;
        stream
            .read_exact(&mut received)
            .map_err(|error| format!("{}: no reply: {error}", self.server.name))?;
        match received == sent {
            true => Ok(()),
            false => Err(format!("{}: the reply is not what was sent", self.server.name).into()),
        }
    }

    fn succeed(&self, command: &mut Command) -> Result<(), Box<dyn Error>> {
        let program = command.get_program().to_string_lossy().into_owned();
        let status = command.status().map_err(|error| format!("{program}: {error}"))?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{}: {program} ended with {status}", self.server.name).into()),
        }
    }
}

/// A server's process, which does not outlive its trial.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Neither does anything if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many seconds of the processors all processes had that this one has started and waited for, and theirs.
fn processor_of_children() -> Result<f64, Box<dyn Error>> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: it is filled when the call succeeds.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) == -1 {
            return Err(std::io::Error::last_os_error().into());
        }
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

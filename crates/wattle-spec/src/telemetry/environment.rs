//! The variables of OpenTelemetry: whoever deploys a host sets them, so they come before its file.

use super::{CollectorUrlError, Parent, Ratio, RatioError, Sampling, Secret, TelemetrySpec};

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// The protocol that is spoken to collectors, as its variable calls it.
const SPOKEN: &str = "http/protobuf";

/// The variables that are understood, with what they set.
pub const VARIABLES: [(&str, &str); 7] = [
    (ENDPOINT, "`endpoint`"),
    (HEADERS, "`headers`: `name=value` with commas between them, percent-encoded"),
    (SERVICE_NAME, "`service-name`"),
    (
        SAMPLER,
        "which traces are told: `always_on`, `always_off`, `traceidratio`, each also with `parentbased_` in front",
    ),
    (SAMPLER_ARG, "`ratio`, from 0 to 1"),
    (PROTOCOL, "nothing; anything but `http/protobuf` is refused"),
    (DISABLED, "with `true`, nothing is told"),
];

/// A variable of OpenTelemetry that is not what it should be. Its value, which may be a secret, is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryVariableError {
    /// No URL of a collector.
    #[error("{ENDPOINT} cannot be used")]
    Endpoint(#[source] CollectorUrlError),
    /// No list of header fields.
    #[error("{HEADERS} cannot be used: {0}")]
    Headers(&'static str),
    /// Another protocol.
    #[error("{PROTOCOL} asks for a protocol that is not spoken here")]
    Protocol,
    /// No sampler that is known.
    #[error("{SAMPLER} names a sampler that is not known here")]
    Sampler,
    /// No number from 0 to 1.
    #[error("{SAMPLER_ARG} cannot be used")]
    Ratio(#[source] RatioError),
}

impl TelemetryVariableError {
    /// What to set instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Endpoint(error) => error.hint().into(),
            Self::Headers(_) => format!("as in {HEADERS}=authorization=Bearer%20TOKEN,x-tenant=shop"),
            Self::Protocol => format!("set it to {SPOKEN}, and {ENDPOINT} to the port for that, as a rule 4318"),
            Self::Sampler => "the samplers are always_on, always_off, traceidratio, parentbased_always_on, \
                              parentbased_always_off and parentbased_traceidratio"
                .into(),
            Self::Ratio(_) => format!("as in {SAMPLER_ARG}=0.1"),
        }
    }
}

impl TelemetrySpec {
    /// What counts where `variable` gives the environment: what it sets comes before what is set here. A variable that
    /// is empty is not set.
    ///
    /// # Errors
    ///
    /// The first variable that is not what it should be.
    pub fn in_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, TelemetryVariableError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if set(DISABLED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
            return Ok(Self { endpoint: None, ..self });
        }
        if let Some(url) = set(ENDPOINT) {
            self.endpoint = Some(url.trim().parse().map_err(TelemetryVariableError::Endpoint)?);
        }
        if self.endpoint.is_some() && set(PROTOCOL).is_some_and(|protocol| protocol.trim() != SPOKEN) {
            return Err(TelemetryVariableError::Protocol);
        }
        for field in set(HEADERS).iter().flat_map(|list| list.split(',')).filter(|field| !field.trim().is_empty()) {
            let (name, value) = read_field(field)?;
            self.headers.insert(name, value);
        }
        self.service_name = set(SERVICE_NAME).unwrap_or(self.service_name);
        self.sampling = sampling(self.sampling, set(SAMPLER), set(SAMPLER_ARG))?;
        Ok(self)
    }
}

fn sampling(
    ours: Sampling,
    sampler: Option<String>,
    argument: Option<String>,
) -> Result<Sampling, TelemetryVariableError> {
    let argument =
        argument.map(|text| Ratio::from_fraction(&text)).transpose().map_err(TelemetryVariableError::Ratio)?;
    let Some(sampler) = sampler else {
        return Ok(Sampling { ratio: argument.unwrap_or(ours.ratio), ..ours });
    };
    let (parent, name) = match sampler.trim().strip_prefix("parentbased_") {
        Some(name) => (Parent::Followed, name),
        None => (Parent::Ignored, sampler.trim()),
    };
    let ratio = match name {
        "always_on" => Ratio::ALL,
        "always_off" => Ratio::NONE,
        "traceidratio" => argument.unwrap_or(Ratio::ALL),
        _ => return Err(TelemetryVariableError::Sampler),
    };
    Ok(Sampling { ratio, parent })
}

/// `name=value`, the value percent-encoded as in a `Baggage` header field.
fn read_field(field: &str) -> Result<(String, Secret), TelemetryVariableError> {
    let wrong = TelemetryVariableError::Headers;
    let (name, value) = field.split_once('=').ok_or(wrong("a field is a name, `=` and a value"))?;
    let mut bytes = Vec::new();
    let mut rest = value.trim().bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => hex(rest.next()).zip(hex(rest.next())).map(|(high, low)| high << 4 | low),
            other => Some(other),
        };
        bytes.push(decoded.ok_or(wrong("a `%` is followed by two hexadecimal digits"))?);
    }
    let value = String::from_utf8(bytes).map_err(|_| wrong("a value is not UTF-8"))?;
    Ok((name.trim().to_ascii_lowercase(), Secret(value)))
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).map(|digit| digit as u8)
}

//! What can be typed: the tables and keys of a configuration, before any default or meaning.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use mesero::{OnDisconnect, Rate};
use serde::Deserialize;
use toml::Spanned;

use super::elements::Setting;
use super::elements::address::Address;
use super::elements::application::Application;
use super::elements::argument::ArgumentText;
use super::elements::budget::Budget;
use super::elements::cache::CacheSettings;
use super::elements::count::Count;
use super::elements::delay::Delay;
use super::elements::fraction::Share;
use super::elements::list_target::ListTarget;
use super::elements::media_type::MediaType;
use super::elements::off::OrOff;
use super::elements::one_or_many::OneOrMany;
use super::elements::route_path::RoutePath;
use super::elements::size::Size;
use super::elements::target::Target;
use super::elements::upstream::Upstream;
use super::elements::word::{Http2, ReplyForm};
use super::schema::described;

/// A table whose keys are names that the writer chose.
pub(crate) type Named<T> = BTreeMap<Spanned<String>, T>;

described! {
    /// The whole file.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a configuration")]
    pub(super) struct Document {
        #[serde(default)]
        pub(super) server: Server,
        #[serde(default)]
        pub(super) resource: Named<Spanned<Resource>>,
        #[serde(default)]
        pub(super) route: Vec<Spanned<Route>>,
    }

    /// `[server]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [server]")]
    pub(crate) struct Server {
        pub(super) listen: Option<Setting<OneOrMany<Address>>>,
        pub control: Option<Setting<OrOff<Address>>>,
        pub(super) control_token_file: Option<Spanned<String>>,
        pub threads: Option<Setting<Count<1024>>>,
        pub(super) connections: Option<Setting<Count<10_000_000>>>,
        pub(super) header_timeout: Option<Setting<Duration>>,
        pub(super) idle_timeout: Option<Setting<Duration>>,
        pub(super) body_timeout: Option<Setting<Duration>>,
        pub(super) body_limit: Option<Setting<Size>>,
        pub(super) header_limit: Option<Setting<Size>>,
        pub drain_timeout: Option<Setting<Duration>>,
    }

    /// `[resource.NAME]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [resource.NAME]")]
    pub(crate) struct Resource {
        pub(super) python: Option<Setting<Target>>,
        pub(super) wsgi: Option<Setting<Application>>,
        pub(super) interpreter: Option<Spanned<String>>,
        pub(super) venv: Option<Spanned<String>>,
        pub(super) path: Option<Vec<Spanned<String>>>,
        pub(super) workers: Option<Setting<Count<1024>>>,
        pub(super) processes: Option<Setting<Count<1024>>>,
        pub threads: Option<Setting<Count<1024>>>,
        pub(super) concurrency: Option<Setting<Count<1_000_000>>>,
        #[serde(default)]
        pub(super) env: Named<Spanned<String>>,
        #[serde(default)]
        pub(super) exceptions: Named<Setting<StatusCode>>,
        pub(super) start_timeout: Option<Setting<Duration>>,
        pub(super) grace: Option<Setting<Duration>>,
        pub(super) loop_blocked: Option<Setting<OrOff<Duration>>>,
        pub(super) max_requests: Option<Setting<OrOff<Count<1_000_000_000>>>>,
        pub(super) max_requests_jitter: Option<Setting<OrOff<Count<1_000_000_000>>>>,
        pub(super) max_age: Option<Setting<OrOff<Duration>>>,
        pub(super) max_memory: Option<Setting<OrOff<Size>>>,
        pub(super) interrupt: Option<Setting<OrOff<Duration>>>,
        pub(super) kill_siblings: Option<Spanned<bool>>,
        pub(super) http: Option<Setting<Upstream>>,
        pub(super) ca: Option<Spanned<String>>,
        pub(super) tls_server_name: Option<Spanned<String>>,
        pub(super) http2: Option<Setting<Http2>>,
        pub(super) connections: Option<Setting<Count<10_000_000>>>,
        pub(super) connect_timeout: Option<Setting<Duration>>,
        pub(super) first_byte_timeout: Option<Setting<OrOff<Duration>>>,
        pub(super) stall_timeout: Option<Setting<OrOff<Duration>>>,
        pub(super) idle_timeout: Option<Setting<Duration>>,
        pub(super) preserve_host: Option<Spanned<bool>>,
        pub(super) request_buffering: Option<Spanned<bool>>,
        pub(super) command: Option<Spanned<Vec<Spanned<String>>>>,
        pub(super) shell: Option<Spanned<bool>>,
        pub(super) directory: Option<Spanned<String>>,
        pub(super) clear_env: Option<Spanned<bool>>,
        pub(super) content_type: Option<Setting<MediaType>>,
        #[serde(default)]
        pub(super) exit_codes: Named<Setting<StatusCode>>,
        pub(super) output_limit: Option<Setting<Size>>,
        pub(super) stream: Option<Spanned<bool>>,
        pub(super) stub: Option<Spanned<Stub>>,
        #[serde(default)]
        pub policy: Policy,
    }

    /// `stub = { … }`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as { delay = \"5s\" }")]
    pub(crate) struct Stub {
        pub delay: Option<Setting<Delay>>,
        pub body: Option<String>,
        pub status: Option<Setting<StatusCode>>,
        pub content_type: Option<Setting<MediaType>>,
        pub failure_rate: Option<Setting<Share>>,
        pub failure_status: Option<Setting<StatusCode>>,
        pub concurrency: Option<Setting<Count<1_000_000>>>,
        pub busy_status: Option<Setting<StatusCode>>,
        pub seed: Option<u64>,
    }

    /// `[resource.NAME.policy]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [resource.NAME.policy]")]
    pub(crate) struct Policy {
        pub limit: Option<Setting<Count<10_000_000>>>,
        pub queue: Option<Setting<OrOff<Count<100_000_000>>>>,
        pub timeout: Option<Setting<OrOff<Duration>>>,
        pub deadline: Option<Setting<OrOff<Duration>>>,
        pub rate: Option<Setting<OrOff<Rate>>>,
        #[serde(default)]
        pub retry: Retry,
        pub coalesce: Option<bool>,
        pub cache: Option<Setting<OrOff<CacheSettings>>>,
        pub on_disconnect: Option<Setting<OnDisconnect>>,
    }

    /// `retry = { … }`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as { max_attempts = 3 }")]
    pub(crate) struct Retry {
        pub max_attempts: Option<Setting<Count<100>>>,
        pub backoff: Option<Setting<Duration>>,
        pub max_backoff: Option<Setting<Duration>>,
        pub budget: Option<Setting<Budget>>,
    }

    /// `[[route]]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [[route]]")]
    pub(crate) struct Route {
        pub path: Option<Setting<RoutePath>>,
        pub methods: Option<Spanned<Vec<Setting<Method>>>>,
        pub(super) resource: Option<Spanned<String>>,
        pub(super) args: Option<Spanned<Named<Setting<ArgumentText>>>>,
        pub(super) reply: Option<Setting<ReplyForm>>,
        pub(super) list: Option<Setting<ListTarget>>,
        pub(super) strip_prefix: Option<Spanned<String>>,
    }
}

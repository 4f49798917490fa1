//! Tables and keys of a configuration as they are typed, before any default or check.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use mesero::{OnDisconnect, Order, Rate};
use serde::Deserialize;
use toml::Spanned;

use crate::elements::address::Address;
use crate::elements::application::Application;
use crate::elements::argument::ArgumentText;
use crate::elements::budget::Budget;
use crate::elements::cache::CacheSettings;
use crate::elements::count::Count;
use crate::elements::delay::Delay;
use crate::elements::element::Setting;
use crate::elements::fraction::Share;
use crate::elements::http2::Http2;
use crate::elements::limit::LimitSettings;
use crate::elements::list_target::ListTarget;
use crate::elements::media_type::MediaType;
use crate::elements::off::OrOff;
use crate::elements::one_or_many::OneOrMany;
use crate::elements::python_target::PythonTarget;
use crate::elements::reply_form::ReplyForm;
use crate::elements::request_part::{ForecastBy, KeySource, RequestPart};
use crate::elements::route_path::RoutePath;
use crate::elements::size::Size;
use crate::elements::upstream::Upstream;
use crate::schema::described::described;

/// A table whose keys are names that the writer chose.
pub(crate) type NamedTable<T> = BTreeMap<Spanned<String>, T>;

described! {
    /// The whole file.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a configuration")]
    pub(crate) struct Document {
        #[serde(default)]
        pub(crate) server: Server,
        #[serde(default)]
        pub(crate) resource: NamedTable<Spanned<Resource>>,
        #[serde(default)]
        pub(crate) route: Vec<Spanned<Route>>,
    }

    /// `[server]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [server]")]
    pub(crate) struct Server {
        pub(crate) listen: Option<Setting<OneOrMany<Address>>>,
        pub control: Option<Setting<OrOff<Address>>>,
        pub(crate) control_token_file: Option<Spanned<String>>,
        pub threads: Option<Setting<Count<1024>>>,
        pub(crate) connections: Option<Setting<Count<10_000_000>>>,
        pub(crate) header_timeout: Option<Setting<Duration>>,
        pub(crate) idle_timeout: Option<Setting<Duration>>,
        pub(crate) body_timeout: Option<Setting<Duration>>,
        pub(crate) body_limit: Option<Setting<Size>>,
        pub(crate) header_limit: Option<Setting<Size>>,
        pub drain_timeout: Option<Setting<Duration>>,
    }

    /// `[resource.NAME]`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as [resource.NAME]")]
    pub(crate) struct Resource {
        pub(crate) python: Option<Setting<PythonTarget>>,
        pub(crate) wsgi: Option<Setting<Application>>,
        pub(crate) interpreter: Option<Spanned<String>>,
        pub(crate) venv: Option<Spanned<String>>,
        pub(crate) path: Option<Vec<Spanned<String>>>,
        pub(crate) workers: Option<Setting<Count<1024>>>,
        pub(crate) processes: Option<Setting<Count<1024>>>,
        pub threads: Option<Setting<Count<1024>>>,
        pub(crate) concurrency: Option<Setting<Count<1_000_000>>>,
        #[serde(default)]
        pub(crate) env: NamedTable<Spanned<String>>,
        #[serde(default)]
        pub(crate) exceptions: NamedTable<Setting<StatusCode>>,
        pub(crate) start_timeout: Option<Setting<Duration>>,
        pub(crate) grace: Option<Setting<Duration>>,
        pub(crate) loop_blocked: Option<Setting<OrOff<Duration>>>,
        pub(crate) max_requests: Option<Setting<OrOff<Count<1_000_000_000>>>>,
        pub(crate) max_requests_jitter: Option<Setting<OrOff<Count<1_000_000_000>>>>,
        pub(crate) max_age: Option<Setting<OrOff<Duration>>>,
        pub(crate) max_memory: Option<Setting<OrOff<Size>>>,
        pub(crate) interrupt: Option<Setting<OrOff<Duration>>>,
        pub(crate) kill_siblings: Option<Spanned<bool>>,
        pub(crate) http: Option<Setting<Upstream>>,
        pub(crate) ca: Option<Spanned<String>>,
        pub(crate) tls_server_name: Option<Spanned<String>>,
        pub(crate) http2: Option<Setting<Http2>>,
        pub(crate) connections: Option<Setting<Count<10_000_000>>>,
        pub(crate) connect_timeout: Option<Setting<Duration>>,
        pub(crate) first_byte_timeout: Option<Setting<OrOff<Duration>>>,
        pub(crate) stall_timeout: Option<Setting<OrOff<Duration>>>,
        pub(crate) idle_timeout: Option<Setting<Duration>>,
        pub(crate) abandoned_timeout: Option<Setting<Duration>>,
        pub(crate) stops_on_disconnect: Option<Spanned<bool>>,
        pub(crate) cut_grace: Option<Setting<Duration>>,
        pub(crate) preserve_host: Option<Spanned<bool>>,
        pub(crate) request_buffering: Option<Spanned<bool>>,
        pub(crate) command: Option<Spanned<Vec<Spanned<String>>>>,
        pub(crate) shell: Option<Spanned<bool>>,
        pub(crate) directory: Option<Spanned<String>>,
        pub(crate) clear_env: Option<Spanned<bool>>,
        pub(crate) content_type: Option<Setting<MediaType>>,
        #[serde(default)]
        pub(crate) exit_codes: NamedTable<Setting<StatusCode>>,
        pub(crate) output_limit: Option<Setting<Size>>,
        pub(crate) stream: Option<Spanned<bool>>,
        pub(crate) stub: Option<Spanned<Stub>>,
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
        pub limit: Option<Setting<LimitSettings>>,
        pub queue: Option<Setting<OrOff<Count<100_000_000>>>>,
        pub order: Option<Setting<Order>>,
        pub queue_timeout: Option<Setting<OrOff<Duration>>>,
        pub key: Option<Setting<KeySource>>,
        pub per_key: Option<Spanned<PerKey>>,
        pub priority: Option<Setting<RequestPart>>,
        pub head_start: Option<Setting<Duration>>,
        pub forecast_by: Option<Setting<ForecastBy>>,
        pub rate_limit_headers: Option<bool>,
        pub timeout: Option<Setting<OrOff<Duration>>>,
        pub deadline: Option<Setting<OrOff<Duration>>>,
        pub rate: Option<Setting<OrOff<Rate>>>,
        #[serde(default)]
        pub retry: Retry,
        pub coalesce: Option<bool>,
        pub cache: Option<Setting<OrOff<CacheSettings>>>,
        pub on_disconnect: Option<Setting<OnDisconnect>>,
    }

    /// `per_key = { … }`.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "a table such as { limit = 4 }")]
    pub(crate) struct PerKey {
        pub limit: Option<Setting<Count<10_000_000>>>,
        pub queue: Option<Setting<Count<100_000_000>>>,
        pub rate: Option<Setting<Rate>>,
        #[serde(default)]
        pub weights: NamedTable<Setting<Count<1_000_000>>>,
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
        pub(crate) resource: Option<Spanned<String>>,
        pub(crate) args: Option<Spanned<NamedTable<Setting<ArgumentText>>>>,
        pub(crate) reply: Option<Setting<ReplyForm>>,
        pub(crate) list: Option<Setting<ListTarget>>,
        pub(crate) strip_prefix: Option<Spanned<String>>,
    }
}

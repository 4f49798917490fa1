//! `/metrics`: counters, gauges and histograms, as `OpenMetrics` or in Prometheus's older format.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use mesero_services::service::Service;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::Plane;
use super::causes::{self, ProblemResponse};

mod classic;
mod families;
mod snapshot;

use families::{FAMILIES, Family, HISTOGRAMS, HistogramFamily, MetricKind, SECONDS, SecondsFamily};
use snapshot::Snapshot;

const OPENMETRICS: &str = "application/openmetrics-text";
const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the metrics of all services, in the format that the scraper accepts; it never waits.
pub(super) async fn scrape(
    State(plane): State<Arc<Plane>>,
    headers: HeaderMap,
) -> Result<([(header::HeaderName, HeaderValue); 1], String), ProblemResponse> {
    let text = expose(&plane.services)
        .map_err(|_| causes::internal("the metrics cannot be written".to_owned()))?;
    let (media_type, text) = if wants_openmetrics(&headers) {
        (OPENMETRICS_TYPE, text)
    } else {
        (CLASSIC_TYPE, classic::from_openmetrics(&text))
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text))
}

/// True if the scraper accepts `OpenMetrics`, which it then gets.
fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let named = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(OPENMETRICS));
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").and_then(|weight| weight.parse::<f64>().ok());
            weight == Some(0.0)
        };
        is_it && !parts.any(refused)
    };
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| named(range.trim()))
}

fn expose(services: &[Service]) -> Result<String, fmt::Error> {
    let snapshots = services.iter().map(Snapshot::of).collect();
    let mut registry = Registry::with_prefix("mesero");
    registry.register_collector(Box::new(MetricsCollector { snapshots }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

/// All metrics of all resources, one family after the other.
#[derive(Debug)]
struct MetricsCollector {
    snapshots: Vec<Snapshot>,
}

impl Collector for MetricsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in FAMILIES {
            let metric =
                encoder.encode_descriptor(family.name, family.help, None, family.kind.into())?;
            self.encode_family(family, metric)?;
        }
        for family in SECONDS {
            let unit = Some(&Unit::Seconds);
            let kind = MetricType::Counter;
            let metric = encoder.encode_descriptor(family.name, family.help, unit, kind)?;
            self.encode_seconds(family, metric)?;
        }
        for family in HISTOGRAMS {
            let unit = Some(&Unit::Seconds);
            let kind = MetricType::Histogram;
            let metric = encoder.encode_descriptor(family.name, family.help, unit, kind)?;
            self.encode_histograms(family, metric)?;
        }
        Ok(())
    }
}

impl MetricsCollector {
    fn encode_family(&self, family: &Family, mut metric: MetricEncoder<'_>) -> fmt::Result {
        for snapshot in &self.snapshots {
            for (value, count) in (family.samples)(snapshot) {
                let mut labels = vec![("resource", snapshot.name.as_str())];
                if let Some(label) = family.label {
                    labels.push((label, value));
                }
                let mut sample = metric.encode_family(&labels)?;
                match family.kind {
                    MetricKind::Counter => sample.encode_counter(&count, NO_EXEMPLAR)?,
                    MetricKind::Gauge => sample.encode_gauge(&count)?,
                }
            }
        }
        Ok(())
    }

    fn encode_seconds(&self, family: &SecondsFamily, mut metric: MetricEncoder<'_>) -> fmt::Result {
        for snapshot in &self.snapshots {
            let labels = [("resource", snapshot.name.as_str())];
            let seconds = (family.time)(snapshot).as_secs_f64();
            metric.encode_family(&labels)?.encode_counter(&seconds, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn encode_histograms(
        &self,
        family: &HistogramFamily,
        mut metric: MetricEncoder<'_>,
    ) -> fmt::Result {
        for snapshot in &self.snapshots {
            let labels = [("resource", snapshot.name.as_str())];
            let reading = (family.histogram)(&snapshot.metrics).read();
            metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                reading.sum,
                reading.count,
                &reading.buckets,
                None,
            )?;
        }
        Ok(())
    }
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;

#[cfg(test)]
mod tests;

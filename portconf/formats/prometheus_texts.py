"""The files for Prometheus that are the same for every project, but for addresses."""

PROMETHEUS = """\
# A complete configuration: prometheus --config.file=prometheus.yml
# To change it, copy it to another name or folder, and let its paths lead here.
global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files:
  - portconf.rules.yml

alerting:
  alertmanagers:
    - static_configs:
        - targets: ["@alertmanager@"]

scrape_configs:
  # Whether services answer: the blackbox exporter asks each of them.
  - job_name: portconf
    metrics_path: /probe
    file_sd_configs:
      # A file per checkout that 'portconf export' was run in; read again by itself.
      - files: ["targets/portconf-*.json"]
    relabel_configs:
      # Services over UDP have no module: no connection tells whether they answer.
      - source_labels: [__meta_portconf_module]
        regex: .+
        action: keep
      - source_labels: [__meta_portconf_module]
        target_label: __param_module
      - source_labels: [__meta_portconf_target]
        target_label: __param_target
      - target_label: __address__
        replacement: "@blackbox-exporter@"

  # What 'portconf export --format metrics' has written, by the node exporter.
  - job_name: portconf-metrics
    honor_labels: true # `instance` is the lease's, as it is above
    params:
      collect[]: [textfile]
    static_configs:
      - targets: ["@node-exporter@"]
"""

BLACKBOX = """\
# prometheus-blackbox-exporter --config.file=blackbox.yml
modules:
  # The key `health` is a path: what 'portconf health' takes for an answer is one here.
  http:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      follow_redirects: false
      valid_status_codes:
        [200, 201, 202, 203, 204, 205, 206, 207, 208, 226,
         300, 301, 302, 303, 304, 305, 307, 308]
      tls_config:
        insecure_skip_verify: true # a server on this machine certifies itself
  # No `health`, or a command, which an exporter cannot run: a connection.
  tcp:
    prober: tcp
    timeout: 5s
    tcp:
      preferred_ip_protocol: ip4
"""

RULES = """\
groups:
  - name: portconf
    rules:
      - alert: PortconfServiceDown
        expr: probe_success{job="portconf"} == 0
        for: 1m
        labels:
          severity: warning
        annotations:
          summary: >-
            {{ $labels.service }} of {{ $labels.project }}
            does not answer on port {{ $labels.port }}
          description: portconf health {{ $labels.service }}

      - alert: PortconfForeignListener
        expr: portconf_port_foreign == 1
        labels:
          severity: critical
        annotations:
          summary: >-
            somebody else's server listens on port {{ $labels.port }},
            which is {{ $labels.service }} of {{ $labels.project }}
          description: portconf guard

      # Two services on one port: checkouts that do not share a registry, or a file in
      # targets/ whose checkout has moved on.
      - alert: PortconfPortConflict
        expr: >-
          count by (port) (
            count by (port, project, instance, service) (
              probe_success{job="portconf", shared=""}
            )
          ) > 1
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: port {{ $labels.port }} is {{ $value }} services' at once
          description: portconf leases

      - alert: PortconfStaleLease
        expr: portconf_lease_stale == 1
        for: 10m
        labels:
          severity: info
        annotations:
          summary: >-
            {{ $labels.folder }} is gone,
            and its lease still holds ports {{ $labels.ports }}
          description: portconf gc
"""

ALERTMANAGER = """\
# An example: prometheus-alertmanager --config.file=alertmanager.yml
# Copy it, and name who is to be told.
route:
  receiver: webhook
  group_by: [alertname, project, instance]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 4h

receivers:
  - name: webhook
    webhook_configs:
      - url: http://@alert-webhook@/
        send_resolved: true

# Somebody else's server in its place is not the service's own end.
inhibit_rules:
  - source_matchers: [alertname = PortconfForeignListener]
    target_matchers: [alertname = PortconfServiceDown]
    equal: [port, service]
"""

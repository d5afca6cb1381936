"""What portconf writes for monitoring and for DNS, read by the real programs."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import views
from capability import needs
from checkouts import free_ports
from monitors import started
from patience import until

from portconf import formats
from portconf.model import Protocol, Service
from portconf.registry.values import Holder, Lease
from portconf.settings import Settings
from portconf.views import Leased, View


pytestmark = pytest.mark.external

# What YAML, JSON, PromQL, Go's templates, relabelling or dnsmasq would take for more
# than text, and what a folder, a branch or a path may hold all the same.
NASTY = (
    "{{ reReplaceAll }} {{$labels.service}}",
    "x: y # z",
    "- x",
    "'\"`",
    '"} 1\nportconf_port_foreign{service="web',
    "\\n\\\\",
    "$1 ${2} %s %(x)s",
    "/,127.0.0.2\naddress=/#/127.0.0.3",
    "x\r\n\tä🐘\u2028",
    "&a *a !!x <<: [{",
    "conf-file=/etc/passwd",
    "job",
    "\udce9",
    ".",
)


def write(view: View, folder: Path, *names: str) -> None:
    for name in names:
        for file, text in formats.load(name).render(view).items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))


def hostile(nasty: str, **fields: Any) -> View:
    """Return a view in which every text that a user can write is nasty."""
    words = {"purpose": nasty, **fields}
    path = "/" + "".join(each for each in nasty if each > " ")
    found = views.site(
        views.endpoint("web", 4000, health=path, **words),
        views.endpoint("api", 4001, health=path, scheme="https", **words),
        views.endpoint("db", 4002, health=(nasty,), scheme="x", **words),
        views.endpoint("logs", 4003, protocol=Protocol.UDP, **words),
        project=nasty,
        branch=nasty,
        root=f"/home/{nasty}",
    )
    services = tuple(Service(name=each.name) for each in found.endpoints)
    return views.view(site=found, variables={}, settings=Settings(services=services))


def lease(folder: str = "/home/you/shop", name: str = "shop") -> Lease:
    holder = Holder(
        namespace="", checkout=folder, project="", root=folder, name=name, linked=False
    )
    return Lease(number=1, holder=holder, ports={4000: "web", 4001: "api"})


def ask(*words: str | Path, fed: str | None = None) -> str:
    done = subprocess.run(
        words, input=fed, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs("promtool")
def test_promtool_gets_every_target_and_label_back(tmp_path):
    for nasty in NASTY:
        write(hostile(nasty), tmp_path, "prometheus")

    config = tmp_path / "prometheus.yml"
    ask("promtool", "check", "config", config)
    words = ["promtool", "check", "service-discovery", "--timeout=1s", config]
    told = json.loads(ask(*words, "portconf"))

    found = [each["labels"] for each in told if each["labels"]]
    names = {nasty.replace("\udce9", "\ufffd") for nasty in NASTY}
    assert len(told) == 4 * len(NASTY)  # one of four is UDP's, which nobody asks
    assert sorted((each["project"], each["service"]) for each in found) == sorted(
        (name, service) for name in names for service in ("web", "api", "db")
    )
    for each in found:
        port = {"web": "4000", "api": "4001", "db": "4002"}[each["service"]]
        assert each["branch"] == each["project"]
        assert (each["job"], each["instance"], each["port"]) == ("portconf", "0", port)
        assert each["__address__"] == "127.0.0.1:9115"
        module, target = each["__param_module"], each["__param_target"]
        assert module == ("tcp" if each["service"] == "db" else "http")
        begins = {"web": "http://", "api": "https://", "db": ""}[each["service"]]
        assert target.startswith(f"{begins}127.0.0.1:{port}")
        assert re.fullmatch(r"[!-~]+", target)
        assert (target == f"127.0.0.1:{port}") is (module == "tcp")


@needs("promtool")
@needs("amtool")
@needs("prometheus-blackbox-exporter")
def test_every_program_takes_its_configuration(tmp_path):
    write(hostile(NASTY[0]), tmp_path, "prometheus")

    ask("promtool", "check", "rules", tmp_path / "portconf.rules.yml")
    ask("amtool", "check-config", tmp_path / "alertmanager.yml")
    blackbox = f"--config.file={tmp_path / 'blackbox.yml'}"
    ask("prometheus-blackbox-exporter", "--config.check", blackbox)


@pytest.mark.parametrize("nasty", NASTY)
@needs("promtool")
def test_promtool_takes_every_metric(nasty):
    seen = Leased(lease=lease(nasty, nasty), branch=nasty, gone=True)
    view = views.view(machine=lambda: (seen,))

    told = views.text("metrics", view)

    ask("promtool", "check", "metrics", fed=told)
    assert len(told.split("\n")) == 13


SERIES = {
    "PortconfServiceDown": 'probe_success{job="portconf", %s}',
    "PortconfForeignListener": "portconf_port_foreign{%s}",
    "PortconfStaleLease": 'portconf_lease_stale{folder="/old", ports="1-9", %s}',
}
WEB = 'service="web", project="{{x}}", instance="0", branch="a\\"b", port="4000"'
API = 'service="api", project="{{x}}", instance="0", branch="a\\"b", port="4000"'


def ruled(folder: Path, alert: str, after: str, *series: tuple[str, str]) -> Any:
    """Return the alerts of one name that are firing after a time."""
    write(views.view(), folder, "prometheus")
    case = {
        "interval": "15s",
        "input_series": [{"series": name, "values": v} for name, v in series],
        # What is expected is nothing: what is there instead, promtool prints.
        "alert_rule_test": [{"eval_time": after, "alertname": alert, "exp_alerts": []}],
    }
    tests = {
        "rule_files": ["portconf.rules.yml"],
        "evaluation_interval": "15s",
        "tests": [case],
    }
    (folder / "tests.yml").write_text(json.dumps(tests))
    words = ["promtool", "test", "rules", "tests.yml"]
    done = subprocess.run(
        words, cwd=folder, capture_output=True, encoding="utf-8", check=False
    )
    return (done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("alert", "well", "ill", "soon", "late", "summary"),
    [
        (
            "PortconfServiceDown",
            "1x90",
            "0x90",
            "45s",
            "2m",
            "web of {{x}} does not answer on port 4000",
        ),
        (
            "PortconfForeignListener",
            "0x90",
            "1x90",
            None,
            "15s",
            "somebody else's server listens on port 4000, which is web of {{x}}",
        ),
        (
            "PortconfStaleLease",
            "0x90",
            "1x90",
            "5m",
            "11m",
            "/old is gone, and its lease still holds ports 1-9",
        ),
    ],
)
@needs("promtool")
def test_an_alert_fires_after_its_time_and_not_before(
    alert, well, ill, soon, late, summary, tmp_path
):
    series = SERIES[alert] % WEB

    fine, _ = ruled(tmp_path, alert, late, (series, well))
    early, _ = ruled(tmp_path, alert, soon or "0s", (series, ill if soon else well))
    firing, told = ruled(tmp_path, alert, late, (series, ill))

    assert (fine, early, firing) == (0, 0, 1)
    assert summary in told
    assert 'branch="a\\"b"' in told


@pytest.mark.parametrize(
    ("second", "more", "conflict"),
    [
        (API, "", True),
        (WEB.replace("4000", "4001"), "", False),
        (API, ', shared="true"', False),
        (WEB.replace('a\\"b', "c"), "", False),
    ],
)
@needs("promtool")
def test_two_services_on_one_port_are_a_conflict(second, more, conflict, tmp_path):
    down = SERIES["PortconfServiceDown"]

    code, told = ruled(
        tmp_path,
        "PortconfPortConflict",
        "2m",
        (down % WEB, "1x90"),
        (down % (second + more), "1x90"),
    )

    assert bool(code) is conflict, told
    assert ("port 4000 is 2 services' at once" in told) is conflict


@contextmanager
def dnsmasq(folder: Path) -> Iterator[Callable[..., list[str]]]:
    """Let dnsmasq answer from the files of a folder; yield what asks it."""
    port = free_ports(1)

    def dig(name: str, kind: str = "A") -> list[str]:
        words = f"dig @127.0.0.1 -p {port} +short +time=2 +tries=1 {name} {kind}"
        done = subprocess.run(
            words.split(), capture_output=True, text=True, check=False
        )
        return done.stdout.splitlines() if done.returncode == 0 else ["no answer"]

    at = folder.parent / "running"
    at.mkdir()
    with started(
        *("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts"),
        *("--bind-interfaces", "--listen-address=127.0.0.1", f"--port={port}"),
        *(f"--conf-dir={folder}", "--pid-file"),
        at=at,
    ):
        until(lambda: dig("nothing.invalid") != ["no answer"])
        yield dig


@needs("dnsmasq")
@needs("dig")
def test_dnsmasq_answers_for_every_service_of_every_checkout(tmp_path):
    folder = tmp_path / "dns"
    here = views.site(
        views.endpoint("web", 4000),
        views.endpoint("logs.json", 4003, protocol=Protocol.UDP),
    )
    there = views.site(
        views.endpoint("web", 20100),
        root="/home/you/fix",
        branch="Fix/log_in",
        instance=2,
    )
    services = tuple(Service(name=each.name) for each in here.endpoints)
    settings = Settings(services=services)
    write(views.view(site=here, others=(there,), settings=settings), folder, "dnsmasq")

    with dnsmasq(folder) as dig:
        assert dig("web.shop.localhost") == ["127.0.0.1"]
        assert dig("web.main.shop.localhost") == ["127.0.0.1"]
        assert dig("web.fix-log-in.shop.localhost") == ["127.0.0.1"]
        assert dig("_web._tcp.shop.localhost", "SRV") == [
            "0 0 4000 web.shop.localhost."
        ]
        assert dig("_web._tcp.fix-log-in.shop.localhost", "SRV") == [
            "0 0 20100 web.fix-log-in.shop.localhost."
        ]
        assert dig("_logs-json._udp.shop.localhost", "SRV") == [
            "0 0 4003 logs-json.shop.localhost."
        ]
        assert dig("web.shop.localhost", "AAAA") == []
        # musl, as in Alpine, takes "no such name" here for one of IPv4 too.
        told = dig("web.fix-log-in.shop.localhost +noshort +comments", "AAAA")
        assert any("status: NOERROR" in line for line in told)
        told = dig("other.shop.localhost +noshort +comments", "AAAA")
        assert any("status: NXDOMAIN" in line for line in told)
        assert dig("other.shop.localhost") == []
        assert dig("1.0.0.127.in-addr.arpa", "PTR") == []


@pytest.mark.parametrize("nasty", NASTY)
@needs("dnsmasq")
def test_dnsmasq_takes_names_that_are_none(nasty, tmp_path):
    write(hostile(nasty), tmp_path, "dnsmasq")

    ask("dnsmasq", "--test", f"--conf-dir={tmp_path}")

    (file,) = tmp_path.iterdir()
    head, whose, *lines = file.read_text(encoding="utf-8").splitlines()
    assert head.startswith("# Generated by portconf.")
    assert whose.startswith("# For the project in ")
    assert len(lines) == 1 + 3 * 4
    assert {line.partition("=")[0] for line in lines} == {
        "local",
        "address",
        "srv-host",
    }

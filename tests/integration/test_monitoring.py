"""A running Prometheus, with the programs that it asks and that it tells."""

import pytest
from answerers import answering, said, status
from capability import needs
from checkouts import Checkout, declaration, free_ports, server
from monitors import alertmanager, blackbox, get, hurry, prometheus, started, webhook
from patience import until


pytestmark = pytest.mark.external

STACK = ("prometheus", "alertmanager", "blackbox-exporter", "node-exporter")


@pytest.fixture
def monitored(tmp_path) -> Checkout:
    """A project that declares a service with a path, and all that watches it."""
    found = Checkout(tmp_path / "shop")
    found.root.mkdir()
    found.git("init", "-q", "-b", "main")
    names = "".join(f"{each} = ''\n" for each in (*STACK, "alert-webhook"))
    table = f"web = {{ health = '/healthz' }}\n{names}"
    found.declare(declaration(free_ports(10), table=table))
    found.init()
    return found


def export(checkout: Checkout, *words: str) -> None:
    done = checkout.run("export", "--format", *words)
    assert done.code == 0, done


@needs("prometheus")
@needs("prometheus-alertmanager")
@needs("prometheus-blackbox-exporter")
def test_the_webhook_rings_when_a_service_stops_and_again_when_it_is_back(
    monitored, tmp_path
):
    port, folder = monitored.port, tmp_path / "monitoring"
    export(monitored, "prometheus", "--output", str(folder))
    hurry(folder)
    healthy = answering(said(status(302)), port=port("web"))

    with (
        webhook(port("alert-webhook")) as rung,
        alertmanager(folder, port("alertmanager")),
        blackbox(folder, port("blackbox-exporter")),
        prometheus(folder, port("prometheus")),
    ):

        def told() -> list[tuple[str, str]]:
            return [
                (each["labels"]["alertname"], each["status"])
                for each in rung
                if each["labels"]["service"] == "web"
            ]

        def up() -> bool:
            found = get(port("prometheus"), "/api/v1/query?query=probe_success==1")
            results = found["data"]["result"] if found else []
            return any(each["metric"]["service"] == "web" for each in results)

        with healthy:
            until(up)
            quiet = told()
        until(lambda: told() != [])
        ringing = told()
        with answering(said(status(200)), port=port("web")):
            until(lambda: ("PortconfServiceDown", "resolved") in told())

    assert quiet == []
    assert set(ringing) == {("PortconfServiceDown", "firing")}
    (summary,) = {
        each["annotations"]["summary"]
        for each in rung
        if each["labels"]["service"] == "web"
    }
    assert summary == f"web of shop does not answer on port {port('web')}"


@needs("prometheus")
def test_targets_that_are_written_again_are_taken_without_a_reload(monitored, tmp_path):
    port, folder = monitored.port("prometheus"), tmp_path / "monitoring"
    export(monitored, "prometheus", "--output", str(folder))
    hurry(folder)

    def branches() -> set[str]:
        found = get(port, "/api/v1/targets?state=active")
        active = found["data"]["activeTargets"] if found else []
        return {
            each["labels"]["branch"]
            for each in active
            if each["scrapePool"] == "portconf"
        }

    with prometheus(folder, port):
        until(lambda: branches() == {"main"})
        # What templates, relabelling, YAML and PromQL would take for their own.
        hostile = "a{{template}}\"'`$1|${2}#%;&<é"
        monitored.git("checkout", "-qb", hostile)
        export(monitored, "prometheus", "--output", str(folder), "--force")
        until(lambda: branches() == {hostile})


def test_a_worktree_that_is_moved_keeps_its_targets_file(monitored, tmp_path):
    monitored.git("add", "-A")
    monitored.git("commit", "-qm", "all")
    there, folder = monitored.worktree("../fix"), tmp_path / "monitoring"
    export(there, "prometheus", "--output", str(folder))
    before = [each.name for each in (folder / "targets").iterdir()]

    monitored.git("worktree", "move", str(there.root), str(tmp_path / "moved"))
    moved = Checkout(tmp_path / "moved")
    moved.git("checkout", "-qb", "other")
    export(moved, "prometheus", "--output", str(folder))

    (file,) = (folder / "targets").iterdir()
    assert [file.name] == before
    assert '"branch": "other"' in file.read_text(encoding="utf-8")


@needs("prometheus")
@needs("prometheus-node-exporter")
def test_a_foreign_listener_raises_an_alert(monitored, tmp_path):
    port, folder = monitored.port, tmp_path / "monitoring"
    export(monitored, "prometheus", "--output", str(folder))
    hurry(folder)

    def firing() -> set[tuple[str, str]]:
        found = get(port("prometheus"), "/api/v1/alerts")
        return {
            (each["labels"]["alertname"], each["labels"]["service"])
            for each in (found["data"]["alerts"] if found else [])
            if each["state"] == "firing"
        }

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (
        started(
            "prometheus-node-exporter",
            "--collector.disable-defaults",
            "--collector.textfile",
            "--collector.textfile.directory=metrics",
            f"--web.listen-address=127.0.0.1:{port('node-exporter')}",
            at=folder,
        ),
        prometheus(folder, port("prometheus")),
    ):
        with server(port("web"), at=elsewhere):
            export(monitored, "metrics", "--output", str(folder / "metrics"))
            until(lambda: ("PortconfForeignListener", "web") in firing())
        export(monitored, "metrics", "--output", str(folder / "metrics"))
        until(lambda: ("PortconfForeignListener", "web") not in firing())


def test_the_metrics_are_those_of_every_checkout_of_the_machine(monitored):
    monitored.git("add", "-A")
    monitored.git("commit", "-qm", "all")
    there = monitored.worktree("../fix")
    here, lease = monitored.init(), there.init()
    there.git("worktree", "remove", "--force", str(there.root))

    with server(monitored.port("web"), at=monitored.root):
        lines = monitored.run("export", "--format", "metrics").out.splitlines()

    where = f'branch="main",folder="{monitored.root}",ports="{here["ports"]}"'
    gone = f'branch="",folder="{there.root}",ports="{lease["ports"]}"'
    assert [each for each in lines if each.startswith("portconf_lease_stale")] == [
        f'portconf_lease_stale{{project="shop",instance="0",{where}}} 0',
        f'portconf_lease_stale{{project="shop",instance="{lease["instance"]}",{gone}}} 1',
    ]
    listening = [each for each in lines if each.endswith("} 1")]
    assert 'service="web"' in listening[0]
    assert listening[0].startswith("portconf_port_listening")
    assert len(listening) == 2


def test_the_metrics_of_a_checkout_on_no_branch_name_none(monitored):
    monitored.git("add", "-A")
    monitored.git("commit", "-qm", "all")
    monitored.init()
    monitored.git("checkout", "-q", "--detach")

    assert 'branch="",folder=' in monitored.run("export", "--format", "metrics").out

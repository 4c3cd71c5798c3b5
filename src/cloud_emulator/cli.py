"""The command line ``cloud-emulator``: serve, env, schema."""

from __future__ import annotations

import argparse
import errno
import json
import re
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud_emulator.core.cloud import Cloud

_WRONG_USAGE = 64
DESCRIPTION = """\
A local Microsoft Entra ID, Microsoft Fabric, Power BI, Databricks Unity Catalog, Azure Resource Manager and ADLS
Gen2/OneLake in one process: strict, over TLS, for tests. Unmodified Azure and Databricks SDKs sign in to it."""

EPILOG = """\
quick start, in a shell:
  cloud-emulator serve --port 8443 --data ./cloud --seed contoso &
  eval "$(cloud-emulator env --port 8443 --data ./cloud --wait 20)"
  token=$(curl -s --cacert "$SSL_CERT_FILE" "https://localhost:8443/$AZURE_TENANT_ID/oauth2/v2.0/token" \\
    -d grant_type=client_credentials -d client_id=$AZURE_CLIENT_ID -d client_secret=$AZURE_CLIENT_SECRET \\
    -d scope=https://api.fabric.microsoft.com/.default |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl --cacert "$SSL_CERT_FILE" -H "Authorization: Bearer $token" https://localhost:8443/v1/workspaces

from an SDK: 'cloud-emulator env' prints, as comments, what each needs besides the variables
  (azure-identity: authority='https://localhost:8443', disable_instance_discovery=True)

addresses, all on the one port:
  /v1 Fabric                                       /v1.0/myorg Power BI
  /subscriptions, /providers Resource Manager      /databricks/{workspace host}/api Databricks
  /{tenant} Entra ID, /msi/token managed identity  /api Databricks, the seed's first workspace
  /storage/{account}/{container}/{path} ADLS       /storage/onelake/{workspace}/{item}/{path} OneLake
SQL, with --sql-port Q: Server=localhost,Q; Database=<name or id of a SQL endpoint>; Encrypt=yes (or strict), with a
  token for https://database.windows.net; to reach a workspace by its own server name, let that name resolve to
  127.0.0.1 (the certificate has *.datawarehouse.fabric.microsoft.com)

control plane, without sign-in, JSON, under /_emulator:
  POST reset                back to right after the seed: state, faults, requests, settings and clock
  POST seed                 add a seed document, or {"name": "contoso"}
  GET or DELETE requests    what was asked: [{service, method, path, status, at, effect}], or forget it
  PUT or GET faults         rules of what goes wrong, or those rules with how often each has struck
  PUT or GET settings       how the cloud behaves: times, page size, throttling, latency, rules
  POST clock                {"advance_seconds": N}: let time pass
  GET state, GET health     everything there is, in a stable order and without secrets; whether it serves
'cloud-emulator schema' prints the JSON Schemas of seeds, faults and settings, with what each field means.
Anything that isn't emulated answers 501 and says so."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cloud-emulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the cloud kept in a folder until interrupted")
    _add_location(serve)
    serve.add_argument(
        "--seed", metavar="NAME|FILE", help="fill an empty folder: 'contoso', or a JSON or YAML seed file"
    )
    serve.add_argument(
        "--latency-ms", type=_milliseconds, default=0.0, metavar="N", help="answer each request N milliseconds late"
    )
    serve.add_argument(
        "--sql-port", type=_port, metavar="Q", help="serve the SQL analytics endpoints too, over TDS, on port Q"
    )
    env = commands.add_parser("env", help="print export lines for unity-mirror and the SDKs")
    _add_location(env)
    env.add_argument("--wait", type=float, metavar="N", help="wait until the emulator answers, at most N seconds")
    env.add_argument("--json", action="store_true", help="print the variables as a JSON object instead")
    commands.add_parser("schema", help="print the JSON Schemas of seeds, faults and settings")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)


def _milliseconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds: 0 or more")
    return float(text)


def _add_location(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, required=True, metavar="P", help="the HTTPS port")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder that holds the cloud")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. Exit codes: 0 done, 1 failed, 64 wrong usage."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:
        raise SystemExit(_WRONG_USAGE if stop.code else 0) from None
    command = {"serve": _serve, "env": _env, "schema": _schema}[options.command]
    raise SystemExit(command(options))


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"cloud-emulator: {message}\n")
    return code


def _serve(options: argparse.Namespace) -> int:
    if options.port == options.sql_port:
        return _fail(f"--port and --sql-port are both {options.port}; choose two.", _WRONG_USAGE)
    for name, port in (("--port", options.port), ("--sql-port", options.sql_port)):
        trouble = "" if port is None else _trouble_with(options.host, name, port)
        if trouble:
            return _fail(trouble)
    from cloud_emulator.core.folder import UnusableFolder, opened
    from cloud_emulator.core.tls import ensure_certificates

    try:
        with opened(options.data) as cloud:
            ensure_certificates(options.data / "tls")  # before the cloud is there to be asked for
            return _serve_cloud(cloud, options)
    except UnusableFolder as error:
        return _fail(str(error))


def _serve_cloud(cloud: Cloud, options: argparse.Namespace) -> int:
    from cloud_emulator.environment import remember_sql_port
    from cloud_emulator.seeds.loading import SeedError, fill
    from cloud_emulator.server import run
    from cloud_emulator.services import mounts

    try:
        if options.seed is not None and cloud.store.is_empty():
            fill(cloud, options.seed)
    except SeedError as error:
        return _fail(f"--seed {options.seed}: {error}")
    if cloud.store.is_empty():
        return _fail(f"{options.data} is empty: give --seed contoso, or a seed file (see 'cloud-emulator schema').")
    cloud.ensure_seed()
    remember_sql_port(options.data, options.sql_port)
    sys.stderr.write(f"cloud-emulator: serving {options.data} on https://localhost:{options.port}\n")
    latency = options.latency_ms / 1000
    run(cloud, mounts(), host=options.host, port=options.port, latency=latency, sql_port=options.sql_port)
    return 0


def _trouble_with(host: str, name: str, port: int) -> str:
    """Why a port can't be listened on, or nothing."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {port} is in use; choose another {name} or stop what listens there."
            return f"{host}:{port} can't be listened on ({error.strerror or error}); choose another --host or {name}."
    return ""


def _env(options: argparse.Namespace) -> int:
    from cloud_emulator.environment import NotSeeded, NotServed, notes, variables, wait_until_served

    try:
        if options.wait is not None:
            wait_until_served(options.data, options.port, options.wait)
        exports = variables(options.data, options.port)
    except (NotSeeded, NotServed) as error:
        return _fail(str(error))
    if options.json:
        json.dump(exports, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return 0
    for name, value in exports.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    for line in notes(options.data, options.port):
        sys.stdout.write(f"# {line}\n")
    return 0


def _schema(options: argparse.Namespace) -> int:
    del options
    from cloud_emulator.core.behaviour import Behaviour
    from cloud_emulator.core.faults import FaultRule
    from cloud_emulator.seeds.model import Seed

    schemas = {
        "seed": Seed.model_json_schema(),
        "faults": {"type": "array", "items": FaultRule.model_json_schema()},
        "settings": Behaviour.model_json_schema(),
    }
    json.dump(schemas, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    main()

"""HAProxy in front of the API replicas: it asks each for its health, and leaves out one that doesn't answer.

It also answers for our blocks' logo, and tells browsers to ask nobody else.
"""

from __future__ import annotations

from pathlib import Path

from deploy.local.layout import HOST, Layout
from deploy.local.ui import LOGO, POLICY, logo_file
from deploy.scaled.layout import REPLICAS, Ports

_CONFIGURATION = """\
global
    maxconn 2000
    # Else it would share its port with another HAProxy of the same user, such as that of a second set-up.
    noreuseport

defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    # Clients of Prefect hold connections open for events, logs and work.
    timeout tunnel 1h
    # Only what no replica has seen is sent again by us; Prefect's clients repeat the rest when they get 502 or 503.
    retries 3
    option redispatch 1
    retry-on conn-failure

frontend prefect
    bind {host}:{port}
    http-request return status 200 content-type image/svg+xml file "{logo}" if {{ path /{name_of_logo} }}
    http-response set-header Content-Security-Policy "{policy}"
    default_backend replicas

backend replicas
    balance leastconn
    option httpchk GET /api/health
    http-check expect status 200
    default-server inter 1s fall 2 rise 1
{servers}
"""


def write_balancer_configuration(layout: Layout, ports: Ports) -> Path:
    """HAProxy's configuration; it holds no secret."""
    servers = "\n".join(
        f"    server {name} {HOST}:{port} check" for name, port in zip(REPLICAS, ports.replicas, strict=True)
    )
    path = layout.data / "haproxy.cfg"
    written = _CONFIGURATION.format(
        host=HOST, port=ports.prefect, servers=servers, logo=logo_file(layout), name_of_logo=LOGO, policy=POLICY
    )
    path.write_text(written)
    return path

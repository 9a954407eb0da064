"""Says by zeroconf where OSC and its description are, so that clients list it by name."""

from __future__ import annotations

import ipaddress
import socket
import threading

from attrs import frozen
from zeroconf import InterfaceChoice, ServiceInfo, Zeroconf

from latentknobs.frontends.osc.query import NAME
from latentknobs.frontends.osc.server import say


@frozen
class Announced:
    """
    What is announced.

    Attributes:
        host: Where it is listened, an IP address.
        port: The UDP port of OSC.
        query_port: The TCP port of its description.
    """

    host: str
    port: int
    query_port: int


class Announcement:
    """
    Announces, from a thread of its own, as it takes a second; where it cannot, it says so once.

    Only the interface that is listened on is told, so that nobody is sent to an address that leads elsewhere.
    """

    def __init__(self, what: Announced) -> None:
        self._what = what
        self._zeroconf: Zeroconf | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._announce, name="osc announces", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take it back."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _announce(self) -> None:
        try:
            everywhere = ipaddress.ip_address(self._what.host).is_unspecified
            interfaces = InterfaceChoice.Default if everywhere else [self._what.host]
            with Zeroconf(interfaces=interfaces) as zeroconf:
                for service in self._services(everywhere):
                    zeroconf.register_service(service, allow_name_change=True)
                self._ended.wait()
                zeroconf.unregister_all_services()
        except Exception as error:  # noqa: BLE001 - it can be played all the same
            say(f"OSC is not announced by zeroconf ({type(error).__name__}: {error}); clients can be told where it is.")

    def _services(self, everywhere: bool) -> list[ServiceInfo]:
        host = _outward() if everywhere else self._what.host
        ports = {"_osc._udp": self._what.port, "_oscjson._tcp": self._what.query_port}
        return [
            ServiceInfo(
                f"{kind}.local.",
                f"{NAME} {self._what.port}.{kind}.local.",
                port=port,
                parsed_addresses=[host],
                server=f"{NAME}-{self._what.port}.local.",
            )
            for kind, port in ports.items()
        ]


def _outward() -> str:
    """This machine's address in its network: the one that it would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])

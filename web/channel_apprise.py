"""Any further service that apprise knows, by one address in its words. It tells only yes or no, so no is: try again."""

import logging
from urllib.parse import urlsplit

from riskmap.channels import Delivered, Delivery, Message, TryAgain
from riskmap.errors import Unavailable

_LOCAL = {"dbus", "qt", "glib", "kde", "gnome", "macosx", "windows", "syslog", "file"}
"""speak to this machine's screen or disk, not to anybody"""


class Apprise:
    """The channel of one address."""

    def __init__(self, name: str, url: str) -> None:
        from apprise import Apprise as Service  # noqa: PLC0415 - a second of loading that few cities need
        from apprise import AppriseAsset  # noqa: PLC0415

        self.name = name
        logging.getLogger("apprise").setLevel(
            logging.CRITICAL
        )  # its words repeat addresses, which are secrets
        asset = AppriseAsset(
            app_id="RiskMap",
            app_desc="RiskMap",
            app_url="",
            secure_logging=True,
            http_redirects=False,
            plugin_paths=[],
        )
        self._service = Service(asset=asset)
        known = urlsplit(url).scheme.lower() not in _LOCAL and self._service.add(url)
        if not known or len(self._service) != 1:
            raise Unavailable(
                f"渠道 {name} 的地址 apprise 不认识", remedy="请按 apprise 的写法核对密钥文件中的地址"
            )

    def send(self, message: Message) -> Delivery:
        """Delivered where the service took it; why not is not told."""
        taken = self._service.notify(
            body=message.marked_text, title=message.marked_subject, interpret_escapes=False
        )
        return Delivered() if taken else TryAgain("服务没有接收（apprise 不说明原因）")

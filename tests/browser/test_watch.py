"""What every test of the page stands on: that nothing it does in secret goes unseen."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_faults_of_a_page_are_seen(hands):
    """A request to elsewhere, by HTTP or WebSocket, a breach of the policy and an error that nobody catches show."""
    hands.page.evaluate(
        """async () => {
          const seen = (what, times) => new Promise((done) => {
            window.addEventListener(what, () => { times -= 1; if (times === 0) done(); });
          });
          const all = Promise.all([seen("securitypolicyviolation", 3), seen("error", 1)]);
          fetch("http://127.0.0.2:9/").catch(() => undefined);
          try { new WebSocket("ws://127.0.0.2:9/"); } catch { /* refused at once */ }
          const image = document.createElement("img");
          image.src = "http://127.0.0.2:9/picture.png";
          document.body.append(image);
          setTimeout(() => { throw new Error("nobody catches this"); });
        }"""
    )
    hands.forgive("policy: connect-src http://127.0.0.2:9")
    hands.forgive("policy: connect-src ws://127.0.0.2:9")
    hands.forgive("policy: img-src http://127.0.0.2:9")
    hands.forgive("error: .*nobody catches this")
    hands.forgive("127.0.0.2:9")

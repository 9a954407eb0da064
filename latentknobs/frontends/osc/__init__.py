"""The OSC front end: a shared session's parameters and notes as OSC messages over UDP, described by OSCQuery."""

"""Hypothesis waits as long as it takes: by default an example that takes 200 ms fails, as it may on a busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")
